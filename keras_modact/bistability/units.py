"""The fixed points and basins of a layer's units under a given input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_modact.bistability.base import BistableCell
from keras_modact.bistability.dynamics import FixedPoints
from keras_modact.bistability.trace import check_bistable

_GRID = np.arange(-2000, 2001) / 2000
_HALVINGS = 60


class UnitDynamics(NamedTuple):
    """The dynamics of each unit of a layer, as lists with one entry for each unit.

    Attributes:
        fixed_points: `FixedPoints`, the states h with F(h) = h, and the slopes there.
        basins: `(stable points, 2)`, for each stable point the interval of states in
            [-1, 1] from which the unit goes there. NaN where F falls anywhere, as it
            can with strongly negative recurrent weights: an interval is not enough
            then.
    """

    fixed_points: list[FixedPoints]
    basins: list[np.ndarray]


def unit_dynamics(layer: Any, inputs: Any, state: Any = None) -> UnitDynamics:
    """Returns the fixed points and basins of a layer's units at a constant input.

    Use it to see which units are bistable, between which values and for which inputs.
    Unlike in `dynamics.fixed_points` the gates are not given but read the input and
    the state, as in the layer. The map of one unit, with the others held at `state`:

        F(h) = c(h) h + (1 - c(h)) tanh(x U + a(h) h)

    The units of a BRC read no others, so that for them this is all there is.

    Args:
        layer: A built `BRC` or `NBRC`, or a `keras.layers.RNN` over one of their
            cells.
        inputs: The input x, `(features,)`, as in every step.
        state: The states of the other units, `(units,)`. Defaults to zeros. Those
            after a sequence are in `trace_gates(...).states[0, -1]`.

    Returns:
        `UnitDynamics`. Fixed points less than 1/2000 apart may be missed.

    Raises:
        ValueError: If the layer is not one of these or is not built, its cell has a
            `step` of its own without `gates` in line with it, or the input or the
            state have the wrong shape.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.BRC(16)
    layer(np.ones((1, 5, 3)))
    found = keras_modact.bistability.unit_dynamics(layer, np.zeros(3))
    bistable = [points.stable.sum() > 1 for points in found.fixed_points]
    assert len(bistable) == 16
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows for
        long-lasting memory", PLoS ONE 16(6), 2021, eq. 4 and appendix A.
    """
    cell = check_bistable(layer)
    x = np.asarray(ops.convert_to_numpy(inputs)).astype("float64")
    h = np.zeros(cell.units) if state is None else state
    h = np.asarray(ops.convert_to_numpy(h)).astype("float64")
    for name, array, size in (("inputs", x, cell.features), ("state", h, cell.units)):
        if array.shape != (size,):
            raise ValueError(
                f"`{name}` must have the shape ({size},), the {name} of one step, "
                f"received {array.shape}."
            )
    units = _Units.of(cell, x, h)
    at_grid = units.distance(_GRID[:, None])
    steps = np.diff(units.next_state(_GRID[:, None]), axis=0)
    found, basins = [], []
    for unit in range(cell.units):
        signs = np.sign(at_grid[:, unit])
        changes = np.flatnonzero(signs[:-1] * signs[1:] < 0)
        points = np.sort(
            [*_GRID[signs == 0], *(units.root(unit, int(place)) for place in changes)]
        )
        found.append(FixedPoints(points, units.slope(unit, points)))
        own = found[-1].basins
        basins.append(own if steps[:, unit].min() >= 0 else np.full_like(own, np.nan))
    return UnitDynamics(found, basins)


class _Units(NamedTuple):
    """The gates' inputs at h = 0 and their slope in h, and the drive, by unit."""

    feedback: np.ndarray
    update: np.ndarray
    of_feedback: np.ndarray
    of_update: np.ndarray
    drive: np.ndarray

    @classmethod
    def of(cls, cell: BistableCell, x: np.ndarray, h: np.ndarray) -> _Units:
        recurrent = np.split(_array(cell.recurrent_kernel), 2, axis=-1)
        if cell.recurrent_kernel.shape == (2 * cell.units,):
            own = recurrent
            others = [np.zeros_like(h)] * 2
        else:
            own = [np.diag(kernel) for kernel in recurrent]
            others = [
                h @ kernel - h * w for kernel, w in zip(recurrent, own, strict=True)
            ]
        bias = _array(cell.full_bias(cell.variable_dtype))
        feedback, update, drive = np.split(x @ _array(cell.kernel) + bias, 3)
        feedback, update = feedback + others[0], update + others[1]
        return cls(feedback, update, own[0], own[1], drive)

    def gates(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """a and c, with h of each unit in the last axis."""
        update = self.update + self.of_update * h
        return (
            1 + np.tanh(self.feedback + self.of_feedback * h),
            np.tanh(update / 2) / 2 + 0.5,
        )

    def next_state(self, h: np.ndarray) -> np.ndarray:
        """F(h)."""
        a, c = self.gates(h)
        return c * h + (1 - c) * np.tanh(self.drive + a * h)

    def distance(self, h: np.ndarray) -> np.ndarray:
        """h - tanh(x U + a(h) h), zero at a fixed point and free of c."""
        return h - np.tanh(self.drive + self.gates(h)[0] * h)

    def one(self, unit: int) -> _Units:
        """Those of one unit."""
        return _Units._make(values[unit] for values in self)

    def root(self, unit: int, place: int) -> float:
        """The fixed point between a place of the grid and the next."""
        own = self.one(unit)
        low, high = _GRID[place], _GRID[place + 1]
        sign = np.sign(own.distance(low))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if np.sign(own.distance(middle)) == sign:
                low = middle
            else:
                high = middle
        return float(middle)

    def slope(self, unit: int, points: np.ndarray) -> np.ndarray:
        """F'(h) at fixed points, where what c changes is zero."""
        own = self.one(unit)
        a, c = own.gates(points)
        change = own.of_feedback * (1 - (a - 1) ** 2)
        return c + (1 - c) * (1 - points**2) * (a + change * points)


def _array(weight: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(weight)).astype("float64")
