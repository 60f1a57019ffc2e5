"""Training of the networks, and what becomes of n and s in it.

For `gain_and_saturation.py`.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from examples.activation.networks import (
    GAMMA_RNNS,
    Adaptation,
    adaptation_of,
    build_model,
)
from examples.activation.tasks import Splits
from examples.shared import command_line

POINTS_PER_EPOCH = 10
PROBE_SAMPLES = 50
UNITS_KEPT = 100
"""Of how many units n and s are recorded; of ARUN, at how many moments of units."""


@dataclass
class Run:
    """One training: its settings, its course, and the trained model.

    `path` has a row for every recorded moment: the mean gain, its standard
    deviation over the units, the mean saturation, its standard deviation. Where there
    is no gamma it has none, and `before` and `after` are no `Adaptation` but None.
    """

    network: str
    gain: float | None
    saturation: float | None
    learning_rate: float
    seed: int
    parameters: int
    seconds: float
    train_loss: list[float]
    validation: list[float]
    test: float
    path: list[list[float]]
    before: Any = field(repr=False)
    after: Any = field(repr=False)
    model: keras.Model = field(repr=False)
    transfers: list[Any] = field(default_factory=list, repr=False)
    """What became of the network on changed pixels, if it was taken there."""

    @property
    def diverged(self) -> bool:
        """Whether the training ended in a loss that is no number."""
        return not np.isfinite(self.train_loss[-1])

    def record(self) -> dict[str, Any]:
        """Settings and course for `results.json`; a loss that is no number is None."""
        left_out = ("before", "after", "model", "transfers")
        kept = {k: v for k, v in vars(self).items() if k not in left_out}
        kept["transfer"] = [one.record() for one in self.transfers]
        kept |= {
            f"adapted_{one.adapted.replace(' ', '_')}": one.test_accuracy
            for one in self.transfers
        }
        if self.after is not None:
            kept |= self.units()
        return keras.tree.map_structure(
            lambda v: None if isinstance(v, float) and not np.isfinite(v) else v,
            kept | {"diverged": self.diverged},
        )

    def units(self) -> dict[str, list[float]]:
        """n and s at the end, of units drawn by chance, with five digits."""
        gains, saturations = (np.ravel(numbers) for numbers in self.after)
        drawn = np.random.default_rng(0).permutation(gains.size)[:UNITS_KEPT]
        return {
            name: [float(f"{x:.5g}") for x in numbers[drawn]]
            for name, numbers in (("unit_n", gains), ("unit_s", saturations))
        }


class PathRecorder(keras.callbacks.Callback):
    """Follows a model's mean n and s, and their spread, through its training.

    Args:
        samples: What ARUN reads when it is asked for its n and s.
        every: How many batches lie between two records; None for the start and
            the end of the training alone.
    """

    def __init__(self, samples: np.ndarray, every: int | None) -> None:
        super().__init__()
        self.samples = samples
        self.every = every
        self.path: list[list[float]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.before = self._record()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.every is not None and (batch + 1) % self.every == 0:
            self._record()

    def on_train_end(self, logs: Any = None) -> None:
        self.after = self._record()

    def _record(self) -> Adaptation | None:
        # `self.model` brings the weights up to date on JAX.
        found = adaptation_of(self.model, self.samples)
        if found is None:
            return None
        self.path.append([float(f(n)) for n in found for f in (np.mean, np.std)])
        return found


def fit(
    options: argparse.Namespace,
    model: keras.Model,
    splits: Splits,
    learning_rate: float,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Compiles and trains a model as the options ask; returns its history."""
    model.compile(
        keras.optimizers.Adam(learning_rate, global_clipnorm=options.clip_norm or None),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"] if options.task == "mnist" else [],
    )
    stop = [keras.callbacks.TerminateOnNaN()]
    if options.reduce_on_plateau:
        stop.append(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=10))
    return model.fit(
        *splits.train,
        batch_size=options.batch_size,
        epochs=epochs,
        validation_data=splits.validation,
        validation_batch_size=5 * options.batch_size,
        callbacks=[*callbacks, *stop],
        verbose=command_line.fit_verbosity(options),
    ).history


def score(
    options: argparse.Namespace, model: keras.Model, test: tuple[np.ndarray, np.ndarray]
) -> float:
    """Accuracy of a compiled model, or for copy its loss."""
    found = model.evaluate(
        *test, batch_size=5 * options.batch_size, verbose=0, return_dict=True
    )
    return found[metric(options)]


def metric(options: argparse.Namespace) -> str:
    """What a task is judged by, in Keras' name."""
    return "accuracy" if options.task == "mnist" else "loss"


def settings(options: argparse.Namespace) -> Iterator[tuple]:
    """Network, learning rate, n and s at the start of every run of a seed."""
    for network, rate in itertools.product(options.networks, options.learning_rates):
        starts = itertools.product(options.gains, options.saturations)
        for start in starts if network in GAMMA_RNNS else [(None, None)]:
            yield network, rate, *start


def train_all(
    options: argparse.Namespace, make_splits: Callable[[int], Splits]
) -> list[Run]:
    """Trains every network from every start at every rate with every seed."""
    runs: list[Run] = []
    total = len(options.seeds) * len(list(settings(options)))
    for seed in options.seeds:
        splits = make_splits(seed)
        for network, rate, gain, saturation in settings(options):
            start = "" if gain is None else f" from n = {gain:g}, s = {saturation:g}"
            print(
                f"\nTraining {len(runs) + 1} of {total}: {network}{start}, learning "
                f"rate {rate:g}, seed {seed}"
            )
            keras.utils.set_random_seed(seed)
            model = build_model(options, network, gain, saturation)
            batches = -(-len(splits.train[0]) // options.batch_size)
            every = None if network == "arun" else max(1, batches // POINTS_PER_EPOCH)
            recorder = PathRecorder(splits.test[0][:PROBE_SAMPLES], every)
            began = time.perf_counter()
            history = fit(options, model, splits, rate, options.epochs, [recorder])
            seconds = time.perf_counter() - began
            runs.append(
                Run(
                    network=network,
                    gain=gain,
                    saturation=saturation,
                    learning_rate=rate,
                    seed=seed,
                    parameters=count(model.trainable_weights),
                    seconds=seconds,
                    train_loss=history["loss"],
                    validation=history[f"val_{metric(options)}"],
                    test=score(options, model, splits.test),
                    path=recorder.path,
                    before=recorder.before,
                    after=recorder.after,
                    model=model,
                )
            )
    return runs


def count(weights: Sequence[keras.Variable]) -> int:
    """How many numbers the weights hold."""
    return sum(int(np.prod(weight.shape)) for weight in weights)


def best_runs(options: argparse.Namespace, runs: Sequence[Run]) -> list[Run]:
    """Of each network the run that did best on the validation set."""
    sign = 1 if options.task == "mnist" else -1
    return [
        max(group, key=lambda run: sign * run.validation[-1])
        for network in options.networks
        if (group := [r for r in runs if r.network == network and not r.diverged])
    ]
