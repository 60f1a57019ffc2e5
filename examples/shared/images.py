"""Image sets that several examples read, from a folder that the user names."""

from __future__ import annotations

import argparse
import hashlib
import os
import pathlib
import warnings

import numpy as np

# SHA-256 of the files of the subset of CIFAR-10.
KNOWN_CIFAR10_SUBSET = {
    "train.png": "2b264f8d2c5b280847677e2542ae0a0e8a8db436728e4d4915bfcab7f57de843",
    "train_labels.txt": (
        "3e79cd379e971b33eba18c04337c3cc8d530eeafa7bcd115a6303b0496edeeeb"
    ),
    "test.png": "585dfbf0c12b8738c9fa1656ee33bce5eba0080ea66e425cda8fe4ee52d95304",
    "test_labels.txt": (
        "a9e15d9d0fb8c191263018eb015ad3c094adaff25a958eef9a29e109bee7d197"
    ),
}

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


def check_cifar10(data_dir: pathlib.Path | None) -> str:
    """What the folder holds, "CIFAR-10" or "CIFAR-10 subset", or an exit."""
    found = "no folder is named by --data-dir or TFDS_DATA_DIR"
    if data_dir is not None:
        if list(data_dir.glob("cifar10/*/cifar10-test.array_record-*")):
            return "CIFAR-10"
        missing = [n for n in KNOWN_CIFAR10_SUBSET if not (data_dir / n).is_file()]
        if not missing:
            return "CIFAR-10 subset"
        found = (
            f"{data_dir} holds neither cifar10/VERSION/cifar10-test.array_record-* "
            f"nor, of a subset, {', '.join(missing)}"
        )
    raise SystemExit(
        f"CIFAR-10 is missing: {found}. Prepare it once, with a network, by\n"
        '  python -c "import tensorflow_datasets as tfds; '
        "tfds.data_source('cifar10', data_dir='DATA')\"\n"
        "and pass --data-dir DATA, or pass a folder with a subset: train.png and "
        "test.png,\nthe images below each other, and train_labels.txt and "
        "test_labels.txt, a number a line."
    )


def read_cifar10(data_dir: pathlib.Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels 0 to 255 `(images, 32, 32, 3)` and labels of what the folder holds."""
    if check_cifar10(data_dir) == "CIFAR-10":
        import tensorflow_datasets as tfds

        items = list(tfds.data_source("cifar10", split=split, data_dir=data_dir))
        images = np.stack([item["image"] for item in items])
        return images, np.array([item["label"] for item in items], "int32")
    from PIL import Image  # which matplotlib needs as well

    names = f"{split}.png", f"{split}_labels.txt"
    for name in names:
        digest = hashlib.sha256((data_dir / name).read_bytes()).hexdigest()
        if digest != KNOWN_CIFAR10_SUBSET[name]:
            warnings.warn(
                f"{data_dir / name} is not the known one: its SHA-256 is {digest}, "
                f"expected {KNOWN_CIFAR10_SUBSET[name]}.",
                stacklevel=2,
            )
    with Image.open(data_dir / names[0]) as picture:
        images = np.array(picture).reshape(-1, 32, 32, 3)
    return images, np.loadtxt(data_dir / names[1], dtype="int32")
