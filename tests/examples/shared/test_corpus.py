"""Text corpora: tokens, vocabulary, windows, and what is said of missing files."""

import os
import pathlib

import numpy as np
import pytest

from examples.shared import corpus


def write(folder, name, text="a b a\n\nc\n"):
    folder.mkdir(exist_ok=True)
    for split in ("train", "valid", "test"):
        (folder / name.format(split)).write_text(text, encoding="utf-8", newline="")


@pytest.fixture
def unchecked(monkeypatch):
    """No file has a known digest."""
    monkeypatch.setattr(corpus, "KNOWN", {})


@pytest.mark.parametrize(
    ("name", "files"), [("wikitext-2", "wiki.{}.tokens"), ("ptb", "ptb.{}.txt")]
)
@pytest.mark.parametrize("nested", [False, True])
def test_files_are_found_in_the_folder_or_below(name, files, nested, tmp_path):
    folder = tmp_path / name if nested else tmp_path
    write(folder, files)
    found = corpus.find_files(tmp_path, name)
    assert found == {
        split: folder / files.format(split) for split in ("train", "valid", "test")
    }


@pytest.mark.parametrize("name", ["wikitext-2", "ptb"])
def test_missing_files_end_the_run_with_the_way_to_mend_it(name, tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(SystemExit) as caught:
            corpus.find_files(folder, name)
        message = str(caught.value)
        assert all(file in message for file in corpus.CORPORA[name].files.values())
        assert "--data-dir" in message
        assert ("TEXT_DATA_DIR" if folder is None else str(tmp_path)) in message


def test_words_end_each_line_and_characters_stand_as_they_are(unchecked, tmp_path):
    path = tmp_path / "wiki.test.tokens"
    path.write_text(" a bé a \n \nc\n", encoding="utf-8", newline="")
    end = "<eos>"
    words = ["a", "bé", "a", end, end, "c", end]
    assert corpus.read_tokens(path, "words") == words
    assert "".join(corpus.read_tokens(path, "characters")) == " a bé a \n \nc\n"


def test_an_unknown_file_warns_and_one_without_a_known_digest_does_not(tmp_path):
    write(tmp_path, "wiki.{}.tokens")
    write(tmp_path, "ptb.{}.txt")
    for name in ("wiki.train.tokens", "wiki.test.tokens", "ptb.train.txt"):
        with pytest.warns(UserWarning, match=corpus.KNOWN[name]):
            corpus.read_tokens(tmp_path / name, "words")
    corpus.read_tokens(tmp_path / "ptb.valid.txt", "words")


def test_vocabulary_keeps_the_most_frequent_and_gives_the_others_one_number():
    tokens = ["b", "b", "b", "<unk>", "<unk>", "<unk>", "<unk>", "a", "a", "c"]
    vocabulary = corpus.make_vocabulary(tokens, 3)
    assert vocabulary == {"<unk>": 0, "b": 1, "a": 2}
    assert corpus.encode(["a", "c", "<unk>", "b", "d"], vocabulary).tolist() == [
        2, 0, 0, 1, 0,
    ]  # fmt: skip
    assert corpus.make_vocabulary("ab", 9) == {"<unk>": 0, "a": 1, "b": 2}


def test_windows_tell_of_every_token_which_one_follows():
    streams = corpus.parallel_streams(np.arange(47), 3)
    assert streams.shape == (3, 15)
    read = list(corpus.windows(streams, [6, 1, 7]))
    assert [x.shape for x, _ in read] == [(3, 6), (3, 1), (3, 7)]
    tokens, targets = (np.concatenate(part, axis=1) for part in zip(*read, strict=True))
    np.testing.assert_array_equal(tokens, streams[:, :14])
    np.testing.assert_array_equal(targets, tokens + 1)
    np.testing.assert_array_equal(tokens[:, 0], [0, 15, 30])


def test_even_lengths_leave_nothing_out():
    assert corpus.even_lengths(23, 5) == [5, 5, 5, 5, 3]
    assert corpus.even_lengths(20, 5) == [5, 5, 5, 5]
    assert corpus.even_lengths(3, 5) == [3]


def test_random_lengths_are_around_the_window_or_half_of_it():
    lengths = corpus.random_lengths(700_000, 70, 1, np.random.default_rng(0))
    assert sum(lengths) == 700_000
    drawn = np.array(lengths[:-1])
    short = drawn < 52
    assert 0.04 < short.mean() < 0.06
    # An integer part is half a step below what was drawn.
    assert drawn[~short].mean() == pytest.approx(69.5, abs=0.2)
    assert drawn[short].mean() == pytest.approx(34.5, abs=1)
    assert drawn[~short].std() == pytest.approx(5, abs=0.2)
    smallest = corpus.random_lengths(9_000, 6, 1, np.random.default_rng(0))[:-1]
    assert min(smallest) == 5
    again = corpus.random_lengths(700_000, 70, 1, np.random.default_rng(0))
    assert again == lengths


@pytest.mark.parametrize(("multiple", "few"), [(35, {35, 70}), (20, {40, 60, 80})])
def test_random_lengths_can_be_rounded_to_few(multiple, few):
    lengths = corpus.random_lengths(40_019, 70, multiple, np.random.default_rng(0))
    assert 0 <= 40_019 - sum(lengths) < multiple
    *drawn, last = lengths
    assert few <= set(drawn)
    assert {n % multiple for n in (*drawn, last)} == {0}


@pytest.mark.skipif(
    not os.environ.get("TEXT_DATA_DIR"),
    reason="TEXT_DATA_DIR does not name a folder with WikiText-2",
)
def test_wikitext_2_has_as_many_tokens_and_types_as_published():
    # A digest other than the published one would warn, and a warning fails.
    folder = pathlib.Path(os.environ["TEXT_DATA_DIR"])
    paths = corpus.find_files(folder, "wikitext-2")
    tokens = {k: corpus.read_tokens(path, "words") for k, path in paths.items()}
    assert {k: len(part) for k, part in tokens.items()} == {
        "train": 2_088_628, "valid": 217_646, "test": 245_569,
    }  # fmt: skip
    assert len(corpus.make_vocabulary(tokens["train"], 10**6)) == 33_278
