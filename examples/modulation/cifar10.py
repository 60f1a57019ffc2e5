"""CIFAR-10: does a modulator beside each convolution help?

A CNN, DenseNet-40 of growth 12 and of growth 10, each plain and modulated, name
what is on small photographs, shifted and mirrored in training (Sha, Schwarcz, Hong
2019, section 3.1). --data-dir or TFDS_DATA_DIR names a folder in which
tensorflow_datasets has prepared CIFAR-10, or one with a subset as pictures. The
quick preset trains the CNN on what a subset has:

    export KERAS_BACKEND=tensorflow TFDS_DATA_DIR=DATA
    python -m examples.modulation.cifar10
    python -m examples.modulation.cifar10 --preset paper
    python -m examples.modulation.cifar10 --models densenet-10 --epochs 1

The networks, and what the paper leaves open about them, are in modulated_cnn.py.
Open are, too, how far a picture is shifted and which epoch is tested: up to 3
pixels, as in Keras' own example, and the last.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from examples.modulation import cifar10_report
from examples.modulation.modulated_cnn import MODELS, counted_parameters
from examples.shared import command_line, records
from examples.shared.images import add_data_dir, check_cifar10, read_cifar10

HELD_OUT = 0.2
MOST_SHIFT = 3

PRESETS = {
    "quick": {
        "models": ["cnn", "modulated-cnn"],
        # Small batches give the updates that few images ask for.
        "batch_size": 64,
        "epochs": 12,
        "samples": 15_000,
        "test_samples": 3_000,
        "seeds": [0, 1, 2],
        "learning_rate": 1e-3,
    },
    "paper": {
        "models": list(MODELS),
        "batch_size": 128,
        "epochs": 150,
        "samples": 50_000,
        "test_samples": 10_000,
        "seeds": [0],
        "learning_rate": 1e-3,
    },
}


@dataclass
class Run:
    """One training: its course by epoch, the test afterwards, the trained network.

    Training accuracies are those met while training, with dropout, on shifted
    and mirrored images.
    """

    model: str
    parameters: int
    seed: int
    seconds: float
    loss: list[float]
    training_accuracy: list[float]
    validation_accuracy: list[float]
    test_accuracy: float
    network: keras.Model = field(repr=False)

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        return {k: v for k, v in vars(self).items() if k != "network"}


def shift_and_mirror(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Each image moved by up to 3 pixels each way, and every second one mirrored.

    What comes in at a side repeats its last pixels. In NumPy, for a batch this
    takes a few milliseconds, a tenth of what Keras' layers add to a step.
    """
    margins = ((0, 0), (MOST_SHIFT, MOST_SHIFT), (MOST_SHIFT, MOST_SHIFT), (0, 0))
    padded = np.pad(images, margins, mode="edge")
    count, side = images.shape[:2]
    rows, columns = (
        generator.integers(0, 2 * MOST_SHIFT + 1, (count, 1)) + np.arange(side)
        for _ in range(2)
    )
    mirrored = generator.random((count, 1)) < 0.5
    columns = np.where(mirrored, columns[:, ::-1], columns)
    return padded[
        np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    ]


class ChangedImages(keras.utils.PyDataset):
    """Batches in an order, and with changes to the images, of each epoch's own.

    All is drawn from the seed, the epoch and the batch's place, so that the same
    seed gives the same batches on every backend, in whatever order it asks.
    """

    def __init__(
        self, images: np.ndarray, labels: np.ndarray, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.random.default_rng([self.seed, self.epoch])
        places = order.permutation(len(self.images))
        chosen = places[index * self.batch_size : (index + 1) * self.batch_size]
        generator = np.random.default_rng([self.seed, self.epoch, index])
        return shift_and_mirror(self.images[chosen], generator), self.labels[chosen]

    def begin_epoch(self, epoch: int, logs: Any = None) -> None:
        """For a callback, which all backends call alike.

        The `on_epoch_end` of a data set some call before the first epoch too.
        """
        self.epoch = epoch


def split_off(
    images: np.ndarray, labels: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The training set and the last 20 percent, which are held out."""
    kept = len(images) - round(HELD_OUT * len(images))
    return (images[:kept], labels[:kept]), (images[kept:], labels[kept:])


def falling_rate(
    options: argparse.Namespace, steps_in_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate, divided by 10 after 50 and 80 percent of the epochs."""
    # Keras has the update of that number, counted from 0, at the rate before.
    ends = [round(share * options.epochs) * steps_in_epoch - 1 for share in (0.5, 0.8)]
    rates = [options.learning_rate / divisor for divisor in (1, 10, 100)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(ends, rates)


def train(
    options: argparse.Namespace, name: str, seed: int, sets: Sequence[Any]
) -> Run:
    """Trains one model on the first of three sets: training, validation, test."""
    keras.utils.set_random_seed(seed)
    network = MODELS[name]()
    images, labels = sets[0]
    batches = ChangedImages(images, labels, options.batch_size, seed)
    network.compile(
        keras.optimizers.Adam(falling_rate(options, len(batches))),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    start = time.perf_counter()
    history = network.fit(
        batches,
        epochs=options.epochs,
        callbacks=[keras.callbacks.LambdaCallback(batches.begin_epoch)],
        shuffle=False,  # The images are in a random order already.
        validation_data=sets[1],
        validation_batch_size=500,
        verbose=command_line.fit_verbosity(options),
    ).history
    seconds = time.perf_counter() - start
    test = network.evaluate(*sets[2], batch_size=500, verbose=0, return_dict=True)
    return Run(
        name,
        counted_parameters(network),
        seed,
        seconds,
        history["loss"],
        history["accuracy"],
        history["val_accuracy"],
        test["accuracy"],
        network,
    )


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = command_line.option_parser(__doc__, "cifar10")
    add = parser.add_argument
    add_data_dir(parser)
    add("--models", nargs="+", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    add("--learning-rate", type=float, help="Adam's, at first")
    options = command_line.parse(parser, PRESETS, argv)
    if options.samples < 5:
        parser.error("--samples must be at least 5: a fifth of them is held out")
    return options


def read_data(
    options: argparse.Namespace,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training, validation and test set.

    The options take what was found: `images`, and how many there are.
    """
    options.images = check_cifar10(options.data_dir)
    print(f"The images are {options.images}.")
    images, labels = read_cifar10(options.data_dir, "train")
    test_images, test_labels = read_cifar10(options.data_dir, "test")
    options.samples = min(options.samples, len(images))
    options.test_samples = min(options.test_samples, len(test_images))
    return [
        *split_off(images[: options.samples], labels[: options.samples]),
        (test_images[: options.test_samples], test_labels[: options.test_samples]),
    ]


def train_all(
    options: argparse.Namespace, sets: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[Run]:
    """Trains every model with every seed."""
    runs: list[Run] = []
    total = len(options.seeds) * len(options.models)
    for seed in options.seeds:
        for model in options.models:
            print(f"\nTraining {len(runs) + 1} of {total}: {model}, seed {seed}")
            runs.append(train(options, model, seed, sets))
    return runs


def run(options: argparse.Namespace) -> list[Run]:
    """Reads the images and trains, without a report."""
    return train_all(options, read_data(options))


def main(argv: Sequence[str] | None = None) -> list[Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    sets = read_data(options)
    runs = train_all(options, sets)
    records.write_results(options, (run.record() for run in runs))
    cifar10_report.report(options, runs, options.images, sets[2][0])
    return runs


if __name__ == "__main__":
    main()
