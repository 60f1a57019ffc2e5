"""The dynamics of one bistable unit under constant gates, in NumPy float64.

With the feedback a, the update c and a constant drive u (the input's part
x U), a unit follows the map of the paper's eq. 4:

    F(h) = c h + (1 - c) tanh(u + a h)

Its fixed points h = tanh(u + a h) do not depend on c. The slope there,
F'(h) = c + (1 - c) a (1 - h^2), decides stability: below 1 stable, above 1
unstable. For u = 0 the point 0 is stable alone for a < 1, and for a > 1 it is
unstable between two stable points: a pitchfork bifurcation at a = 1 (appendix A
of the paper).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keras_modact.utils.validation import finite_number

_HALVINGS = 200  # Enough to bring any bracket in [-1, 1] to adjacent floats.


class FixedPoints(NamedTuple):
    """The fixed points of one unit, in increasing order, as NumPy arrays.

    Attributes:
        points: The states h with F(h) = h.
        slopes: F'(h) at each point.
    """

    points: np.ndarray
    slopes: np.ndarray

    @property
    def stable(self) -> np.ndarray:
        """Whether each point is stable, that is, has a slope between -1 and 1.

        At a slope of exactly 1, as in 0 at a = 1, the slope decides nothing and
        the point does not count as stable.
        """
        return np.abs(self.slopes) < 1

    @property
    def basins(self) -> np.ndarray:
        """From where in [-1, 1] a unit goes to each stable point, `(stable, 2)`.

        F rises with constant gates, so that a basin is the interval between the
        nearest points that are not stable.
        """
        fences = np.concatenate([[-1.0], self.points[~self.stable], [1.0]])
        above = np.searchsorted(fences[1:-1], self.points[self.stable]) + 1
        return np.stack([fences[above - 1], fences[above]], axis=-1)


class Bifurcation(NamedTuple):
    """The fixed points by feedback, as NumPy arrays of equal length.

    Attributes:
        feedback: The feedback a at which a fixed point lies.
        points: The fixed point h.
        stable: Whether it is stable, that is, has a slope below 1.
    """

    feedback: np.ndarray
    points: np.ndarray
    stable: np.ndarray


def next_state(
    h: np.ndarray | float,
    feedback: np.ndarray | float,
    update: np.ndarray | float,
    drive: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Returns F(h) = c h + (1 - c) tanh(u + a h), the state after one step.

    Args:
        h: States.
        feedback: The gate a.
        update: The gate c.
        drive: The input's part u. Defaults to 0.

    Returns:
        NumPy float64 array, the broadcast of the arguments.
    """
    h, feedback, update, drive = (
        np.asarray(v, "float64") for v in (h, feedback, update, drive)
    )
    return update * h + (1 - update) * np.tanh(drive + feedback * h)


