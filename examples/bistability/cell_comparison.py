"""What the examples on recurrent cells share: presets, the network, runs, results.

An example states its data, its network's inputs and head, and the paper's
figures; this module trains every cell at every learning rate with every seed
and reports.
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

import keras_modact
from examples.bistability.constant_gates import constant_gates_layer
from examples.shared import command_line, pictures, tables
from examples.shared.command_line import positive


def legendre_memory(units: int, **kwargs: Any) -> keras_modact.LMU:
    """An LMU with the memory that the paper gave it: 256 of the last 1,000 steps."""
    return keras_modact.LMU(units, order=256, theta=1000.0, **kwargs)


CELLS = {
    "brc": ("BRC", keras_modact.BRC),
    "nbrc": ("nBRC", keras_modact.NBRC),
    "goru": ("GORU", keras_modact.GORU),
    "lstm": ("LSTM", keras.layers.LSTM),
    "gru": ("GRU", keras.layers.GRU),
    "lmu": ("LMU", legendre_memory),
    "brc-constant": ("BRC, constant a and c", constant_gates_layer),
}
"""The layers by their name on the command line, with their name in print."""

PAPER_CELLS = ["brc", "nbrc", "goru", "lstm", "gru", "lmu"]
"""Those in the paper's tables."""

# Minutes on two cores for three cells.
QUICK_PRESET = {
    "units": 64,
    "layers": 2,
    "learning_rates": [3e-3],
    "batch_size": 100,
    "epochs": 10,
    "samples": 20_000,
    "test_samples": 5_000,
    "seeds": [0],
    "cells": ["brc", "nbrc", "gru"],
    "recurrent_start": "orthogonal",
    "skip_non_finite": False,
}

# The paper's section 5.1, shared by all of its benchmarks.
PAPER_PRESET = {
    "units": 128,
    "layers": 2,
    "learning_rates": [1e-3],
    "batch_size": 100,
    "epochs": 50,
    "seeds": [0, 1, 2],
    "cells": PAPER_CELLS,
    # The published code in its last version, which its authors name beside the
    # tables. The first one was orthogonal, as `NBRC` is by default.
    "recurrent_start": "glorot_uniform",
    "skip_non_finite": True,
}


@dataclass
class Run:
    """One training: its settings, its course by epoch, and the trained model.

    `test` follows the metric of this name; `test_f1` is empty but for classes.
    """

    cell: str
    learning_rate: float
    seed: int
    seconds: float
    train_loss: list[float]
    test: list[float]
    model: keras.Model = field(repr=False)
    metric: str = "mse"
    test_f1: list[float] = field(default_factory=list)
    task: dict[str, Any] = field(default_factory=dict)
    """What tells runs of several tasks apart, such as their time steps."""
    gates: dict[str, Any] = field(default_factory=dict)
    """What the gates of the trained model do over a sample."""

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        found = {
            k: v
            for k, v in vars(self).items()
            if k not in ("model", "metric", "task", "test", "test_f1", "gates")
        }
        f1 = {"test_f1": self.test_f1} if self.test_f1 else {}
        test = {f"test_{self.metric}": self.test, **f1}
        return {**self.task, **found, **test, **self.gates}


def option_parser(
    description: str | None, output: str, presets: Iterable[str] = ("quick", "paper")
) -> argparse.ArgumentParser:
    """The options of every example on cells; their defaults come from the preset."""
    parser = command_line.option_parser(description, output, presets)
    add = parser.add_argument
    add("--cells", nargs="+", choices=CELLS, help="which recurrent layers")
    add("--units", type=positive, help="units of each recurrent layer")
    add("--layers", type=positive, help="number of recurrent layers")
    add("--learning-rates", nargs="+", type=float, help="Adam's; each cell, each rate")
    add(
        "--recurrent-start",
        choices=("orthogonal", "glorot_uniform"),
        help="initial values of nBRC's recurrent weights",
    )
    add(
        "--skip-non-finite",
        action=argparse.BooleanOptionalAction,
        help="leave out an update whose gradients are not finite, as the authors do",
    )
    return parser


def recurrent_stack(
    sequences: Any,
    options: argparse.Namespace,
    cell: str,
    mask: Any = None,
    return_sequences: bool = False,
) -> Any:
    """Equal recurrent layers on top of each other, named after their place."""
    for index in range(options.layers):
        arguments = {}
        if cell == "nbrc":
            arguments["recurrent_initializer"] = options.recurrent_start
        layer = CELLS[cell][1](
            options.units,
            return_sequences=return_sequences or index < options.layers - 1,
            name=f"layer_{index + 1}",
            **arguments,
        )
        sequences = layer(sequences, mask=mask)
    return sequences


def adam(learning_rate: float, skip_non_finite: bool) -> keras.optimizers.Optimizer:
    """Adam, on request without updates from gradients that are not finite.

    Keras' optimizer for loss scaling skips such an update on every backend. It
    starts at a scale of 1 and moves in powers of two, which change no digit.
    """
    optimizer = keras.optimizers.Adam(learning_rate)
    if skip_non_finite:
        return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1.0)
    return optimizer


