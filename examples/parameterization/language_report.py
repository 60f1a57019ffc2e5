"""What examples on language models report: a table and a picture."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from examples.parameterization.language_network import CELLS
from examples.parameterization.language_training import Run, bits, perplexity
from examples.shared import pictures, tables


def measure(options: argparse.Namespace) -> str:
    """What models of the level are judged by."""
    return {"words": "perplexity", "characters": "bits per character"}[options.level]


def shown(options: argparse.Namespace, nats: float) -> float:
    """Nats a token in that measure."""
    return perplexity(nats) if options.level == "words" else bits(nats)


def results_table(
    options: argparse.Namespace,
    runs: Sequence[Run],
) -> str:
    """A Markdown table: each cell at its best epoch."""
    name = measure(options)
    rows = [
        ["cell", "units", "parameters", f"validation {name}", f"test {name}",
         "best epoch", "seconds"]
    ]  # fmt: skip
    for cell, group in tables.grouped(runs, "cell").items():
        valid = [shown(options, r.validation_loss[r.best_epoch]) for r in group]
        test = [shown(options, run.test_loss) for run in group]
        rows.append(
            [
                CELLS[cell].title,
                str(group[0].units),
                f"{group[0].parameters:,}",
                tables.mean_and_spread(valid),
                tables.mean_and_spread(test),
                ", ".join(
                    "diverged" if run.diverged else str(run.best_epoch + 1)
                    for run in group
                ),
                f"{np.mean([run.seconds for run in group]):.0f}",
            ]
        )
    return tables.markdown_table(rows)


def plot_course(
    options: argparse.Namespace, runs: Sequence[Run], path: pathlib.Path, title: str
) -> None:
    """Draws validation and training by epoch, one colour for each cell.

    Each seed has its own lines, so that one that stopped early does not shift
    the others.
    """
    figure = Figure(figsize=(6.4, 5), layout="constrained")
    axes = figure.subplots()
    for cell, group in tables.grouped(runs, "cell").items():
        color = pictures.color_of(list(CELLS), cell)
        for run in group:
            label = CELLS[cell].title if run is group[0] else None
            for losses, dash, what in (
                (run.validation_loss, "-", "validation"),
                (run.train_loss, ":", "training"),
            ):
                axes.plot(
                    np.arange(1, len(losses) + 1),
                    [shown(options, nats) for nats in losses],
                    color=color,
                    linestyle=dash,
                    marker="o" if len(losses) <= 20 else None,
                    markersize=3,
                    label=label and f"{label}, {what}",
                )
    axes.set(title=title, xlabel="epoch", ylabel=measure(options))
    if options.level == "words":
        pictures.logarithmic(axes)
    axes.xaxis.get_major_locator().set_params(integer=True)
    pictures.legend_below(figure, columns=2)
    figure.savefig(path, dpi=150)
