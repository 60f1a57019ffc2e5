"""Copy first input: who still knows the first of T random numbers at the end?

Each step shows a number drawn from N(0, 1); after the last one, the network
gives back the first (Vecoven, Ernst, Drion 2021, section 5.1.1). Guessing 0 has
an error of 1. The quick preset (T = 50) shows nBRC and BRC on the way to 0
while the GRU still guesses; other learning rates change that picture, so look
at several before you claim anything:

    export KERAS_BACKEND=jax
    python -m examples.bistability.copy_first_input
    python -m examples.bistability.copy_first_input --learning-rates 1e-3 5e-3 1e-2
    python -m examples.bistability.copy_first_input --preset paper --time-steps 300

With several T (--time-steps 5 50 300 600) a second picture has them all, as the
paper's fig. 3.
"""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.figure import Figure

from examples.bistability import cell_comparison
from examples.shared import command_line, pictures, records
from examples.shared.command_line import positive
from keras_modact.utils.plotting import CYCLE

# Table 1: test error by T and cell.
PAPER = {
    5: {
        "brc": ".005 ± .001",
        "nbrc": ".000 ± .000",
        "lstm": ".000 ± .000",
        "gru": ".000 ± .000",
        "goru": ".000 ± .000",
        "lmu": ".000 ± .000",
    },
    50: {
        "brc": ".082 ± .027",
        "nbrc": ".002 ± .000",
        "lstm": ".000 ± .000",
        "gru": ".997 ± .005",
        "goru": ".019 ± .009",
        "lmu": ".000 ± .000",
    },
    300: {
        "brc": ".086 ± .014",
        "nbrc": ".010 ± .003",
        "lstm": "1.002 ± .009",
        "gru": ".876 ± .190",
        "goru": ".308 ± .050",
        "lmu": ".000 ± .000",
    },
    600: {
        "brc": ".099 ± .029",
        "nbrc": ".009 ± .002",
        "lstm": ".989 ± .008",
        "gru": ".999 ± .017",
        "goru": ".323 ± .068",
        "lmu": ".002 ± .001",
    },
}

PRESETS = {
    # At lower rates it hangs on rounding how far nBRC gets in this time.
    "quick": {
        **cell_comparison.QUICK_PRESET,
        "time_steps": [50],
        "learning_rates": [5e-3],
    },
    # "Training sets comprise 40000 samples and performances are evaluated on test
    # sets generated with 50000 samples." The published code has the same sizes.
    "paper": {
        **cell_comparison.PAPER_PRESET,
        "time_steps": list(PAPER),
        "samples": 40_000,
        "test_samples": 50_000,
    },
}


def make_samples(
    samples: int, time_steps: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sequences `(samples, time_steps, 1)` and their first inputs `(samples, 1)`."""
    sequences = generator.standard_normal((samples, time_steps, 1), "float32")
    return sequences, sequences[:, 0]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = cell_comparison.option_parser(__doc__, "copy_first_input")
    parser.add_argument("--time-steps", nargs="+", type=positive, help="T, or several")
    return command_line.parse(parser, PRESETS, argv)


def train(options: argparse.Namespace, time_steps: int) -> list[cell_comparison.Run]:
    """Trains on sequences of one length."""

    def make_data(seed: int) -> tuple[tuple, tuple]:
        generator = np.random.default_rng(seed)
        train = make_samples(options.samples, time_steps, generator)
        return train, make_samples(options.test_samples, time_steps, generator)

    def make_model(cell: str) -> keras.Model:
        inputs = keras.Input((time_steps, 1))
        last = cell_comparison.recurrent_stack(inputs, options, cell)
        return keras.Model(inputs, keras.layers.Dense(1)(last))

    return cell_comparison.train_all(
        options, make_data, make_model, task={"time_steps": time_steps}
    )


def run(options: argparse.Namespace) -> list[cell_comparison.Run]:
    """Trains on every length that the options ask for, without a report."""
    return [run for steps in options.time_steps for run in train(options, steps)]


def main(argv: Sequence[str] | None = None) -> list[cell_comparison.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    records.write_results(options, (run.record() for run in runs))
    by_length = {
        steps: [run for run in runs if run.task["time_steps"] == steps]
        for steps in options.time_steps
    }
    for steps, group in by_length.items():
        report(options, steps, group)
    if len(by_length) > 1:
        plot_lengths(by_length, options.output / "lengths.png")
    print("An error of 1 is that of guessing 0. The order of the cells depends on the")
    print("learning rate: compare several (--learning-rates 1e-3 5e-3 1e-2).")
    print(f"Results and pictures are in {options.output}")
    return runs


def report(
    options: argparse.Namespace, steps: int, runs: Sequence[cell_comparison.Run]
) -> None:
    """Prints the table and draws the picture of one length."""
    nearest = min(PAPER, key=lambda paper_steps: abs(paper_steps - steps))
    print(f"\nCopy first input, T = {steps}, {keras.backend.backend()}")
    if nearest != steps:
        print(f"The paper has no figure for this T; its T = {nearest} stands beside.")
    print(
        f"Here: {options.samples} samples, {options.epochs} epochs, {options.units} "
        f"units. Paper: {PRESETS['paper']['samples']} samples, "
        f"{PRESETS['paper']['epochs']} epochs, {PRESETS['paper']['units']} units."
    )
    title = f"paper (T = {nearest})"
    print(cell_comparison.results_table(runs, "test MSE", title, PAPER[nearest]))
    several = len(options.time_steps) > 1
    cell_comparison.plot_errors(
        runs,
        options.output / (f"test_error_{steps}.png" if several else "test_error.png"),
        f"Copy first input, T = {steps}",
        "test MSE",
        chance=("guessing 0", 1.0),
    )


def plot_lengths(
    runs: Mapping[int, Sequence[cell_comparison.Run]], path: pathlib.Path
) -> None:
    """Draws the test error by epoch, a panel for each cell and a line for each T.

    The paper's fig. 3: a line is the mean over the seeds at the first learning
    rate, a band its standard deviation.
    """
    cells = list(dict.fromkeys(run.cell for group in runs.values() for run in group))
    figure = Figure(figsize=(1 + 3.4 * len(cells), 3.6), layout="constrained")
    panels = figure.subplots(1, len(cells), sharey=True, squeeze=False)[0]
    for axes, cell in zip(panels, cells, strict=True):
        for place, (steps, group) in enumerate(runs.items()):
            of_cell = [run for run in group if run.cell == cell]
            first = [r for r in of_cell if r.learning_rate == of_cell[0].learning_rate]
            if not first:
                continue
            errors = np.array([run.test for run in first])
            mean, std = errors.mean(axis=0), errors.std(axis=0)
            epochs = np.arange(1, len(mean) + 1)
            color = CYCLE[place % len(CYCLE)]
            axes.plot(epochs, mean, color=color, label=f"T = {steps}")
            if len(errors) > 1:
                axes.fill_between(
                    epochs, mean - std, mean + std, color=color, alpha=0.2, linewidth=0
                )
        axes.set(title=cell_comparison.CELLS[cell][0], xlabel="epoch")
        axes.axhline(1, color="0.6", linewidth=0.8, zorder=0, label="guessing 0")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set(ylabel="test MSE")
    pictures.legend_below(figure, columns=4)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
