"""What the regression of the tail reports: two tables, two pictures.

For `tail_regression.py`.
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from matplotlib.figure import Figure

from examples.shared import pictures, tables
from keras_modact.utils.plotting import BLUE, CYCLE, GREEN, SKY, VERMILION

if TYPE_CHECKING:
    from examples.parameterization.tail_regression import Run

MEASURES = {
    "tail_mse": "tail MSE",
    "tail_median": "tail median error",
    "rest_mse": "elsewhere MSE",
    "rest_median": "elsewhere median error",
}
COLORS = {
    "adaptive": BLUE,
    "adaptive-tanh": SKY,
    "mlp": GREEN,
    "mlp-deep": VERMILION,
}


def results_table(runs: Sequence[Run]) -> str:
    """A Markdown table: the errors of each model, the median over the seeds.

    Of several seeds, the least and the greatest stand behind it; they lie too
    far apart for a mean and a standard deviation to tell much.
    """
    rows = [["model", "parameters", *MEASURES.values(), "seconds"]]
    for model, group in tables.grouped(runs, "model").items():
        cells = []
        for measure in MEASURES:
            found = [getattr(run, measure) for run in group]
            shown = [f"{x:.3g}" for x in map(float, (min(found), max(found)))]
            cell = f"{np.median(found):.3g}"
            cells.append(f"{cell} ({' to '.join(shown)})" if len(found) > 1 else cell)
        seconds = f"{np.mean([run.seconds for run in group]):.0f}"
        rows.append([model, f"{group[0].parameters}", *cells, seconds])
    return tables.markdown_table(rows)


def fractions(
    runs: Sequence[Run], measure: str
) -> dict[tuple[str, str], dict[int, float]]:
    """The error of each adaptive model as a fraction of each other model's, by seed."""
    found = {(run.model, run.seed): getattr(run, measure) for run in runs}
    models, seeds = (list(dict.fromkeys(names)) for names in zip(*found, strict=True))
    return {
        (model, baseline): {
            seed: found[model, seed] / found[baseline, seed] for seed in seeds
        }
        for model, baseline in itertools.product(models, models)
        if model.startswith("adaptive") and not baseline.startswith("adaptive")
    }


def fractions_table(runs: Sequence[Run]) -> str:
    """A Markdown table of what is left of a baseline's error; empty without both."""
    rows: list[list[str]] = []
    for measure in ("tail_mse", "tail_median"):
        for (model, baseline), by_seed in fractions(runs, measure).items():
            if not rows:
                seeds = [f"seed {seed}" for seed in by_seed]
                rows = [["error", "of", "by that of", *seeds, "median", "mean"]]
            values = list(by_seed.values())
            rows.append(
                [
                    MEASURES[measure],
                    model,
                    baseline,
                    *(f"{value:.2g}" for value in values),
                    f"{np.median(values):.2g}",
                    tables.mean_and_spread(values, 4),
                ]
            )
    return tables.markdown_table(rows) if rows else ""


