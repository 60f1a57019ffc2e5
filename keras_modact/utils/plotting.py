"""What the pictures of all layers share: axes, and colours that mean the same.

matplotlib is imported when something is drawn, so that the package does not depend
on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

# The palette of Okabe and Ito, which colour-blind people tell apart.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, GREY, BLACK = "#CC79A7", "#56B4E9", "#999999", "#000000"
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK, GREY)
"""The order in which colours are taken by what has none of its own."""

COLORS = {
    "BRC": VERMILION,
    "nBRC": BLUE,
    "NBRC": BLUE,
    "GRU": BLACK,
    "LSTM": GREEN,
    "GORU": PURPLE,
    "LMU": ORANGE,
    "ModulatedLSTM": SKY,
    "AdaptiveLSTM": PURPLE,
    "GammaRNN": ORANGE,
    "ARUN": SKY,
}
"""The colour of each cell, the same in every picture."""


def new_axes(ax: Any, rows: int = 1, **kwargs: Any) -> Any:
    """The axes that were given, or new ones, `rows` of them above each other."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(rows, layout="constrained", **kwargs)[1]


def as_array(values: Any) -> np.ndarray:
    """A float64 array of a tensor, of a variable, or of numbers."""
    return np.asarray(ops.convert_to_numpy(values)).astype("float64")


def whole_steps(ax: Any) -> None:
    """Ticks of an axis of time steps or epochs at whole numbers only."""
    ax.xaxis.get_major_locator().set_params(integer=True)
