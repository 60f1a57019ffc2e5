"""What `cifar10.py` reports: tables beside the paper's figures, and pictures."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import keras
import numpy as np
from matplotlib.figure import Figure

from examples.modulation.modulated_cnn import MODELS, modulated_layers
from examples.shared import pictures, significance, tables

if TYPE_CHECKING:
    from examples.modulation.cifar10 import Run


class Accuracies(NamedTuple):
    """A line of the paper's table 2."""

    training: float
    validation: float
    test: float


PAPER = {
    "cnn": Accuracies(0.649, 0.694, 0.690),
    "modulated-cnn": Accuracies(0.775, 0.782, 0.782),
    "densenet-12": Accuracies(0.889, 0.888, 0.889),
    "modulated-densenet-12": Accuracies(0.905, 0.902, 0.902),
    "densenet-10": Accuracies(0.881, 0.885, 0.885),
    "modulated-densenet-10": Accuracies(0.894, 0.893, 0.894),
}

MOST_SIGNALS = 6


def results_table(runs: Sequence[Run]) -> str:
    """A Markdown table: each model after its last epoch, and the paper."""
    rows = [
        ["model", "parameters", "training", "validation", "test", "seconds",
         "paper: training", "validation", "test"]
    ]  # fmt: skip
    for model, group in tables.grouped(runs, "model").items():
        rows.append(
            [
                model,
                f"{group[0].parameters:,}",
                tables.mean_and_spread([run.training_accuracy[-1] for run in group]),
                tables.mean_and_spread([run.validation_accuracy[-1] for run in group]),
                tables.mean_and_spread([run.test_accuracy for run in group]),
                f"{np.mean([run.seconds for run in group]):.0f}",
                *(f"{x:.3f}" for x in PAPER[model]),
            ]
        )
    return tables.markdown_table(rows)


def comparison_table(runs: Sequence[Run]) -> str:
    """A Markdown table: test accuracy, modulated against plain.

    Of one run each there is a difference, but nothing to judge it by.
    """
    rows = [
        ["network", "modulated - plain", "p (Welch)", "Hedges' g", "g, corrected",
         "paper: modulated - plain"]
    ]  # fmt: skip
    tests = {
        model: [run.test_accuracy for run in group]
        for model, group in tables.grouped(runs, "model").items()
    }
    for plain, values in tests.items():
        modulated = f"modulated-{plain}"
        if modulated not in tests:
            continue
        numbers = ["-"] * 3
        groups = (tests[modulated], values)
        # Runs that all coincide have no spread to compare with.
        if min(map(len, groups)) > 1 and max(len(set(x)) for x in groups) > 1:
            a, b = map(significance.summarize, groups)
            numbers = [
                f"{significance.welch_p(a, b):.2g}",
                f"{significance.hedges_g(a, b):+.2f}",
                f"{significance.hedges_g(a, b, corrected=True):+.2f}",
            ]
        difference = np.mean(tests[modulated]) - np.mean(values)
        papers = PAPER[modulated].test - PAPER[plain].test
        rows.append([plain, f"{difference:+.3f}", *numbers, f"{papers:+.3f}"])
    return tables.markdown_table(rows) if len(rows) > 1 else ""


def modulation_signals(
    network: keras.Model, images: np.ndarray
) -> dict[str, np.ndarray]:
    """The signal `(images, height, width)` of modulated layers by their name.

    Of many layers it takes some, the first and the last among them.
    """
    layers = modulated_layers(network)
    places = np.linspace(0, len(layers) - 1, min(len(layers), MOST_SIGNALS))
    signals = {}
    for layer in (layers[round(place)] for place in places):
        # One model each: all modulators have one name, which Keras does not allow
        # within a model.
        reader = keras.Model(network.input, layer.modulation(layer.input))
        signals[layer.name] = reader.predict(images, verbose=0)[..., 0]
    return signals


