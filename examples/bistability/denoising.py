"""Denoising: who remembers five marked numbers among noise, in order?

Each step shows a number from N(0, 1) and a flag that marks five of the first
T - N steps; over the last five steps the network gives the marked numbers back
(Vecoven, Ernst, Drion 2021, section 5.1.2). Guessing 0 has an error of 1. The
quick preset has T = 50 and N = 25 in place of 400 and 200. A picture shows, as the
paper's fig. 4 does, how many units of each layer are bistable and how they update
over one sample:

    export KERAS_BACKEND=jax
    python -m examples.bistability.denoising
    python -m examples.bistability.denoising --cells nbrc --layers 4 --units 100
    python -m examples.bistability.denoising --preset paper --flags published
    python -m examples.bistability.denoising --preset figure-4
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import keras
import numpy as np
from matplotlib.figure import Figure

from examples.bistability import cell_comparison, sample_gates
from examples.shared import command_line, records
from examples.shared.command_line import natural, positive

MARKS = 5

# Table 2: test error by N and cell, at T = 400.
PAPER_TIME_STEPS = 400
PAPER = {
    5: {
        "brc": ".579 ± .033",
        "nbrc": ".016 ± .003",
        "lstm": ".655 ± .463",
        "gru": ".001 ± .000",
        "goru": ".000 ± .000",
        "lmu": "1.004 ± .006",
    },
    200: {
        "brc": ".614 ± .119",
        "nbrc": ".071 ± .078",
        "lstm": ".996 ± .005",
        "gru": ".995 ± .003",
        "goru": "1.004 ± .003",
        "lmu": "1.000 ± .003",
    },
}

# Sizes as the paper states them; the published code trains on 60,000 samples and
# tests on 10,000.
PAPER_PRESET = {
    **cell_comparison.PAPER_PRESET,
    "time_steps": PAPER_TIME_STEPS,
    "free_steps": 200,
    "samples": 40_000,
    "test_samples": 50_000,
}

PRESETS = {
    "quick": {**cell_comparison.QUICK_PRESET, "time_steps": 50, "free_steps": 25},
    "paper": PAPER_PRESET,
    # "For this analysis, we train a network with 4 layers of 100 neurons each".
    "figure-4": {
        **PAPER_PRESET,
        "layers": 4,
        "units": 100,
        "free_steps": 0,
        "cells": ["nbrc"],
        "seeds": [0],
    },
}


def make_samples(
    samples: int,
    time_steps: int,
    free_steps: int,
    generator: np.random.Generator,
    flags: str = "paper",
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of flag and data, and the five marked values in order.

    Args:
        samples: Number of sequences.
        time_steps: T.
        free_steps: N; the marks lie among the first T - N steps, and before
            the answer begins.
        generator: Source of random numbers.
        flags: "paper": T steps, flag 1 at a mark, 0 at the fifth step from the
            end, where the answer begins, and -1 elsewhere. "published": the
            authors' code, T + 4 steps, flag 1 at a mark, -1 at the fifth step
            from the end and 0 elsewhere. The data are 0 over the last five
            steps of either.

    Returns:
        Arrays `(samples, steps, 2)` and `(samples, 5)`.
    """
    steps = time_steps if flags == "paper" else time_steps + MARKS - 1
    trigger = steps - MARKS
    data = generator.standard_normal((samples, steps), "float32")
    data[:, trigger:] = 0
    if flags == "paper":
        flag = np.full_like(data, -1)
        flag[:, trigger] = 0
    else:
        flag = np.zeros_like(data)
        flag[:, trigger] = -1
    first_steps = np.arange(min(time_steps - free_steps, trigger))
    candidates = np.tile(first_steps, (samples, 1))
    marks = np.sort(generator.permuted(candidates, axis=1)[:, :MARKS], axis=1)
    np.put_along_axis(flag, marks, 1, axis=1)
    return np.stack([flag, data], axis=-1), np.take_along_axis(data, marks, axis=1)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = cell_comparison.option_parser(__doc__, "denoising", PRESETS)
    add = parser.add_argument
    add("--time-steps", type=positive, help="T")
    add(
        "--free-steps",
        type=natural,
        help="N, steps without a mark at the end",
    )
    add("--flags", choices=("paper", "published"), default="paper")
    options = command_line.parse(parser, PRESETS, argv)
    if options.free_steps > options.time_steps - MARKS:
        parser.error(
            f"--free-steps must lie between 0 and T - {MARKS} = "
            f"{options.time_steps - MARKS}, received {options.free_steps}"
        )
    if options.time_steps < 2 * MARKS:
        parser.error(
            f"--time-steps must be at least {2 * MARKS}, so that {MARKS} marks come "
            f"before the answer, received {options.time_steps}"
        )
    return options