def train_all(
    options: argparse.Namespace,
    make_data: Callable[[int], tuple[tuple[Any, Any], tuple[Any, Any]]],
    make_model: Callable[[str], keras.Model],
    loss: str = "mean_squared_error",
    task: Mapping[str, Any] | None = None,
) -> list[Run]:
    """Trains every cell at every learning rate with every seed.

    `make_data` takes a seed and returns ((train x, train y), (test x, test y));
    `make_model` takes a cell's name. The test set is followed by the mean squared
    error, or, of another loss, by accuracy and macro-averaged F1 score.
    """
    classes = loss != "mean_squared_error"
    runs: list[Run] = []
    total = len(options.cells) * len(options.learning_rates) * len(options.seeds)
    for seed in options.seeds:
        train, test = make_data(seed)
        for cell, rate in itertools.product(options.cells, options.learning_rates):
            number = f"{len(runs) + 1} of {total}"
            name = CELLS[cell][0]
            print(f"\nTraining {number}: {name}, learning rate {rate:g}, seed {seed}")
            keras.utils.set_random_seed(seed)
            model = make_model(cell)
            optimizer = adam(rate, options.skip_non_finite)
            metrics = ["accuracy", keras.metrics.F1Score("macro")] if classes else []
            model.compile(optimizer, loss, metrics=metrics)
            start = time.perf_counter()
            history = model.fit(
                *train,
                batch_size=options.batch_size,
                epochs=options.epochs,
                validation_data=test,
                # No gradients are kept here, so larger batches fit and save time.
                validation_batch_size=5 * options.batch_size,
                verbose=command_line.fit_verbosity(options),
            ).history
            seconds = time.perf_counter() - start
            runs.append(
                Run(
                    cell,
                    rate,
                    seed,
                    seconds,
                    history["loss"],
                    history["val_accuracy" if classes else "val_loss"],
                    model,
                    "accuracy" if classes else "mse",
                    list(map(float, history.get("val_f1_score", []))),
                    dict(task or {}),
                )
            )
    return runs


def results_table(
    runs: Sequence[Run], test_title: str, paper_title: str, paper: Mapping[str, str]
) -> str:
    """A Markdown table: each cell at each rate after the last epoch, and the paper.

    `paper` holds the paper's figure of each cell.
    """
    f1 = any(run.test_f1 for run in runs)
    rows = [
        ["cell", "learning rate", test_title, *(["macro F1"] if f1 else []),
         "train loss", "seconds", paper_title]
    ]  # fmt: skip
    for (cell, rate), group in tables.grouped(runs, "cell", "learning_rate").items():
        f1_scores = [run.test_f1[-1] for run in group if run.test_f1]
        rows.append(
            [
                CELLS[cell][0],
                f"{rate:g}",
                tables.mean_and_spread([run.test[-1] for run in group]),
                *([tables.mean_and_spread(f1_scores)] if f1 else []),
                tables.mean_and_spread([run.train_loss[-1] for run in group]),
                f"{np.mean([run.seconds for run in group]):.0f}",
                paper.get(cell, "-"),
            ]
        )
    return tables.markdown_table(rows)


def plot_errors(
    runs: Sequence[Run],
    path: pathlib.Path,
    title: str,
    label: str,
    to_error: Callable[[np.ndarray], np.ndarray] = np.asarray,
    chance: tuple[str, float] | None = None,
) -> None:
    """Draws the test error by epoch, one line for each cell and learning rate.

    Colour tells the cell and the dash the rate; a band spans the seeds. Test
    values become errors by `to_error`; `chance` is label and error of a guess.
    """
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    rates = list(dict.fromkeys(run.learning_rate for run in runs))
    for (cell, rate), group in tables.grouped(runs, "cell", "learning_rate").items():
        errors = to_error(np.array([run.test for run in group]))
        epochs = np.arange(1, errors.shape[1] + 1)
        name = CELLS[cell][0]
        color = pictures.color_of(list(CELLS), cell)
        axes.plot(
            epochs,
            errors.mean(axis=0),
            color=color,
            linestyle=("-", "--", ":", "-.")[rates.index(rate) % 4],
            marker="o" if errors.shape[1] <= 20 else None,
            markersize=3,
            label=name if len(rates) == 1 else f"{name}, rate {rate:g}",
        )
        if len(group) > 1:
            low, high = errors.min(axis=0), errors.max(axis=0)
            axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
    if chance is not None:
        axes.axhline(chance[1], color="0.6", linewidth=0.8, label=chance[0], zorder=0)
    axes.set(title=title, xlabel="epoch", ylabel=label)
    pictures.logarithmic(axes)
    axes.xaxis.get_major_locator().set_params(integer=True)
    pictures.legend_below(figure)
    figure.savefig(path, dpi=150)