def plot_predictions(
    runs: Sequence[Run],
    test: tuple[np.ndarray, np.ndarray],
    tail: np.ndarray,
    truth: Callable[[np.ndarray], np.ndarray],
    path: pathlib.Path,
) -> None:
    """Draws the predictions along x1 = 0, those of the tail, and the errors by |x2|.

    Every seed has a line along x1 = 0; the dots are those of each model's first
    run; the errors are the medians over seeds, and a band spans the seeds.
    """
    test_x, test_y = test
    figure = Figure(figsize=(9.6, 4), layout="constrained")
    along, scatter, errors = figure.subplots(1, 3)
    x2 = np.linspace(-4, 4, 401)
    line = np.stack([np.zeros_like(x2), x2], axis=-1).astype("float32")
    distance = abs(test_x[:, 1])
    # Equal numbers of samples, but the last ones, which hold the outermost.
    edges = np.quantile(distance, [*np.linspace(0, 0.9, 10), 0.95, 0.98, 0.99, 1])
    bins = np.clip(np.searchsorted(edges, distance, "right") - 1, 0, len(edges) - 2)
    for model, group in tables.grouped(runs, "model").items():
        color = COLORS[model]
        by_distance = []
        for number, run in enumerate(group):
            curve = run.predictor.predict(line, verbose=0)
            label = f"{model}, {run.parameters} parameters" if number == 0 else None
            along.plot(x2, curve, color=color, linewidth=1, alpha=0.7, label=label)
            found = run.predictor.predict(test_x, batch_size=10_000, verbose=0)
            if number == 0:
                scatter.plot(test_y[tail], found[tail], ".", color=color, markersize=2)
            square = ((found - test_y) ** 2)[:, 0]
            by_distance.append(
                [np.sqrt(square[bins == b].mean()) for b in range(len(edges) - 1)]
            )
        middles = [np.median(distance[bins == b]) for b in range(len(edges) - 1)]
        errors.plot(middles, np.median(by_distance, axis=0), "o-", ms=3, color=color)
        errors.fill_between(
            middles,
            np.min(by_distance, axis=0),
            np.max(by_distance, axis=0),
            color=color,
            alpha=0.15,
            linewidth=0,
        )
    along.plot(x2, truth(line), "--", color="black", linewidth=1.2, label="truth")
    along.set(title="along x1 = 0, every seed", xlabel="x2", ylabel="y")
    # A model that went astray would take the picture for itself.
    along.set_ylim(1.3 * truth(line).min(), 0.3 * -truth(line).min())
    scatter.axline((0, 0), slope=1, color="black", linewidth=0.8)
    scatter.set(
        title=f"in the tail, seed {runs[0].seed}",
        xlabel="y",
        ylabel="prediction",
    )
    scatter.xaxis.get_major_locator().set_params(nbins=4)
    errors.axvspan(
        distance[tail].min(),
        distance.max(),
        color="0.92",
        linewidth=0,
        label="the tail",
        zorder=0,
    )
    seeds = tables.count({run.seed for run in runs}, "seed")
    errors.set(
        title=f"median and range, {seeds}",
        xlabel="|x2|",
        ylabel="root mean squared error",
    )
    pictures.logarithmic(errors)
    pictures.legend_below(figure)
    figure.savefig(path, dpi=150)


def plot_singular_values(
    runs: Sequence[Run], test_x: np.ndarray, tail: np.ndarray, path: pathlib.Path
) -> None:
    """Draws how often each adapted singular value occurs in a layer, a row a run.

    Filled elsewhere, as an outline in the tail.
    """
    figure = Figure(figsize=(9, 2.8 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 2, squeeze=False)
    for run, row in zip(runs, panels, strict=True):
        x = keras.ops.convert_to_tensor(test_x)
        for number, (layer, axes) in enumerate(
            zip(run.network.layers, row, strict=True), start=1
        ):
            values = keras.ops.convert_to_numpy(layer.adaptation(x)[1])
            x = layer(x)
            # The few outermost would squeeze all others into one bar.
            low, high = np.quantile(values, [0.002, 0.998])
            bars = np.linspace(low, high, 80)
            for place in range(values.shape[-1]):
                of, color = values[:, place], CYCLE[place % len(CYCLE)]
                axes.hist(
                    of[~tail],
                    bars,
                    density=True,
                    color=color,
                    alpha=0.4,
                    label=f"value {place + 1}, elsewhere",
                )
                axes.hist(
                    of[tail],
                    bars,
                    density=True,
                    color=color,
                    histtype="step",
                    label=f"value {place + 1}, tail",
                )
            axes.set(
                title=f"{run.model}, seed {run.seed}: layer {number}",
                xlabel="adapted singular value",
                ylabel="density",
                yscale="log",
            )
    pictures.legend_below(figure, columns=4)
    figure.savefig(path, dpi=150)


def report(
    options: argparse.Namespace,
    runs: Sequence[Run],
    test: tuple[np.ndarray, np.ndarray],
    tail: np.ndarray,
    truth: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Prints the tables and draws the pictures."""
    steps = options.epochs * -(-options.samples // options.batch_size)
    print(
        f"\nTail regression, {keras.backend.backend()}: {steps} steps of "
        f"{options.batch_size} samples, Adam {options.learning_rate:g}, "
        f"{tables.count(options.seeds, 'seed')}. The tail is the {np.mean(tail):.0%} "
        "of the test samples with the largest |x2|."
    )
    print(results_table(runs))
    table = fractions_table(runs)
    if table:
        print("\nWhat is left of a baseline's error (below 1: better than it):")
        print(table)
    plot_predictions(runs, test, tail, truth, options.output / "predictions.png")
    drawn = "predictions.png"
    adaptive = [
        group[0]
        for model, group in tables.grouped(runs, "model").items()
        if "adaptive" in model
    ]
    if adaptive:
        path = options.output / "singular_values.png"
        plot_singular_values(adaptive, test[0], tail, path)
        drawn += " and singular_values.png"
    print(f"Results, {drawn} are in {options.output}")