def signal_table(signals: Mapping[str, np.ndarray]) -> str:
    """A Markdown table: how far the signals go, and where they differ."""
    rows = [["layer", "mean s", "5% to 95%", "std over positions", "over images"]]
    for name, signal in signals.items():
        low, high = np.quantile(signal, [0.05, 0.95])
        rows.append(
            [
                name,
                f"{signal.mean():.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{signal.std(axis=(1, 2)).mean():.2f}",
                f"{signal.mean(axis=(1, 2)).std():.2f}",
            ]
        )
    return tables.markdown_table(rows)


def plot_accuracies(runs: Sequence[Run], path: pathlib.Path, title: str) -> None:
    """Draws training and validation accuracy by epoch, a panel for each.

    A whole line is a modulated network; a band spans the seeds.
    """
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, what in zip(panels, ("training", "validation"), strict=True):
        for model, group in tables.grouped(runs, "model").items():
            values = np.array([getattr(run, f"{what}_accuracy") for run in group])
            epochs = np.arange(1, values.shape[1] + 1)
            color = pictures.color_of(list(MODELS), model)
            axes.plot(
                epochs,
                values.mean(axis=0),
                color=color,
                linestyle="-" if model.startswith("modulated-") else "--",
                marker="o" if values.shape[1] <= 20 else None,
                markersize=3,
                label=model,
            )
            if len(group) > 1:
                low, high = values.min(axis=0), values.max(axis=0)
                axes.fill_between(
                    epochs, low, high, color=color, alpha=0.15, linewidth=0
                )
        axes.set(title=what, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(color="0.9")
    panels[0].set_ylabel("accuracy")
    pictures.legend_below(figure)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def plot_signals(
    images: np.ndarray, signals: Mapping[str, np.ndarray], path: pathlib.Path, of: str
) -> None:
    """Draws images, a row for each, and beside them where the signals are high.

    Each column has its own range of colours, from its lowest to its highest
    signal, which the bar below it names.
    """
    size = (1.7 * (len(signals) + 1), 1.5 * len(images) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(images), len(signals) + 1, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for axes, image in zip(panels[:, 0], images, strict=True):
        axes.imshow(image)
    for column, (name, maps) in zip(panels.T[1:], signals.items(), strict=True):
        low, high = maps.min(), maps.max()
        for axes, one in zip(column, maps, strict=True):
            drawn = axes.imshow(one, cmap="cividis", vmin=low, vmax=high)
        column[0].set_title(name.replace("_", " "), fontsize=9)
        bar = figure.colorbar(
            drawn, ax=column.tolist(), location="bottom", aspect=10, label="s"
        )
        bar.set_ticks([low, high], labels=[f"{low:.3f}", f"{high:.3f}"])
        for text, side in zip(bar.ax.get_xticklabels(), ("left", "right"), strict=True):
            text.set_horizontalalignment(side)
    figure.suptitle(f"Modulation signal s, {of}")
    figure.savefig(path, dpi=150)


def report(
    options: argparse.Namespace,
    runs: Sequence[Run],
    name: str,
    test_images: np.ndarray,
) -> None:
    """Prints the tables and draws the pictures."""
    paper = "all images, 150 epochs, batches of 128"
    print(f"\n{name}, {keras.backend.backend()}")
    print(
        f"Here: {options.samples} training images, a fifth of them held out, "
        f"{options.epochs} epochs, batches of {options.batch_size}, "
        f"{tables.count(options.seeds, 'seed')}, after the last epoch. Paper: {paper}."
    )
    print(results_table(runs))
    if comparison := comparison_table(runs):
        print(comparison)
    plot_accuracies(runs, options.output / "accuracy.png", f"Accuracy on {name}")
    for model, group in tables.grouped(runs, "model").items():
        if not model.startswith("modulated-"):
            continue
        # Enough for the table, and read in seconds.
        some = test_images[:500]
        signals = modulation_signals(group[0].network, some)
        of = f"{model} on {name}, seed {group[0].seed}"
        print(f"\nModulation signal on {len(some)} test images: {of}")
        print(signal_table(signals))
        few = {layer: signal[:5] for layer, signal in signals.items()}
        path = options.output / f"signal_{model}.png"
        plot_signals(some[:5], few, path, of)
    print(f"See results.json and the pictures in {options.output}")
