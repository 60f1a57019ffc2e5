"""Draws committed results, `python -m docs.tools.result_pictures [NAME...]`.

What lies in `examples/results`, so that the pictures change with it, and the adapted
singular values of one network, trained as those are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
import numpy as np
from keras import ops

from docs.tools.panels import panels, save
from examples.modulation import nodes
from examples.modulation.text_classification import MODELS
from examples.parameterization import tail_regression
from examples.reproduce import figures, store
from examples.reproduce.papers import CATALOG
from examples.shared.pictures import color_of, legend_below, logarithmic
from keras_modact.activation.plotting import plot_gamma
from keras_modact.modulation.plotting import plot_unit
from keras_modact.parameterization.plotting import plot_singular_values
from keras_modact.utils.plotting import BLUE, GREEN, ORANGE, PURPLE

matplotlib.use("Agg")
from matplotlib import pyplot

AROUND_ONE = ", around one"
TABLES = {table.id: table for table in CATALOG}
UNITS = {
    "control-2": ("a node of an LSTM", GREEN),
    "modulated": ("a node of a modulated LSTM", BLUE),
}


def results(table: str, preset: str) -> store.Results:
    """The committed runs of a table."""
    return store.read(TABLES[table], preset, store.FOLDER)


def by_cell(table: str, preset: str) -> dict[str, list[dict[str, Any]]]:
    """The same by cell, without cells that have none."""
    found = results(table, preset)
    cells = {cell.name: found.of(cell.name) for cell in TABLES[table].runnable}
    return {name: runs for name, runs in cells.items() if runs}


def draw_by_epoch(
    ax: Any, curves: Mapping[str, np.ndarray], label: Callable[[str], str]
) -> None:
    """The mean over seeds of each curve, `(seeds, epochs)`, and a band over them.

    A network that starts around one has the colour of the other, and is dashed.
    """
    networks = dict.fromkeys(name.removesuffix(AROUND_ONE) for name in curves)
    for name, curve in curves.items():
        epochs = np.arange(1, curve.shape[1] + 1)
        color = color_of(list(networks), name.removesuffix(AROUND_ONE))
        dash = "--" if name.endswith(AROUND_ONE) else "-"
        ax.plot(epochs, curve.mean(0), dash, color=color, label=label(name))
        if len(curve) > 1:
            band = {"color": color, "alpha": 0.2, "linewidth": 0}
            ax.fill_between(epochs, curve.min(0), curve.max(0), **band)
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    logarithmic(ax)


def copy_first_input() -> None:
    figure, axes = panels(1, 2, 3.8)
    for ax, (steps, preset) in zip(axes, ((5, "paper"), (50, "quick")), strict=True):
        found = by_cell("bistability/table-1", preset)
        curves = {
            cell: np.array([run["curve"]["test_mse"] for run in runs])
            for cell, runs in found.items()
            if cell.startswith(f"T = {steps},")
        }
        ax.axhline(1, color="0.6", linewidth=0.8, label="guessing 0", zorder=0)
        draw_by_epoch(ax, curves, lambda name: name.split(", ")[1])
        rate = next(iter(found.values()))[0]["settings"]["learning_rates"][0]
        ax.set_title(f"T = {steps}, Adam at {rate:g}")
    axes[0].set_ylabel("test mean squared error")
    legend_below(figure, columns=4)
    save(figure, "copy_first_input")


def drawn_with_the_results(table: str, preset: str, name: str) -> None:
    """A picture as the page of results has it."""
    shown = TABLES[table]
    assert shown.source is not None
    assert shown.picture is not None
    found = results(shown.source, preset)
    cells = figures.shown_cells(shown, TABLES[shown.source], found)
    figure = shown.picture(cells, found)
    assert figure is not None
    save(figure, name)


def gates() -> None:
    drawn_with_the_results("bistability/figure-4", "quick", "gates")


def gamma_path() -> None:
    drawn_with_the_results("activation/plane", "quick", "gamma_path")


def modulation_map() -> None:
    drawn_with_the_results("modulation/shapes", "quick", "modulation_map")


def draw_unit(ax: Any, model: str) -> None:
    """What a node of an LSTM on SST-2 makes of its input, before the input gate."""
    cell = f"masked, {MODELS[model]}"
    run = results("modulation/table-4-sst2", "quick").of(cell)[0]
    node = nodes.from_record({**run["result"], **run["curve"]})
    assert node is not None
    found = node.nodes
    output = np.tanh(found.slope * found.integrated)
    plot_unit(found.integrated, output, ax=ax, color=UNITS[model][1])


def draw_learned(ax: Any, network: str, color: str) -> None:
    """The activations that a network on permuted MNIST learned, a curve a unit."""
    run = results("activation/permuted-mnist", "quick").of(network)[0]
    units = run["curve"]["unit_n"], run["curve"]["unit_s"]
    plot_gamma(*units, ax=ax, color=color)


def unit() -> None:
    figure, axes = panels(1, 2, 3.4, sharex=True, sharey=True)
    for ax, (model, (title, _)) in zip(axes, UNITS.items(), strict=True):
        draw_unit(ax, model)
        ax.set_title(title)
    axes[1].set_ylabel("")
    save(figure, "unit")


def tail_errors() -> None:
    found = by_cell("parameterization/figure-2", "paper")
    titles = {"tail_mse": "in the tail", "rest_mse": "elsewhere"}
    figure, axes = panels(1, 2, 3.0, sharey=True)
    random = np.random.default_rng(0)
    for ax, (measure, title) in zip(axes, titles.items(), strict=True):
        for place, (model, runs) in enumerate(found.items()):
            errors = [run["result"][measure] for run in runs]
            heights = place + random.uniform(-0.15, 0.15, len(errors))
            color = color_of(list(found), model)
            ax.plot(errors, heights, "o", color=color, alpha=0.6, markersize=4)
            middle = np.median(errors)
            ax.plot([middle, middle], [place - 0.35, place + 0.35], color="black")
        ax.set(xscale="log", xlabel="mean squared error", title=title)
    names = [
        f"{model}\n{runs[0]['result']['parameters']} parameters"
        for model, runs in found.items()
    ]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    save(figure, "tail_errors")


def singular_values() -> None:
    arguments = [
        "--preset",
        "paper",
        "--models",
        "adaptive",
        "--seeds",
        "0",
        "--verbose",
        "0",
    ]
    options = tail_regression.parse(arguments)
    (run,) = tail_regression.run(options)
    x = tail_regression.make_test(options)[0]
    first, last = run.network.layers
    values = {
        "first layer": first.adaptation(ops.convert_to_tensor(x))[1],
        "second layer": last.adaptation(first(ops.convert_to_tensor(x)))[1],
    }
    # The mean of neighbours, but for the outermost, which are few and far apart.
    order = np.argsort(x[:, 1])
    edges = np.linspace(-4, 4, 81)
    bins = np.digitize(x[order, 1], edges)
    kept = [place for place in np.unique(bins) if (bins == place).sum() >= 5]
    by = np.array([x[order, 1][bins == place].mean() for place in kept])
    figure, axes = panels(1, 2, 3.2)
    for ax, (title, found) in zip(axes, values.items(), strict=True):
        sorted_values = ops.convert_to_numpy(found)[order]
        means = np.array([sorted_values[bins == place].mean(0) for place in kept])
        plot_singular_values(means, by=by, ax=ax, xlabel="$x_2$")
        ax.set_title(title)
        ax.get_legend().remove()
    axes[1].set_ylabel("")
    axes[0].legend(title="singular value", ncols=2, loc="best")
    save(figure, "singular_values")


def adaptive_mnist() -> None:
    found = by_cell("parameterization/table-1", "paper")
    curves = {
        cell: 100 - 100 * np.array([run["curve"]["test"] for run in runs])
        for cell, runs in found.items()
    }
    figure, ax = panels(1, 1, 4.6)
    draw_by_epoch(ax, curves, str)
    ax.set_ylabel("test images misread / %")
    legend_below(figure, columns=2)
    save(figure, "adaptive_mnist")


def mixlu_gap() -> None:
    found = by_cell("rectification/table-7", "quick")
    runs = [run["result"] for of in found.values() for run in of if run["seed"] == 0]
    figure, axes = panels(1, 2, 3.4, sharex=True, sharey=True)
    for ax, gradient in zip(axes, ("exact", "published"), strict=True):
        shown = [run for run in runs if run["gradient"] in ("either", gradient)]
        shown.sort(key=lambda run: run["fraction"])
        kept = [run for run in shown if not run["diverged"]]
        lost = [run["fraction"] for run in shown if run["diverged"]]
        for name, style, color in (
            ("training", "o-", ORANGE),
            ("test", "s-", PURPLE),
        ):
            errors = [run[f"{name.removesuffix('ing')}_error"] for run in kept]
            shares = [run["fraction"] for run in kept]
            ax.plot(shares, errors, style, color=color, label=name)
        if lost:
            # A cross at the upper edge: there is no error to be read of it.
            edge = {"transform": ax.get_xaxis_transform(), "clip_on": False}
            ax.plot(lost, [1.0] * len(lost), "kx", label="diverged", **edge)
        ax.set(xlabel="NegLUs / % of the elements", title=f"{gradient} gradient")
    axes[0].set_ylabel("error / %")
    axes[0].set_ylim(bottom=0)
    legend_below(figure)
    save(figure, "mixlu_gap")


DRAWN: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        copy_first_input,
        gates,
        modulation_map,
        unit,
        gamma_path,
        tail_errors,
        singular_values,
        adaptive_mnist,
        mixlu_gap,
    )
}

if __name__ == "__main__":
    for name in sys.argv[1:] or DRAWN:
        print(name)
        DRAWN[name]()
        pyplot.close("all")
