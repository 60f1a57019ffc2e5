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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    """One training: its loss and errors by epoch, and its errors afterwards.

    `train_error` and `test_error` are those of the trained network with the
    expected value of MixLU. The lists, one number an epoch, hold the thesis' two
    as well: `training_errors`, counted while the weights change and elements are
    drawn, and `drawn_test_errors`, with elements drawn at test. All in percent.
    """

    fraction: float
    gradient: str
    seed: int
    seconds: float
    loss: list[float]
    train_error: float
    test_error: float
    training_errors: list[float] = field(default_factory=list)
    test_errors: list[float] = field(default_factory=list)
    drawn_test_errors: list[float] = field(default_factory=list)

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
        found = {}
        for fraction, figures in self.figures.items():
            train, test = map(self.shown, figures)
            run = Run(fraction, "", 0, 0.0, [0.0], train, test, [train], [], [test])
            found[fraction] = [run]
        return found


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


class AsInTraining(keras.layers.Layer):
    """A layer that does at test what it does in training.

    The thesis' program drew MixLU's elements at test too.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, inputs: Any) -> Any:
        return self.layer(inputs, training=True)

    def compute_output_shape(self, inputs_shape: Any) -> Any:
        return inputs_shape


def sharing_layers(model: keras.Model, draw: bool) -> keras.Sequential:
    """The network once more, of the same layers, with elements drawn at test or not."""
    layers = [
        AsInTraining(layer) if draw and isinstance(layer, keras_modact.MixLU) else layer
        for layer in model.layers
    ]
    return keras.Sequential([keras.Input(model.input_shape[1:]), *layers])


class ErrorsByEpoch(keras.callbacks.Callback):
    """Counts a network's errors on the test set after every epoch.

    Args:
        test: Images and labels.
        draw: Whether MixLU draws elements at test; a list for each in `errors`.
    """

    def __init__(
        self, test: tuple[np.ndarray, np.ndarray], draw: Sequence[bool]
    ) -> None:
        super().__init__()
        self.test = test
        self.draw = draw
        self.twins: list[keras.Model] = []
        self.errors: list[list[float]] = [[] for _ in draw]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # To ask for `self.model` brings its weights up to date on JAX, each time.
        model = self.model
        if not self.twins:
            self.twins = [sharing_layers(model, draw) for draw in self.draw]
        for errors, twin in zip(self.errors, self.twins, strict=True):
            errors.append(percent_wrong(twin, *self.test))


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
        # Units that are chosen once are not drawn.
        draws = fraction > 0 and options.scope == "elements"
        by_epoch = ErrorsByEpoch(test, [False, True] if draws else [False])
        start = time.perf_counter()
        history = model.fit(
            *train,
            batch_size=options.batch_size,
            epochs=options.epochs,
            # What is no number once remains so.
            callbacks=[by_epoch, keras.callbacks.TerminateOnNaN()],
            verbose=command_line.fit_verbosity(options),
        ).history
        seconds = time.perf_counter() - start
        runs.append(
            Run(
                fraction,
                gradient,
                seed,
                seconds,
                history["loss"],
                train_error=percent_wrong(by_epoch.twins[0], *train),
                test_error=by_epoch.errors[0][-1],
                training_errors=[100 * (1 - right) for right in history["accuracy"]],
                test_errors=by_epoch.errors[0],
                drawn_test_errors=by_epoch.errors[-1],
            )
        )
    return runs
