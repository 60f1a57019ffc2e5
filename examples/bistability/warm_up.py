"""Warm-up: does a network learn to remember sooner if it is multistable at first?

Before training, gradient steps give the recurrent layers more attractors (Lambrechts
et al. 2023, "Warming up recurrent neural networks to maximise reachable multistability
greatly improves learning"); then each network learns to copy the first input of T.
Every cell starts as it is made ("plain"), warmed up ("warm"), and with layers of two
halves of which one is warmed up ("double"):

    export KERAS_BACKEND=jax
    python -m examples.bistability.warm_up
    python -m examples.bistability.warm_up --cells gru lstm --seeds 0 1 2
    python -m examples.bistability.warm_up --preset paper --time-steps 300

The first picture has the test error by epoch, the second where the states of the first
layer settle after 64 sequences, before and after the warm-up.
"""

from __future__ import annotations

import argparse
import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

from examples.bistability import cell_comparison
from examples.bistability.copy_first_input import make_samples
from examples.shared import command_line, pictures, records, tables
from examples.shared.command_line import positive
from keras_modact.bistability import plotting, settled_states, vaa, warm_up

STARTS = {"plain": "-", "warm": "--", "double": ":"}
"""How a network starts, and its line in the picture."""
SETTLED = 64  # sequences by which attractors are counted

PRESETS = {
    "quick": {
        **cell_comparison.QUICK_PRESET,
        "time_steps": 50,
        "learning_rates": [5e-3],
        "samples": 10_000,
        "test_samples": 2_000,
        "cells": ["nbrc", "gru"],
        "starts": ["plain", "warm"],
        "warm_steps": 100,
        "hold": 200,
        "settle_steps": 10_000,
    },
    # The settings of the authors' code.
    "paper": {
        **cell_comparison.PAPER_PRESET,
        "units": 256,
        "batch_size": 32,
        "time_steps": 300,
        "samples": 60_000,
        "test_samples": 10_000,
        "cells": ["brc", "nbrc", "gru", "lstm"],
        "starts": list(STARTS),
        "warm_steps": 100,
        "hold": 200,
        "settle_steps": 10_000,
        "skip_non_finite": False,
    },
}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = cell_comparison.option_parser(__doc__, "warm_up")
    parser.add_argument("--time-steps", type=positive, help="T")
    parser.add_argument("--starts", nargs="+", choices=STARTS, help="which starts")
    parser.add_argument("--warm-steps", type=positive, help="steps of the warm-up")
    parser.add_argument("--hold", type=positive, help="steps of a held input, at most")
    parser.add_argument("--settle-steps", type=positive, help="before states are seen")
    return command_line.parse(parser, PRESETS, argv)


def network(options: argparse.Namespace, cell: str, start: str) -> keras.Model:
    """Equal recurrent layers on top of each other, of two halves if it is "double"."""
    inputs = x = keras.Input((options.time_steps, 1))
    arguments = {}
    if cell == "nbrc":
        arguments["recurrent_initializer"] = options.recurrent_start
    halves = ("warm", "plain") if start == "double" else ("warm",)
    for index in range(options.layers):
        parts = [
            cell_comparison.CELLS[cell][1](
                options.units // len(halves),
                return_sequences=index < options.layers - 1,
                name=f"layer_{index + 1}_{half}",
                **arguments,
            )(x)
            for half in halves
        ]
        x = keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def run(
    options: argparse.Namespace,
    settled: dict[str, dict[str, np.ndarray]] | None = None,
) -> list[cell_comparison.Run]:
    """Trains every cell from every start; returns the runs.

    Args:
        options: What the command line asks for.
        settled: Is given, by each cell's name, the states that its first layer settles
            in before and after the warm-up, of the first seed. Defaults to `None`:
            nobody looks at them, and they are not computed.
    """
    data: dict[str, np.ndarray] = {}

    def make_data(seed: int) -> tuple[tuple, tuple]:
        generator = np.random.default_rng(seed)
        train = make_samples(options.samples, options.time_steps, generator)
        data["train"] = train[0]
        return train, make_samples(options.test_samples, options.time_steps, generator)

    def make_model(cell: str, start: str) -> keras.Model:
        model = network(options, cell, start)
        if start == "plain":
            return model
        warm = functools.partial(
            warm_up,
            model,
            data["train"],
            layers=[f"layer_{index + 1}_warm" for index in range(options.layers)],
            steps=options.warm_steps,
            longest_hold=options.hold,
            seed=0,
        )
        name = f"{cell_comparison.CELLS[cell][0]}, {start}"
        if settled is None or name in settled:
            warm()
            return model
        first, some = model.get_layer("layer_1_warm"), data["train"][:SETTLED]
        before = settled_states(first, some, steps=options.settle_steps, seed=0)
        warm()
        after = settled_states(first, some, steps=options.settle_steps, seed=0)
        print(
            f"Attractors of {len(some)}: {count(before)} before, {count(after)} after"
        )
        settled[name] = {"before": before, "after": after}
        return model

    runs = []
    for start in options.starts:
        print(f"\nStart: {start}")
        runs += cell_comparison.train_all(
            options,
            make_data,
            functools.partial(make_model, start=start),
            task={"start": start},
        )
    return runs


