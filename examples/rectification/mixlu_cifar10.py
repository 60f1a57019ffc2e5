"""MixLU-LeNet5 on CIFAR-10: few negative rectifiers in each of four layers.

A convolutional network names what is on small photographs; a share of the
elements of each of its four activations is NegLU, the rest ReLU (Maharaj 2015,
sections 4.4.4 and 4.5.2). The thesis finds that the gap between training and
test accuracy narrows up to 2 percent NegLUs and that training diverges at 3.
Each share is trained with the gradient of its program and with the exact one.
--data-dir or TFDS_DATA_DIR names a folder in which tensorflow_datasets has
prepared CIFAR-10, or one with a subset as pictures:

    export KERAS_BACKEND=tensorflow TFDS_DATA_DIR=DATA
    python -m examples.rectification.mixlu_cifar10
    python -m examples.rectification.mixlu_cifar10 --preset paper

What the thesis leaves open is as in MatConvNet's example of 2015, on which it
built: initial weights, rates of kernels and biases, normalized contrast,
whitening, and mirrored images, a batch at a time. The numbers of elements to draw
are whole at every percentage of its table. The quick preset leaves its networks half
trained, at accuracies of 31 to 38 percent: it shows how to run the experiment, not
how it ends.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from examples.rectification import mixlu_report, mixlu_training
from examples.shared import command_line, records
from examples.shared.images import add_data_dir, check_cifar10, read_cifar10

# Table 10.
THESIS = mixlu_training.Thesis(
    "accuracy",
    {
        0: (88.64, 79.81),
        0.25: (87.05, 79.72),
        0.5: (85.57, 79.72),
        1: (84.44, 79.64),
        2: (82.43, 78.85),
        3: (10.00, 10.00),
    },
)

PRESETS = {
    "quick": {
        # Small batches give the updates that few images ask for.
        "batch_size": 20,
        "epochs": 8,
        "samples": 1_000,
        "test_samples": 3_000,
        "seeds": [0, 1, 2],
        "fractions": [0, 3],
        "gradients": ["exact", "published"],
        "scope": "elements",
        "mirror": "image",
    },
    "paper": {
        "batch_size": 100,
        "epochs": 30,
        "samples": 50_000,
        "test_samples": 10_000,
        "seeds": [0],
        "fractions": list(THESIS.figures),
        "gradients": ["exact", "published"],
        "scope": "elements",
        "mirror": "batch",
    },
}


class MirrorBatch(keras.layers.Layer):
    """Mirrors all images of a batch or none, each half of the time, in training.

    So does MatConvNet's example, where `keras.layers.RandomFlip` draws for each
    image.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        if not training:
            return images
        drawn = keras.random.uniform((1, 1, 1, 1), seed=self.seed_generator)
        return ops.where(drawn < 0.5, ops.flip(images, axis=2), images)


MIRRORS = {
    "image": lambda: keras.layers.RandomFlip("horizontal"),
    "batch": MirrorBatch,
}


class RatesByWeight(keras.optimizers.SGD):
    """SGD with a factor on the learning rate of each weight.

    It multiplies the gradient by the factor, which for SGD is the same.
    """

    def __init__(self, factors: Sequence[float], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.factors = tuple(factors)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        scaled = [g * factor for g, factor in zip(grads, self.factors, strict=True)]
        return super().apply(scaled, trainable_variables)


def rate_factors(model: keras.Model) -> list[float]:
    """MatConvNet's: kernels learn at .1 and biases at 2 times the rate.

    The last layer's learn at a tenth of that.
    """
    last = {id(weight) for weight in model.get_layer("last").trainable_variables}
    return [
        (2 if weight.name == "bias" else 0.1) / (10 if id(weight) in last else 1)
        for weight in model.trainable_variables
    ]


def normalize(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images as MatConvNet prepares them, with numbers of the training set alone.

    It takes the mean image off, brings each image's contrast to the mean one
    (the weakest less far) and whitens all pixels (the weakest directions less).
    """
    mean = train.mean(axis=0, dtype="float32").ravel()
    sets = [x.reshape(len(x), -1).astype("float32") - mean for x in (train, test)]
    sets = [x - x.mean(axis=1, keepdims=True) for x in sets]
    contrast = sets[0].std(axis=1, ddof=1).mean()
    sets = [
        x * (contrast / np.maximum(x.std(axis=1, ddof=1, keepdims=True), 40))
        for x in sets
    ]
    variances, directions = np.linalg.eigh(sets[0].T @ sets[0] / len(train))
    deviations = np.sqrt(np.maximum(variances, 0))
    scale = np.sqrt(variances.mean()) / np.maximum(deviations, 10)
    whiten = (directions * scale) @ directions.T
    return tuple(
        (x @ whiten).reshape(images.shape)
        for x, images in zip(sets, (train, test), strict=True)
    )


def build_model(
    options: argparse.Namespace, fraction: float, gradient: str
) -> keras.Model:
    """MixLU-LeNet5, compiled."""

    def conv(filters: int, size: int, deviation: float = 0.05, **given: Any) -> Any:
        return keras.layers.Conv2D(
            filters,
            size,
            kernel_initializer=keras.initializers.RandomNormal(stddev=deviation),
            **mixlu_training.decay_arguments(1e-4),
            **given,
        )

    def activation() -> keras.layers.Layer:
        return mixlu_training.activation(options, fraction, gradient)

    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            MIRRORS[options.mirror](),
            conv(32, 5, 0.01, padding="same"),
            keras.layers.MaxPooling2D(3, 2, padding="same"),
            activation(),
            conv(32, 5, padding="same"),
            activation(),
            keras.layers.AveragePooling2D(3, 2, padding="same"),
            conv(64, 5, padding="same"),
            activation(),
            keras.layers.AveragePooling2D(3, 2, padding="same"),
            conv(64, 4),
            activation(),
            conv(10, 1, name="last"),
            keras.layers.Flatten(),
        ]
    )
    # Of 30 epochs 15 at .05, 10 at .005 and 5 at .0005; of others the same shares.
    steps = -(-options.samples // options.batch_size)
    # Keras has the update of that number, counted from 0, at the rate before.
    ends = [round(share * options.epochs) * steps - 1 for share in (1 / 2, 5 / 6)]
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(ends, [0.05, 0.005, 5e-4])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = RatesByWeight(rate_factors(model), rate, momentum=0.9)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = mixlu_training.option_parser(__doc__, "mixlu_cifar10")
    add_data_dir(parser)
    parser.add_argument(
        "--mirror",
        choices=MIRRORS,
        help="whether each image or a whole batch is mirrored, half of the time",
    )
    return command_line.parse(parser, PRESETS, argv)


def run(options: argparse.Namespace) -> list[mixlu_training.Run]:
    """Reads the images and trains, without a report.

    The options take what was found: `images`, and how many there are.
    """
    options.images = check_cifar10(options.data_dir)
    print(f"The images are {options.images}.")
    (images, labels), (test_images, test_labels) = (
        read_cifar10(options.data_dir, split) for split in ("train", "test")
    )
    images, test_images = normalize(images, test_images)
    options.samples = min(options.samples, len(images))
    options.test_samples = min(options.test_samples, len(test_images))
    return mixlu_training.train_all(
        options,
        lambda *setting: build_model(options, *setting),
        (images[: options.samples], labels[: options.samples]),
        (test_images[: options.test_samples], test_labels[: options.test_samples]),
    )


def main(argv: Sequence[str] | None = None) -> list[mixlu_training.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    mixlu_report.report(options, runs, THESIS, f"MixLU-LeNet5 on {options.images}")
    return runs


if __name__ == "__main__":
    main()
