"""MixLU-LeNet on MNIST: do a few negative rectifiers keep a network from overfitting?

A small convolutional network reads MNIST's digits; a share of the elements of
its only activation is NegLU, the rest ReLU (Maharaj 2015, sections 4.4.3 and
4.5.1). The thesis finds that the gap between test and training error narrows
up to 9 percent NegLUs and that training diverges at 10. Its program gave NegLUs
the gradient of ReLUs, so each share is trained with that gradient and with the
exact one. The images are read with tensorflow_datasets from a folder where it
has prepared them, named by --data-dir or TFDS_DATA_DIR:

    export KERAS_BACKEND=tensorflow TFDS_DATA_DIR=DATA
    python -m examples.rectification.mixlu_mnist
    python -m examples.rectification.mixlu_mnist --scope units --seeds 0 1 2 3
    python -m examples.rectification.mixlu_mnist --preset paper

The paper preset's settings are those of MatConvNet's example of early 2015, on
which the thesis built. Its program drew elements at test too, and counted the
training errors while it trained: both are recorded here by epoch, beside the
errors of the trained network with MixLU's expected value. Every number of
elements to draw is whole in this table, 500 for each percent and batch, so how
a program rounds makes no difference.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import keras
import numpy as np

from examples.rectification import mixlu_report, mixlu_training
from examples.shared import command_line, records
from examples.shared.images import add_data_dir, check_mnist, read_mnist

# Table 7. The errors at 10 percent are the shares of images that are no zero,
# 54,077 of 60,000 and 9,020 of 10,000: that network called everything a zero.
THESIS = mixlu_training.Thesis(
    "error",
    {
        0: (0.00, 0.92),
        1: (0.12, 0.95),
        2: (0.15, 1.02),
        3: (0.34, 1.22),
        4: (0.36, 1.14),
        5: (0.48, 1.26),
        6: (0.61, 1.43),
        7: (0.85, 1.45),
        8: (1.29, 2.53),
        9: (2.09, 2.68),
        10: (90.13, 90.20),
    },
)

PRESETS = {
    "quick": {
        # At 100 the published gradient takes 9,000 updates, 15 epochs of all
        # images, to diverge at 10 percent. Small batches shake it more.
        "batch_size": 20,
        "epochs": 8,
        "samples": 4_000,
        "test_samples": 10_000,
        "seeds": [0, 1],
        "fractions": [0, 5, 10, 20],
        "gradients": ["exact", "published"],
        "scope": "elements",
    },
    "paper": {
        "batch_size": 100,
        "epochs": 20,
        "samples": 60_000,
        "test_samples": 10_000,
        "seeds": [0],
        "fractions": list(THESIS.figures),
        "gradients": ["exact", "published"],
        "scope": "elements",
    },
}


def build_model(activation: keras.layers.Layer) -> keras.Model:
    """MixLU-LeNet, compiled, with MatConvNet's initial weights."""

    def conv(filters: int, size: int) -> keras.layers.Layer:
        return keras.layers.Conv2D(
            filters,
            size,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            **mixlu_training.decay_arguments(5e-4),
        )

    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            conv(20, 5),
            keras.layers.MaxPooling2D(2),
            conv(50, 5),
            keras.layers.MaxPooling2D(2),
            conv(500, 4),
            activation,
            conv(10, 1),
            keras.layers.Flatten(),
        ]
    )
    # The mean over the batch, as MatConvNet divides the gradient by its size.
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3, momentum=0.9), loss, metrics=["accuracy"])
    return model


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = mixlu_training.option_parser(__doc__, "mixlu_mnist")
    add_data_dir(parser)
    return command_line.parse(parser, PRESETS, argv)


def run(options: argparse.Namespace) -> list[mixlu_training.Run]:
    """Reads the images and trains, without a report."""
    data_dir = check_mnist(options.data_dir)
    (images, labels), (test_images, test_labels) = (
        read_mnist(data_dir, split) for split in ("train", "test")
    )
    train = images[: options.samples, ..., None].astype("float32")
    test = test_images[: options.test_samples, ..., None].astype("float32")
    mean = np.mean(train, axis=0)

    return mixlu_training.train_all(
        options,
        lambda *setting: build_model(mixlu_training.activation(options, *setting)),
        (train - mean, labels[: options.samples]),
        (test - mean, test_labels[: options.test_samples]),
    )


def main(argv: Sequence[str] | None = None) -> list[mixlu_training.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    mixlu_report.report(options, runs, THESIS, "MixLU-LeNet on MNIST")
    return runs


if __name__ == "__main__":
    main()