def count(states: np.ndarray) -> int:
    """The number of attractors that the states lie in."""
    return round(len(states) * float(vaa(states)))


def main(argv: Sequence[str] | None = None) -> list[cell_comparison.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    settled: dict[str, dict[str, np.ndarray]] = {}
    runs = run(options, settled)
    records.write_results(options, (run.record() for run in runs))
    rows = [["cell", "start", "learning rate", "test MSE", "by seed", "seconds"]]
    for (cell, start, rate), group in grouped(runs).items():
        rows.append(
            [
                cell_comparison.CELLS[cell][0],
                start,
                f"{rate:g}",
                tables.mean_and_spread([run.test[-1] for run in group]),
                ", ".join(f"{run.test[-1]:.2g}" for run in group),
                f"{np.mean([run.seconds for run in group]):.0f}",
            ]
        )
    print(f"\nCopy first input, T = {options.time_steps}, {keras.backend.backend()}")
    print(tables.markdown_table(rows))
    plot_errors(runs, options.output / "test_error.png")
    if settled:
        plot_attractors(settled, options.output / "attractors.png")
    print(f"An error of 1 is that of guessing 0. Pictures are in {options.output}")
    return runs


def grouped(runs: Sequence[cell_comparison.Run]) -> dict[tuple, list[Any]]:
    """The runs of each cell, start and learning rate."""
    found: dict[tuple, list[Any]] = {}
    for run in runs:
        key = run.cell, run.task["start"], run.learning_rate
        found.setdefault(key, []).append(run)
    return found


def plot_errors(runs: Sequence[cell_comparison.Run], path: pathlib.Path) -> None:
    """Draws the test error by epoch, one line for each run."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for (cell, start, _), group in grouped(runs).items():
        name = cell_comparison.CELLS[cell][0]
        for run in group:
            axes.plot(
                np.arange(1, len(run.test) + 1),
                run.test,
                color=pictures.color_of([name], name),
                linestyle=STARTS[start],
                label=f"{name}, {start}",
            )
    axes.axhline(1, color="0.6", linewidth=0.8, label="guessing 0", zorder=0)
    axes.set(xlabel="epoch", ylabel="test MSE", title="Copy first input")
    pictures.logarithmic(axes)
    axes.xaxis.get_major_locator().set_params(integer=True)
    pictures.legend_below(figure)
    figure.savefig(path, dpi=150)


def plot_attractors(
    settled: dict[str, dict[str, np.ndarray]], path: pathlib.Path
) -> None:
    """Draws where the states settle before and after, a panel for each network."""
    figure = Figure(figsize=(1 + 3.4 * len(settled), 3.9), layout="constrained")
    panels = figure.subplots(1, len(settled), squeeze=False)[0]
    for axes, (name, states) in zip(panels, settled.items(), strict=True):
        plotting.plot_attractors(states, axes)
        axes.set_title(name)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
