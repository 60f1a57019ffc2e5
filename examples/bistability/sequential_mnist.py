"""Sequential MNIST: which digit was it, long after its last line?

MNIST's images arrive pixel by pixel or line by line, shuffled by one fixed
permutation, and may be followed by black lines to be sat through (Vecoven,
Ernst, Drion 2021, sections 5.1.3 to 5.1.5): `pixel`, 784 steps of one pixel;
`line`, 28 lines of 28 pixels and N black lines; `variable`, a number of black
lines drawn for each image, the last of which is brighter than any pixel. The
images are read with tensorflow_datasets from a folder where it has prepared
them, named by --data-dir or TFDS_DATA_DIR; TensorFlow is not needed to read:

    export KERAS_BACKEND=jax TFDS_DATA_DIR=DATA
    python -m examples.bistability.sequential_mnist
    python -m examples.bistability.sequential_mnist --black-lines 472
    python -m examples.bistability.sequential_mnist --preset paper --variant pixel
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from examples.bistability import cell_comparison
from examples.shared import command_line, records
from examples.shared.command_line import positive
from examples.shared.images import add_data_dir, check_mnist, read_mnist

SIDE = 28
# Pixels lie in [-.5, .5].
BLACK = -0.5
BRIGHTER_THAN_WHITE = 1.0

# Tables 3 to 5: test accuracy by variant, number of black lines and cell.
PAPER = {
    ("pixel", 0): {
        "brc": ".662 ± .007",
        "nbrc": ".908 ± .006",
        "goru": ".902 ± .004",
        "lstm": ".910 ± .002",
        "gru": ".908 ± .004",
        "lmu": ".969 ± .001",
    },
    ("line", 72): {
        "brc": ".968 ± .001",
        "nbrc": ".973 ± .001",
        "goru": ".977 ± .000",
        "lstm": ".977 ± .002",
        "gru": ".977 ± .002",
        "lmu": ".969 ± .001",
    },
    ("line", 472): {
        "brc": ".960 ± .001",
        "nbrc": ".972 ± .002",
        "goru": ".198 ± .021",
        "lstm": ".562 ± .328",
        "gru": ".591 ± .388",
        "lmu": ".961 ± .003",
    },
    ("variable", 472): {
        "brc": ".958 ± .002",
        "nbrc": ".970 ± .001",
        "goru": ".148 ± .015",
        "lstm": ".630 ± .318",
        "gru": ".540 ± .426",
        "lmu": ".180 ± .002",
    },
}

# The same tables: macro-averaged F1 score.
PAPER_F1 = {
    ("pixel", 0): {
        "brc": ".655 ± .007",
        "nbrc": ".906 ± .005",
        "goru": ".897 ± .008",
        "lstm": ".907 ± .003",
        "gru": ".902 ± .006",
        "lmu": ".965 ± .002",
    },
    ("line", 72): {
        "brc": ".967 ± .001",
        "nbrc": ".972 ± .001",
        "goru": ".972 ± .000",
        "lstm": ".976 ± .002",
        "gru": ".974 ± .001",
        "lmu": ".941 ± .002",
    },
    ("line", 472): {
        "brc": ".956 ± .001",
        "nbrc": ".972 ± .002",
        "goru": ".083 ± .003",
        "lstm": ".454 ± .453",
        "gru": ".495 ± .477",
        "lmu": ".898 ± .013",
    },
    ("variable", 472): {
        "brc": ".954 ± .000",
        "nbrc": ".967 ± .001",
        "goru": ".022 ± .001",
        "lstm": ".491 ± .465",
        "gru": ".451 ± .474",
        "lmu": ".062 ± .036",
    },
}

PRESETS = {
    "quick": {
        **cell_comparison.QUICK_PRESET,
        # At 3e-3 nBRC needs several times as many updates to remember at all.
        "learning_rates": [1e-2],
        # Small batches give the updates that the black lines ask for in few epochs.
        "batch_size": 50,
        "epochs": 5,
        "samples": 60_000,
        "test_samples": 10_000,
        # At N = 72 the paper finds no cell better than another.
        "cells": ["nbrc"],
        "permute": "pixels",
    },
    "paper": {
        **cell_comparison.PAPER_PRESET,
        "permute": "published-pixels",
        "samples": 60_000,
        "test_samples": 10_000,
    },
}


def permute(images: np.ndarray, what: str, seed: int = 1) -> np.ndarray:
    """Shuffles each image by one permutation, the same for the same seed.

    Args:
        images: Array `(images, 28, 28)`.
        what: "pixels" as in the paper, "published-pixels", the same drawn by
            NumPy's old generator, as authors of permuted MNIST mostly do, "rows"
            as in the published code, or "none".
        seed: The permutation's seed. It is no part of a run's seed, so that all
            runs, and training and test set, share the permutation.
    """
    generator = np.random.default_rng(seed)
    if what == "pixels":
        flat = images.reshape(len(images), -1)
        return flat[:, generator.permutation(SIDE * SIDE)].reshape(images.shape)
    if what == "published-pixels":
        flat = images.reshape(len(images), -1)
        order = np.random.RandomState(seed).permutation(SIDE * SIDE)
        return flat[:, order].reshape(images.shape)
    return images[:, generator.permutation(SIDE)] if what == "rows" else images


def append_lines(images: Any, count: int, value: float) -> Any:
    """Images followed by `count` lines of one value."""
    return ops.pad(images, [[0, 0], [0, count], [0, 0]], constant_values=value)


def append_variable_lines(
    images: Any, counts: Any, most: int, value: float
) -> tuple[Any, Any]:
    """Images followed by a number of lines each, the last one bright, and a mask.

    Args:
        images: Tensor `(batch, 28, 28)`.
        counts: Integer tensor `(batch, 1)`, how many lines, from 1 to `most`.
        most: The largest count; every sequence is padded to it.
        value: Value of the appended lines but the last.

    Returns:
        Sequences `(batch, 28 + most, 28)` and their mask `(batch, 28 + most)`,
        False after a sequence's last line.
    """
    steps = np.arange(SIDE + most, dtype="int32")
    last = counts + (SIDE - 1)
    is_last = ops.expand_dims(ops.equal(steps, last), -1)
    lines = append_lines(images, most, value)
    return ops.where(is_last, BRIGHTER_THAN_WHITE, lines), ops.less_equal(steps, last)


def build_model(options: argparse.Namespace, cell: str) -> keras.Model:
    """The network of a variant, with black lines appended inside it.

    Inside, they cost no memory: 60,000 images of 500 lines would fill 3.4 GB.
    """
    images = keras.Input((SIDE, SIDE))
    inputs, mask = images, None
    if options.variant == "pixel":
        sequences = keras.layers.Reshape((SIDE * SIDE, 1))(images)
    elif options.variant == "line":
        sequences = append_lines(images, options.black_lines, options.line_value)
    else:
        counts = keras.Input((1,), dtype="int32")
        inputs = [images, counts]
        sequences, mask = append_variable_lines(
            images, counts, options.black_lines, options.line_value
        )
    last = cell_comparison.recurrent_stack(sequences, options, cell, mask=mask)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(last))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = cell_comparison.option_parser(__doc__, "sequential_mnist")
    add = parser.add_argument
    add_data_dir(parser)
    add("--variant", choices=("pixel", "line", "variable"), default="line")
    add(
        "--black-lines",
        type=positive,
        help="N; for variable lengths the most; default 72, variable 472, pixel 0",
    )
    add(
        "--line-value",
        type=float,
        default=BLACK,
        help="value of a black line; the published code appends 0, a grey",
    )
    add("--permute", choices=("pixels", "published-pixels", "rows", "none"))
    options = command_line.parse(parser, PRESETS, argv)
    if options.variant == "pixel" and options.black_lines:
        parser.error("--black-lines goes with the variants line and variable")
    if options.black_lines is None:
        options.black_lines = {"pixel": 0, "line": 72, "variable": 472}[options.variant]
    return options


def run(options: argparse.Namespace) -> list[cell_comparison.Run]:
    """Reads the images and trains, without a report."""
    data_dir = check_mnist(options.data_dir)
    splits = []
    for split, samples in (
        ("train", options.samples),
        ("test", options.test_samples),
    ):
        images, labels = read_mnist(data_dir, split)
        images = images.astype("float32") / 255 - 0.5
        # Keras' F1 score takes classes as vectors.
        classes = np.eye(10, dtype="float32")[labels[:samples]]
        splits.append((permute(images[:samples], options.permute), classes))

    def make_data(seed: int) -> tuple[tuple, tuple]:
        train, test = splits
        if options.variant != "variable":
            return train, test
        generator = np.random.default_rng(seed)
        most = options.black_lines

        def with_lines(images: np.ndarray, labels: np.ndarray) -> tuple:
            lines = generator.integers(1, most + 1, (len(images), 1), "int32")
            return [images, lines], labels

        return with_lines(*train), with_lines(*test)

    return cell_comparison.train_all(
        options,
        make_data,
        lambda cell: build_model(options, cell),
        loss="categorical_crossentropy",
    )


def main(argv: Sequence[str] | None = None) -> list[cell_comparison.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    report(options, runs)
    return runs


def report(options: argparse.Namespace, runs: Sequence[cell_comparison.Run]) -> None:
    """Prints the table and draws the picture."""
    lines = options.black_lines
    name = f"MNIST by {options.variant}, N = {lines}, permuted: {options.permute}"
    nearest = min(
        (count for variant, count in PAPER if variant == options.variant),
        key=lambda count: abs(count - lines),
    )
    print(f"\n{name}, {keras.backend.backend()}")
    if nearest != lines:
        print(f"The paper has no figure for this N; its N = {nearest} stands beside.")
    setting = options.variant, nearest
    paper = {
        cell: f"{accuracy}, {PAPER_F1[setting][cell]}"
        for cell, accuracy in PAPER[setting].items()
    }
    table = cell_comparison.results_table(
        runs, "test accuracy", f"paper (N = {nearest}): accuracy, F1", paper
    )
    print(table)
    cell_comparison.plot_errors(
        runs,
        options.output / "test_error.png",
        name,
        "share of test images misread",
        to_error=lambda accuracy: 1 - accuracy,
        chance=("guessing", 0.9),
    )
    print(f"Results and picture are in {options.output}")


if __name__ == "__main__":
    main()
