"""What `mnist.py` reports: a table beside the paper's, two pictures."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from matplotlib.figure import Figure

import keras_modact
from examples.shared import pictures, tables

if TYPE_CHECKING:
    from examples.parameterization.mnist import Run

# Table 1: name, size, and accuracy in percent on the training and the test set.
PAPER = {
    "logistic": ("logistic regression", "8K", 92.00, 92.14),
    "feed-forward": ("3-layer feed-forward", "100K", 97.57, 97.01),
    "sva-8k": ("1-layer SVA", "8K", 94.05, 93.86),
    "sva-100k": ("1-layer SVA", "100K", 98.62, 97.14),
    "sva-deep": ("3-layer SVA", "100K", 99.99, 97.65),
}


def layers_of(run: Run) -> str:
    """The widths after the images' 784 pixels, with the rank and the policy's size."""
    layers = run.network.layers
    widths = " → ".join(f"{layer.units}" for layer in layers)
    if not isinstance(layers[0], keras_modact.AdaptiveDense):
        return widths
    return f"{widths}, rank {layers[0].rank}, z {layers[0].policy.units}"


def results_table(runs: Sequence[Run]) -> str:
    """A Markdown table: accuracies in percent after the last epoch, and the paper's."""
    rows = [
        ["model", "units", "parameters", "training %", "test %", "seconds",
         "paper: size", "training %", "test %"]
    ]  # fmt: skip
    for model, group in tables.grouped(runs, "model").items():
        name, size, *paper = PAPER[model]
        rows.append(
            [
                name,
                layers_of(group[0]),
                f"{group[0].parameters:,}",
                tables.mean_and_spread([100 * run.train_accuracy for run in group], 2),
                tables.mean_and_spread([100 * run.test_accuracy for run in group], 2),
                f"{np.mean([run.seconds for run in group]):.0f}",
                size,
                *(f"{accuracy:.2f}" for accuracy in paper),
            ]
        )
    return tables.markdown_table(rows)


def plot_accuracies(runs: Sequence[Run], path: pathlib.Path, title: str) -> None:
    """Draws the share of test images misread by epoch; a band spans the seeds.

    The paper's figures stand as diamonds at the right edge.
    """
    figure = Figure(figsize=(6.8, 5.2), layout="constrained")
    axes = figure.subplots()
    for model, group in tables.grouped(runs, "model").items():
        color = pictures.color_of(list(PAPER), model)
        errors = 100 - 100 * np.array([run.test for run in group])
        epochs = np.arange(1, errors.shape[1] + 1)
        axes.plot(
            epochs,
            errors.mean(axis=0),
            color=color,
            marker="o" if len(epochs) <= 20 else None,
            markersize=3,
            label=f"{PAPER[model][0]}, {group[0].parameters:,}",
        )
        if len(group) > 1:
            low, high = errors.min(axis=0), errors.max(axis=0)
            axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
        axes.plot(
            [0.985],
            [100 - PAPER[model][3]],
            "D",
            color=color,
            markeredgecolor="white",
            transform=axes.get_yaxis_transform(),
            zorder=3,
        )
    axes.set(title=title, xlabel="epoch", ylabel="test images misread / %")
    # Room for the diamonds, right of the last epoch.
    axes.set_xlim(right=1 + 1.06 * (axes.get_xlim()[1] - 1))
    pictures.logarithmic(axes)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.plot([], [], "D", color="0.5", label="the paper's, after 50,000 steps")
    pictures.legend_below(figure, columns=2)
    figure.savefig(path, dpi=150)


def values_by_digit(run: Run, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean adapted singular values of the last layer, `(digits, rank)`.

    A digit that does not occur has NaN.
    """
    *before, last = run.network.layers
    x = keras.ops.convert_to_tensor(images)
    for layer in before:
        x = layer(x)
    values = keras.ops.convert_to_numpy(last.adaptation(x)[1])
    means = np.full((10, values.shape[-1]), np.nan)
    for digit in np.unique(labels):
        means[digit] = values[labels == digit].mean(axis=0)
    return means


def plot_singular_values(
    runs: Sequence[Run], test: tuple[np.ndarray, np.ndarray], path: pathlib.Path
) -> None:
    """Draws the last layer's mean adapted singular values by digit, a panel a run."""
    figure = Figure(figsize=(6.8, 2.7 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), squeeze=False)[:, 0]
    for run, axes in zip(runs, panels, strict=True):
        means = values_by_digit(run, *test)
        # Values that are largest for the same digit stand beside each other.
        order = np.argsort(np.nanargmax(means, axis=0), kind="stable")
        most = np.nanmax(abs(means))
        image = axes.imshow(
            means[:, order],
            cmap="RdBu",
            vmin=-most,
            vmax=most,
            aspect="auto",
            interpolation="nearest",
        )
        name = f"{PAPER[run.model][0]}, {run.parameters:,}"
        axes.set(
            title=f"{name}, seed {run.seed}",
            xlabel="singular values of the last layer, sorted",
            ylabel="digit",
            yticks=range(10),
        )
        figure.colorbar(image, ax=axes, label="mean over images")
    figure.savefig(path, dpi=150)


def report(
    options: argparse.Namespace,
    runs: Sequence[Run],
    test: tuple[np.ndarray, np.ndarray],
) -> None:
    """Prints the table and draws the pictures."""
    steps = options.epochs * -(-options.samples // options.batch_size)
    optimizer = {"sgd": "SGD", "adam": "Adam"}[options.optimizer]
    setting = f"{optimizer} {options.learning_rate:g}, {steps:,} steps"
    print(
        f"\nAdaptive layers on MNIST, {keras.backend.backend()}: {setting} of "
        f"{options.batch_size} images (paper: SGD 0.001, 50,000 steps of 128)"
    )
    print(results_table(runs))
    if any(run.loss[-1] > 0.99 * np.log(10) for run in runs if "sva" in run.model):
        print(
            "A loss of ln 10 is that of guessing: where adapted singular values start"
        )
        print("near 0, little gets through three layers. Try --around-one.")
    title = f"MNIST, {setting}"
    plot_accuracies(runs, options.output / "test_error.png", title)
    pictures = "test_error.png"
    adaptive = [
        group[0]
        for model, group in tables.grouped(runs, "model").items()
        if "sva" in model
    ]
    if adaptive:
        path = options.output / "singular_values.png"
        plot_singular_values(adaptive, test, path)
        pictures += " and singular_values.png"
    print(f"Results, {pictures} are in {options.output}")