def gap(
    h: np.ndarray | float,
    feedback: np.ndarray | float,
    update: np.ndarray | float,
    drive: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Returns h - F(h), which is zero at a fixed point (the paper's fig. 2B).

    Args:
        h: States.
        feedback: The gate a.
        update: The gate c.
        drive: The input's part u. Defaults to 0.

    Returns:
        NumPy float64 array, the broadcast of the arguments.
    """
    return np.asarray(h, "float64") - next_state(h, feedback, update, drive)


def fixed_points(
    feedback: float, update: float = 0.0, drive: float = 0.0
) -> FixedPoints:
    """Returns all fixed points of a unit with constant gates and drive.

    Args:
        feedback: The gate a, at least 0; a cell's lies in (0, 2).
        update: The gate c in [0, 1). It moves no fixed point, only the slopes.
        drive: The input's part u. Defaults to 0.

    Returns:
        `FixedPoints`: one point, or three where the unit is bistable, or two
        where it is about to become so.

    Raises:
        ValueError: If a number is not finite or out of its range.

    Example:

    ```python
    from keras_modact.bistability import dynamics

    points, slopes = dynamics.fixed_points(feedback=1.5, update=0.5)
    assert len(points) == 3 and (slopes < 1).tolist() == [True, False, True]
    ```

    Reference:
        Vecoven, Ernst, Drion 2021, eq. 4 and appendix A.
    """
    feedback, update, drive = _checked(feedback, update, drive)
    # Between its turning points h - tanh(u + a h) is monotonic, so that each
    # stretch holds one root at most.
    turns: list[float] = []
    if feedback > 1:
        bend = float(np.arctanh(np.sqrt(1 - 1 / feedback)))
        turns = [(-bend - drive) / feedback, (bend - drive) / feedback]
    ends = [-1.0, *(turn for turn in turns if -1 < turn < 1), 1.0]
    roots = {
        root
        for low, high in itertools.pairwise(ends)
        if (root := root_between(low, high, feedback, drive)) is not None
    }
    points = np.array(sorted(roots))
    return FixedPoints(points, update + (1 - update) * feedback * (1 - points**2))


def bifurcation(
    feedback: Sequence[float] | np.ndarray | float | None = None,
    update: float = 0.0,
    drive: float = 0.0,
) -> Bifurcation:
    """Returns the bifurcation diagram (the paper's fig. 2A) as data.

    Args:
        feedback: Values of the gate a. Defaults to 401 from 0 to 2.
        update: The gate c in [0, 1). Defaults to 0.
        drive: The input's part u. Defaults to 0.

    Returns:
        A `Bifurcation`: one entry for each fixed point at each value.

    Raises:
        ValueError: If a number is not finite or out of its range.

    Example:

    ```python
    from keras_modact.bistability import dynamics

    diagram = dynamics.bifurcation([0.5, 1.5])
    assert diagram.feedback.tolist() == [0.5, 1.5, 1.5, 1.5]
    ```

    Reference:
        Vecoven, Ernst, Drion 2021, fig. 2A.
    """
    values = np.linspace(0, 2, 401) if feedback is None else np.atleast_1d(feedback)
    found = [fixed_points(float(value), update, drive) for value in values]
    return Bifurcation(
        np.repeat(values.astype("float64"), [len(f.points) for f in found]),
        np.concatenate([f.points for f in found]),
        np.concatenate([f.stable for f in found]),
    )


def response(
    drives: Sequence[float] | np.ndarray,
    feedback: float,
    update: float,
    initial_state: float = 0.0,
) -> np.ndarray:
    """Returns the states of a unit with constant gates over a series of drives.

    Args:
        drives: The input's part u of each step, `(time,)`.
        feedback: The gate a, at least 0.
        update: The gate c in [0, 1).
        initial_state: The state before the first step. Defaults to 0.

    Returns:
        NumPy float64 array `(time,)`, the state after each step.

    Raises:
        ValueError: If a number is not finite or out of its range.

    Example:

    ```python
    from keras_modact.bistability import dynamics

    pulse = [1.0] * 5 + [0.0] * 100
    assert dynamics.response(pulse, feedback=1.5, update=0.5)[-1] > 0.5
    assert dynamics.response(pulse, feedback=0.5, update=0.5)[-1] < 1e-6
    ```

    Reference:
        Vecoven, Ernst, Drion 2021, fig. 2C.
    """
    h = finite_number("initial_state", initial_state)
    states = []
    for drive in drives:
        h = float(next_state(h, *_checked(feedback, update, float(drive))))
        states.append(h)
    return np.array(states)


def _checked(
    feedback: float, update: float, drive: float
) -> tuple[float, float, float]:
    feedback = finite_number("feedback", feedback)
    update = finite_number("update", update)
    if feedback < 0:
        raise ValueError(
            "`feedback` is the gate a = 1 + tanh(...) and cannot be negative, "
            f"received feedback={feedback}. Pass a number such as 1.5."
        )
    if not 0 <= update < 1:
        raise ValueError(
            f"`update` is the gate c and must lie in [0, 1), received update="
            f"{update} (with c = 1 the state never moves, and every state is a "
            "fixed point). Pass a number such as 0.5."
        )
    return feedback, update, finite_number("drive", drive)


def root_between(
    low: float, high: float, feedback: float, drive: float
) -> float | None:
    """The root of h - tanh(u + a h) in [low, high], by bisection."""

    def distance(h: float) -> float:
        return float(gap(h, feedback, 0.0, drive))

    at_low, at_high = distance(low), distance(high)
    if at_low == 0:
        return low
    if at_high == 0:
        return high
    if (at_low > 0) == (at_high > 0):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if distance(middle) == 0 or middle in (low, high):
            break
        if (distance(middle) > 0) == (at_low > 0):
            low = middle
        else:
            high = middle
    return middle
