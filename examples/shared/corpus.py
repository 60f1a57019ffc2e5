"""Text corpora for language models: words or characters in parallel streams.

WikiText-2 or Penn Treebank is read from a folder that the user names.
"""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from examples.shared import texts

UNKNOWN = "<unk>"
UNKNOWN_NUMBER = 0
END = "<eos>"


class Corpus(NamedTuple):
    """A corpus as its users know it: title, file names by split, where it is from."""

    title: str
    files: Mapping[str, str]
    source: str


CORPORA = {
    "wikitext-2": Corpus(
        "WikiText-2",
        {split: f"wiki.{split}.tokens" for split in ("train", "valid", "test")},
        "the archive wikitext-2-v1.zip, words, not raw",
    ),
    "ptb": Corpus(
        "Penn Treebank",
        {split: f"ptb.{split}.txt" for split in ("train", "valid", "test")},
        "the corpus LDC99T42, which has a paid licence, as prepared by Mikolov",
    ),
}

# SHA-256. Of Penn Treebank that of the training file is known.
KNOWN = {
    "wiki.train.tokens": (
        "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f"
    ),
    "wiki.valid.tokens": (
        "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"
    ),
    "wiki.test.tokens": (
        "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"
    ),
    "ptb.train.txt": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
}


def find_files(data_dir: pathlib.Path | None, corpus: str) -> dict[str, pathlib.Path]:
    """The files of a corpus by split, or an exit that says what is missing."""
    files = CORPORA[corpus].files
    remedy = f"Get {', '.join(files.values())} from {CORPORA[corpus].source}."
    folder = texts.find_files(data_dir, corpus, files.values(), remedy)
    return {split: folder / name for split, name in files.items()}


def read_tokens(path: pathlib.Path, level: str) -> list[str]:
    """Words, with `<eos>` at the end of each line, or characters as they stand."""
    content = path.read_bytes()
    if path.name in KNOWN:
        texts.warn_unless_known(path, content, KNOWN[path.name])
    text = content.decode("utf-8")
    if level == "characters":
        return list(text)
    lines = text.removesuffix("\n").split("\n")
    return [word for line in lines for word in (*line.split(), END)]


def make_vocabulary(tokens: Iterable[str], size: int) -> dict[str, int]:
    """Numbers of the most frequent tokens, and 0 of `<unk>`."""
    counts = Counter(tokens)
    del counts[UNKNOWN]
    kept = [UNKNOWN, *(token for token, _ in counts.most_common(size - 1))]
    return {token: number for number, token in enumerate(kept)}


def encode(tokens: Sequence[str], vocabulary: Mapping[str, int]) -> np.ndarray:
    """The tokens' numbers; a token that is not in the vocabulary is `<unk>`."""
    numbers = [vocabulary.get(token, UNKNOWN_NUMBER) for token in tokens]
    return np.array(numbers, "int32")


def parallel_streams(numbers: np.ndarray, batch_size: int) -> np.ndarray:
    """The text cut into equal streams `(batch_size, steps)`, its end left out."""
    steps = len(numbers) // batch_size
    return numbers[: batch_size * steps].reshape(batch_size, steps)


def even_lengths(steps: int, window: int) -> list[int]:
    """Lengths of equal windows, and of the rest."""
    full, rest = divmod(steps, window)
    return [window] * full + [rest] * (rest > 0)


def random_lengths(
    steps: int, window: int, multiple: int, generator: np.random.Generator
) -> list[int]:
    """Lengths of windows that differ, so that no word is always at an edge.

    As published with AWD-LSTM: around `window`, one time in twenty around half
    of it, with a standard deviation of 5, and at least 5. Every new length is
    compiled anew on JAX and TensorFlow, so lengths can be rounded.

    Args:
        steps: What the lengths add up to, but for a rest below `multiple`.
        window: The usual length.
        multiple: Lengths are rounded to multiples of this; 1 leaves them.
        generator: Where chance comes from.
    """
    lengths: list[int] = []
    while steps >= multiple:
        centre = window if generator.random() < 0.95 else window / 2
        drawn = max(5, int(generator.normal(centre, 5)))
        rounded = max(1, round(drawn / multiple)) * multiple
        lengths.append(min(rounded, steps // multiple * multiple))
        steps -= lengths[-1]
    return lengths


def windows(
    streams: np.ndarray, lengths: Iterable[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Tokens and the tokens that follow them, window after window."""
    start = 0
    for length in lengths:
        end = start + length
        yield streams[:, start:end], streams[:, start + 1 : end + 1]
        start = end
