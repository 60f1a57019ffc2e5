"""The papers' figures: drawn from the committed results, or from equations alone."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from keras import ops
from matplotlib.figure import Figure

import keras_modact
from examples.bistability import sample_gates
from examples.modulation import nodes, shapes
from examples.reproduce import verdicts
from examples.reproduce.catalog import Cell, Table
from examples.reproduce.store import Results
from examples.shared import pictures
from keras_modact.activation import plotting as activation_plotting
from keras_modact.bistability import plotting
from keras_modact.utils.plotting import BLUE


def shown_cells(table: Table, source: Table, results: Results) -> list[Cell]:
    """The cells that a figure shows, of those that have been run."""
    return [
        cell
        for cell in source.runnable
        if (not table.only or cell.name in table.only) and results.of(cell.name)
    ]


def draw(
    table: Table, source: Table, results: Results, folder: pathlib.Path
) -> pathlib.Path | None:
    """Draws a figure from the runs of a table; None if they have nothing for it."""
    cells = shown_cells(table, source, results)
    draw_runs = table.picture or functools.partial(course_figure, table.curves)
    figure = draw_runs(cells, results)
    if figure is not None:
        figure.suptitle(table.title)
    return save(figure, folder / f"{table.id}-{results.preset}.png")


def save(figure: Figure | None, path: pathlib.Path) -> pathlib.Path | None:
    """Writes a figure, if there is one."""
    if figure is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=100)
    return path if figure is not None else None


def course_figure(
    names: Sequence[str], cells: Sequence[Cell], results: Results
) -> Figure | None:
    """Curves by epoch: a panel a curve, a line for each cell, a band over its runs.

    Lines of one cell in several settings have one colour and several dashes.
    """
    figure = Figure(figsize=(max(6.4, 3.6 * len(names)), 4.4), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    titles = [cell.name for cell in cells]
    colors = [pictures.color_of(titles, title) for title in titles]
    for axes, name in zip(panels, names, strict=True):
        for place, (cell, color) in enumerate(zip(cells, colors, strict=True)):
            curves = [
                [np.nan if x is None else x for x in run["curve"][name]]
                for run in results.of(cell.name)
                if run["curve"].get(name)
            ]
            if not curves:
                continue
            # A run that diverged is shorter than the others.
            least = min(map(len, curves))
            found = np.array([curve[:least] for curve in curves])
            epochs = np.arange(1, least + 1)
            dash = ("-", "--", ":", "-.")[colors[:place].count(color) % 4]
            axes.plot(epochs, found.mean(axis=0), dash, color=color, label=cell.name)
            if len(found) > 1:
                low, high = found.min(axis=0), found.max(axis=0)
                band = {"color": color, "alpha": 0.2, "linewidth": 0}
                axes.fill_between(epochs, low, high, **band)
        axes.set_xlabel("epoch")
        axes.set_ylabel(results.table.measures.get(name, name.replace("_", " ")))
        axes.xaxis.get_major_locator().set_params(integer=True)
        low, high = axes.dataLim.intervaly
        if 0 < 10 * low < high:
            pictures.logarithmic(axes)
    drawn = [axes for axes in panels if axes.lines]
    if not drawn:
        return None
    pictures.legend_below(figure)
    return figure


def histogram_figure(
    measure: str, cells: Sequence[Cell], results: Results
) -> Figure | None:
    """How the runs' last values of a measure spread: a row for each cell.

    The paper's mean is dotted.
    """
    values = [
        [run["curve"][measure][-1] for run in results.of(cell.name)] for cell in cells
    ]
    printed = [c.paper[measure] for c in cells if measure in c.paper]
    every = [x for found in values for x in found]
    if not every:
        return None
    every += [verdicts.figure_of(text)[0] for text in printed]
    figure = Figure(figsize=(5, 1 + 0.9 * len(cells)), layout="constrained")
    panels = figure.subplots(len(cells), sharex=True, sharey=True, squeeze=False)
    bins = np.linspace(min(every) - 1e-3, max(every) + 1e-3, 31)
    for axes, cell, found in zip(panels[:, 0], cells, values, strict=True):
        axes.hist(found, bins, color=BLUE)
        axes.set_title(f"{cell.name}, n = {len(found)}", fontsize="small", loc="left")
        axes.yaxis.get_major_locator().set_params(integer=True)
        if measure in cell.paper:
            mean = verdicts.figure_of(cell.paper[measure])[0]
            line = {"color": "0.3", "linestyle": ":", "label": "the paper's mean"}
            axes.axvline(mean, **line)
    panels[-1, 0].set_xlabel(measure.replace("_", " "))
    figure.supylabel("runs", fontsize="medium")
    pictures.legend_below(figure)
    return figure


def node_figure(cells: Sequence[Cell], results: Results) -> Figure | None:
    """What a node of each cell's first run makes of its input, by its context."""
    found = []
    for cell in cells:
        record = results.of(cell.name)[0]
        node = nodes.from_record({**record["result"], **record["curve"]})
        if node is not None:
            found.append((cell.name, node))
    if not found:
        return None
    rows, columns = pictures.grid(len(found))
    size = max(6.4, 0.6 + 3 * columns), 0.8 + 2.5 * rows
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes in panels.ravel()[len(found) :]:
        axes.remove()
    for axes, (name, node) in zip(panels.ravel(), found, strict=False):
        nodes.draw(axes, node, name)
    for axes in panels[:, 0]:
        axes.set_ylabel("taken into the cell")
    pictures.legend_below(figure)
    return figure