def draw(
    options: argparse.Namespace, samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Samples as the options ask for them."""
    return make_samples(
        samples, options.time_steps, options.free_steps, generator, options.flags
    )


def run(options: argparse.Namespace) -> list[cell_comparison.Run]:
    """Draws the data and trains, without a report."""

    def make_data(seed: int) -> tuple[tuple, tuple]:
        generator = np.random.default_rng(seed)
        train = draw(options, options.samples, generator)
        return train, draw(options, options.test_samples, generator)

    def make_model(cell: str) -> keras.Model:
        inputs = keras.Input((None, 2))
        outputs = cell_comparison.recurrent_stack(
            inputs, options, cell, return_sequences=True
        )
        values = keras.layers.Dense(1)(outputs[:, -MARKS:])
        return keras.Model(inputs, keras.layers.Reshape((MARKS,))(values))

    runs = cell_comparison.train_all(options, make_data, make_model)
    # A seed of its own: that of a run would begin with its training data.
    sample, _ = draw(options, 1, np.random.default_rng((options.seeds[0], 1)))
    for run in runs:
        if run.cell in ("brc", "nbrc"):
            run.gates = sample_gates.record(run.model, options.layers, sample)
    return runs


def main(argv: Sequence[str] | None = None) -> list[cell_comparison.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    report(options, runs)
    return runs


def report(options: argparse.Namespace, runs: Sequence[cell_comparison.Run]) -> None:
    """Prints the table and draws the pictures."""
    steps, free = options.time_steps, options.free_steps
    nearest = min(PAPER, key=lambda n: abs(n / PAPER_TIME_STEPS - free / steps))
    print(f"\nDenoising, T = {steps}, N = {free}, {keras.backend.backend()}")
    if (PAPER_TIME_STEPS, nearest) != (steps, free):
        print("The paper has no figure for this T and N; its nearest stands beside.")
    title = f"paper (T = {PAPER_TIME_STEPS}, N = {nearest})"
    print(cell_comparison.results_table(runs, "test MSE", title, PAPER[nearest]))
    cell_comparison.plot_errors(
        runs,
        options.output / "test_error.png",
        f"Denoising, T = {steps}, N = {free}",
        "test MSE",
        chance=("guessing 0", 1.0),
    )
    for run in runs:
        # One picture for a cell: the first rate and seed.
        if run.gates and (run.learning_rate, run.seed) == (
            options.learning_rates[0],
            options.seeds[0],
        ):
            plot_sample(options, run)
    print(f"Results and pictures are in {options.output}")


def plot_sample(options: argparse.Namespace, run: cell_comparison.Run) -> None:
    """Draws share of bistable units and mean of c over a sample (fig. 4)."""
    figure = Figure(figsize=(6.4, 5), layout="constrained")
    sample_gates.draw(figure.subplots(2, sharex=True), run.gates)
    name = cell_comparison.CELLS[run.cell][0]
    figure.suptitle(f"{name} on one sample; grey lines are the marked steps")
    figure.savefig(options.output / f"gates_{run.cell}.png", dpi=150)


if __name__ == "__main__":
    main()
