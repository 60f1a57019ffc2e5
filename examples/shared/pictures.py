"""What the examples' pictures share: colours, logarithmic axes, and legends."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from keras_modact.utils.plotting import COLORS, CYCLE


def color_of(names: Sequence[str], name: str) -> str:
    """The colour of `name` among `names`: its cell's own, else the next in line.

    What is no cell of the package's has none of their colours where it is beside one.
    """
    if color := _of_its_cell(name):
        return color
    taken = {_of_its_cell(other) for other in names}
    free = [color for color in CYCLE if color not in taken]
    others = [other for other in names if not _of_its_cell(other)]
    return free[others.index(name) % len(free)]


def _of_its_cell(name: str) -> str | None:
    """The colour of the cell that a name has as a word, in capitals or not."""
    colors = {cell.lower(): color for cell, color in COLORS.items()}
    words = name.lower().split()
    return next((colors[word] for word in words if word in colors), None)


def logarithmic(axes: Axes) -> None:
    """A logarithmic y axis with at least three labels, after all has been drawn."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    decades = math.log10(high / low)
    if decades < 1:
        # Within a decade round numbers may be out of sight.
        locator = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
    else:
        locator = LogLocator(subs=(1, 2, 5) if decades < 3 else (1,))
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")


def grid(number: int, most: int = 3) -> tuple[int, int]:
    """Rows and columns for so many panels, in the fewest rows and evenly filled."""
    rows = -(-number // most)
    return rows, -(-number // rows)


def legend_below(figure: Figure, columns: int = 3) -> None:
    """One legend for all panels, below them, where it covers nothing."""
    handles = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=grid(len(handles), columns)[1],
            frameon=False,
        )
