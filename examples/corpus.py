"""Text corpora for language models: words or characters in parallel streams.

WikiText-2 (`wiki.{train,valid,test}.tokens`) or Penn Treebank
(`ptb.{train,valid,test}.txt`, under a licence of its own) is read from a folder
that the user names. It is imported by the scripts beside it and runs nothing by
itself.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

SPLITS = ("train", "valid", "test")
UNKNOWN = "<unk>"
UNKNOWN_NUMBER = 0
END = "<eos>"

# Title, file names, and the folders below the user's one that may hold them.
CORPORA = {
    "wikitext-2": ("WikiText-2", "wiki.{}.tokens", ("wikitext-2", ".")),
    "ptb": ("Penn Treebank", "ptb.{}.txt", ("ptb", "penn", ".")),
}

# SHA-256. Of Penn Treebank the training file's alone is known.
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


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option `--data-dir`, by default what TEXT_DATA_DIR names."""
    folder = os.environ.get("TEXT_DATA_DIR") or None
    default = folder and pathlib.Path(folder)
    parser.add_argument("--data-dir", type=pathlib.Path, default=default)


def find_files(data_dir: pathlib.Path | None, corpus: str) -> dict[str, pathlib.Path]:
    """The files of a corpus by split, or an exit that says what is missing."""
    title, name, folders = CORPORA[corpus]
    names = {split: name.format(split) for split in SPLITS}
    found = "no folder is named by --data-dir or TEXT_DATA_DIR"
    if data_dir is not None:
        for folder in folders:
            paths = {split: data_dir / folder / name for split, name in names.items()}
            if all(path.is_file() for path in paths.values()):
                return paths
        found = f"{data_dir} does not hold {', '.join(names.values())}"
    raise SystemExit(
        f"{title} is missing: {found}. Get the files, put them into a folder DATA or "
        f"into DATA/{folders[0]}, and pass --data-dir DATA."
    )


def read_tokens(path: pathlib.Path, level: str) -> list[str]:
    """Words, with `<eos>` at the end of each line, or characters as they stand."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != KNOWN.get(path.name, digest):
        warnings.warn(
            f"{path} is not the known one: its SHA-256 is {digest}, expected "
            f"{KNOWN[path.name]}.",
            stacklevel=2,
        )
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