def map_figure(cells: Sequence[Cell], results: Results) -> Figure | None:
    """What the modulators of the first run of the first cell say over two images."""
    if not cells:
        return None
    return shapes.map_figure(results.of(cells[0].name)[0]["curve"])


def gates_figure(cells: Sequence[Cell], results: Results) -> Figure | None:
    """What the gates of the first run of the first cell do over a sample."""
    if not cells:
        return None
    figure = Figure(figsize=(6.4, 5), layout="constrained")
    axes = figure.subplots(2, sharex=True)
    sample_gates.draw(axes, results.of(cells[0].name)[0]["curve"])
    return figure


def plane_figure(cells: Sequence[Cell], results: Results) -> Figure | None:
    """The way of (n, s) in training, a line a run, and what the first run learned."""
    found = [
        (cell.name, number, run["curve"])
        for cell in cells
        for number, run in enumerate(results.of(cell.name))
        if "unit_n" in run["curve"] and not run["result"]["diverged"]
    ]
    if not found:
        return None
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(name for name, _, _ in found))
    learned = []
    for name, number, curve in found:
        color = pictures.color_of(names, name)
        gains, saturations = np.array(curve["path"])[:, [0, 2]].T
        activation_plotting.plot_gamma_path(
            gains, saturations, left, None if number else name, color
        )
        if number == 0:
            units = curve["unit_n"], curve["unit_s"]
            left.scatter(*units, s=6, color=color, alpha=0.4, linewidths=0)
            learned.append((units, color))
    # The many of the last networks below the one of the first.
    for (gain, saturation), color in reversed(learned):
        activation_plotting.plot_gamma(gain, saturation, ax=right, color=color)
    left.get_legend().remove()
    pictures.legend_below(figure, columns=4)
    return figure


def bistability_figure() -> Figure:
    """Vecoven 2021, figure 2: bifurcation, h - F(h), and responses to pulses."""
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    plotting.plot_bifurcation(ax=left)
    plotting.plot_gap(ax=middle)
    drives = np.zeros(60)
    drives[5:10], drives[30:35] = 1.0, -1.0
    plotting.plot_response(drives, ax=right)
    return figure


def curve_figure(functions: Iterable[tuple[str, Callable[[Any], Any]]]) -> Figure:
    """Functions of one number, side by side."""
    functions = list(functions)
    rows, columns = pictures.grid(len(functions))
    figure = Figure(figsize=(2.8 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(functions) :]:
        axes.remove()
    x = np.linspace(-3, 3, 601, dtype="float32")
    for axes, (title, function) in zip(panels, functions, strict=False):
        axes.axhline(0, color="0.8", linewidth=0.8)
        axes.axvline(0, color="0.8", linewidth=0.8)
        y = ops.convert_to_numpy(function(ops.convert_to_tensor(x)))
        axes.plot(x, y, color=BLUE)
        axes.set(title=title, xlabel="x", ylabel="y")
    return figure


def rectifier_figure() -> Figure:
    """Maharaj 2015, figure 8: the activations that the thesis compares."""
    return curve_figure(
        [
            ("logistic sigmoid", ops.sigmoid),
            ("tanh", ops.tanh),
            ("ReLU", ops.relu),
            ("NegLU", keras_modact.neglu),
            ("smooth NegLU", keras_modact.smooth_neglu),
        ]
    )


def derivative_figure() -> Figure:
    """Maharaj 2015, figure 9: the derivative of NegLU, and of its smooth form."""
    return curve_figure(
        [
            ("NegLU'", lambda x: ops.cast(x < 0, "float32")),
            ("smooth NegLU'", lambda x: ops.sigmoid(-x)),
        ]
    )
