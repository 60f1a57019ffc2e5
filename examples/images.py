"""Image sets that several examples read, from a folder that the user names."""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import warnings

import numpy as np

# SHA-256 over the sorted SHA-256 of each image's pixels and label, so that
# neither the file format nor the order matters.
KNOWN = {
    "train": "54e1ab866c9484947dd4821c52bb7a43938f555d6b046be6af55247f8e6ffc64",
    "test": "97b756d55950f1841ebd48df7379b9b2fc87a10d63e08d6213dad41d564e8508",
}


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """The option `--data-dir`, by default what TFDS_DATA_DIR names."""
    folder = os.environ.get("TFDS_DATA_DIR") or None
    default = folder and pathlib.Path(folder)
    parser.add_argument("--data-dir", type=pathlib.Path, default=default)


def read_mnist(data_dir: pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels 0 to 255 `(images, 28, 28)` and labels of a split."""
    import tensorflow_datasets as tfds

    source = tfds.data_source("mnist", split=split, data_dir=data_dir)
    items = list(source)
    images = np.stack([item["image"][..., 0] for item in items])
    labels = np.array([item["label"] for item in items], "int32")
    digests = sorted(
        hashlib.sha256(image.tobytes() + bytes([label])).digest()
        for image, label in zip(images, labels, strict=True)
    )
    found = hashlib.sha256(b"".join(digests)).hexdigest()
    if found != KNOWN[split]:
        warnings.warn(
            f"The {split} images in {data_dir} are not MNIST as it was published: "
            f"their SHA-256 is {found}, expected {KNOWN[split]}.",
            stacklevel=2,
        )
    return images, labels


def check_mnist(data_dir: pathlib.Path | None) -> pathlib.Path:
    """The folder of the data, or an exit that says how to get them.

    tensorflow_datasets would try for minutes to download what is missing.
    """
    if data_dir is not None and list(
        data_dir.glob("mnist/*/mnist-test.array_record-*")
    ):
        return data_dir
    found = (
        "no folder is named by --data-dir or TFDS_DATA_DIR"
        if data_dir is None
        else f"{data_dir} holds no mnist/VERSION/mnist-test.array_record-* file"
    )
    raise SystemExit(
        f"MNIST is missing: {found}. Prepare it once, with a network, by\n"
        '  python -c "import tensorflow_datasets as tfds; '
        "tfds.data_source('mnist', data_dir='DATA')\"\n"
        "and pass --data-dir DATA."
    )
