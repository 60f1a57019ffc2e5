"""What the two examples on MixLU share: options, runs, results.

An example states its data, its network and the thesis' figures; this module
trains every share of NegLUs with every gradient and seed, and `mixlu_report`
reports.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import keras_modact
from examples.shared import command_line

# What a network that always gives the same answer gets wrong of ten classes is
# about 90 percent; 88.8 for MNIST's commonest digit.
GUESSING = 85.0


@dataclass
class Run:
    """One training, its loss by epoch and its errors in percent afterwards."""

    fraction: float
    gradient: str
    seed: int
    seconds: float
    loss: list[float]
    train_error: float
    test_error: float

    @property
    def gap(self) -> float:
        return self.test_error - self.train_error

    @property
    def diverged(self) -> bool:
        """Whether it ended as no number, or no better than guessing."""
        return not math.isfinite(self.loss[-1]) or self.train_error > GUESSING

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it; a loss that is no number becomes None."""
        loss = [x if math.isfinite(x) else None for x in self.loss]
        return {**vars(self), "loss": loss, "diverged": self.diverged}


@dataclass(frozen=True)
class Thesis:
    """Training and test figures in percent by the percentage of NegLUs.

    `measure` says what they count, "error" or "accuracy"; tables and pictures
    show the runs in the same measure.
    """

    measure: str
    figures: Mapping[float, tuple[float, float]]

    def shown(self, error: float) -> float:
        """A percentage of errors in the thesis' measure, or back again."""
        return error if self.measure == "error" else 100 - error

    def runs(self) -> dict[float, list[Run]]:
        """The figures as a run for each percentage."""
        return {
            fraction: [Run(fraction, "", 0, 0.0, [0.0], *map(self.shown, figures))]
            for fraction, figures in self.figures.items()
        }


def option_parser(description: str | None, output: str) -> argparse.ArgumentParser:
    """The options of both examples; their defaults come from the preset."""
    parser = command_line.option_parser(description, output)
    add = parser.add_argument
    add("--fractions", nargs="+", type=percentage, help="percentages of NegLUs")
    add("--gradients", nargs="+", choices=("exact", "published"), help="see MixLU")
    add("--scope", choices=("units", "elements"), help="see MixLU")
    return parser


def percentage(text: str) -> float:
    """A number from 0 to 100, as an option's type."""
    number = float(text)
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"must be from 0 to 100, received {text}")
    return number


def activation(
    options: argparse.Namespace, fraction: float, gradient: str
) -> keras.layers.Layer:
    """MixLU with a percentage of NegLUs.

    With 0 it is a ReLU, which saves drawing no elements of many.
    """
    if fraction == 0:
        return keras.layers.ReLU()
    return keras_modact.MixLU(fraction / 100, options.scope, gradient)


def decay_arguments(weight_decay: float) -> dict[str, keras.regularizers.Regularizer]:
    """The weight decay of MatConvNet, as arguments of a layer.

    MatConvNet moves each weight w, biases too, by d = .9 d - lr (decay w + g),
    with g the mean gradient of the batch. Keras' SGD with momentum .9 does that
    with the whole gradient of the loss, and decay / 2 w^2 adds decay w to it;
    the optimizer's own `weight_decay` would stay out of the momentum.
    """
    return {
        "kernel_regularizer": keras.regularizers.L2(weight_decay / 2),
        "bias_regularizer": keras.regularizers.L2(weight_decay / 2),
    }


def percent_wrong(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """The percentage of images whose label is not the largest output.

    Outputs that are no numbers count as the first class.
    """
    outputs = model.predict(images, batch_size=500, verbose=0)
    return 100 * float(np.mean(np.argmax(outputs, axis=-1) != labels))


def train_all(
    options: argparse.Namespace,
    make_model: Callable[[float, str], keras.Model],
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> list[Run]:
    """Trains every percentage of NegLUs with every gradient and seed.

    `make_model` takes a percentage and a gradient and returns a compiled model.
    Without NegLUs there is no gradient to choose, so that is trained once.
    """
    settings = [
        (seed, fraction, gradient if fraction else "either")
        for seed, fraction, gradient in itertools.product(
            options.seeds, options.fractions, options.gradients
        )
    ]
    settings = list(dict.fromkeys(settings))
    runs: list[Run] = []
    for seed, fraction, gradient in settings:
        number = f"{len(runs) + 1} of {len(settings)}"
        print(
            f"\nTraining {number}: {fraction:g}% NegLU, gradient {gradient}, "
            f"seed {seed}"
        )
        keras.utils.set_random_seed(seed)
        model = make_model(fraction, gradient)
        start = time.perf_counter()
        loss = model.fit(
            *train,
            batch_size=options.batch_size,
            epochs=options.epochs,
            # What is no number once remains so.
            callbacks=[keras.callbacks.TerminateOnNaN()],
            verbose=command_line.fit_verbosity(options),
        ).history["loss"]
        seconds = time.perf_counter() - start
        errors = [percent_wrong(model, *data) for data in (train, test)]
        runs.append(Run(fraction, gradient, seed, seconds, loss, *errors))
    return runs
