"""Pictures of bistable units, as in the paper's figs. 2 and 4.

matplotlib is imported when something is drawn, so that the package does not
depend on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_modact.bistability import dynamics
from keras_modact.bistability.trace import GateTrace


def plot_bifurcation(update: float = 0.0, drive: float = 0.0, axes: Any = None) -> Any:
    """Draws the fixed points by feedback (fig. 2A), unstable ones in grey.

    Args:
        update: The gate c in [0, 1). Defaults to 0.
        drive: The input's part u. Defaults to 0.
        axes: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.
    """
    axes = _axes(axes)
    diagram = dynamics.bifurcation(np.linspace(0, 2, 801), update, drive)
    branches = {
        "stable, h > 0": (diagram.stable & (diagram.points > 0), "C3"),
        "stable, h < 0": (diagram.stable & (diagram.points < 0), "C0"),
        "stable, h = 0": (diagram.stable & (diagram.points == 0), "k"),
        "unstable": (~diagram.stable, "0.7"),
    }
    for label, (chosen, color) in branches.items():
        if chosen.any():
            axes.plot(
                diagram.feedback[chosen],
                diagram.points[chosen],
                ".",
                color=color,
                markersize=2,
                label=label,
            )
    axes.set(xlabel="feedback a", ylabel="fixed point h", xlim=(0, 2))
    axes.legend(markerscale=4)
    return axes


def plot_gap(
    feedback: Sequence[float] = (0.7, 1.5), update: float = 0.5, axes: Any = None
) -> Any:
    """Draws h - F(h) with its zeros (fig. 2B): full dots stable, empty unstable.

    Args:
        feedback: Values of the gate a, one curve each.
        update: The gate c in [0, 1). Defaults to 0.5.
        axes: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.
    """
    axes = _axes(axes)
    h = np.linspace(-1.2, 1.2, 481)
    axes.axhline(0, color="0.8", linewidth=0.8)
    for value in feedback:
        (line,) = axes.plot(h, dynamics.gap(h, value, update), label=f"a = {value}")
        found = dynamics.fixed_points(value, update)
        for point, stable in zip(found.points, found.stable, strict=True):
            axes.plot(
                point,
                0,
                "o",
                color=line.get_color(),
                # A smaller empty dot leaves a full one at the same place in sight.
                markersize=9 if stable else 5,
                markerfacecolor=line.get_color() if stable else "white",
            )
    axes.set(xlabel="h", ylabel="h - F(h)")
    axes.legend()
    return axes


def plot_response(
    drives: Sequence[float] | np.ndarray,
    gates: Sequence[tuple[float, float]] = ((0.7, 0.2), (1.5, 0.2), (1.5, 0.9)),
    axes: Any = None,
) -> Any:
    """Draws the states of a unit over a series of drives (fig. 2C).

    Args:
        drives: The input's part u of each step, `(time,)`.
        gates: Pairs (a, c), one curve each.
        axes: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.
    """
    axes = _axes(axes)
    axes.plot(drives, color="0.7", linestyle=":", drawstyle="steps-mid", label="drive")
    for feedback, update in gates:
        axes.plot(
            dynamics.response(drives, feedback, update),
            label=f"a = {feedback}, c = {update}",
        )
    axes.set(xlabel="time step", ylabel="h")
    axes.legend(loc="upper right")
    return axes


def plot_gates(traces: Mapping[str, GateTrace], axes: Any = None) -> Any:
    """Draws the share of bistable units and the mean of c over time (fig. 4).

    Args:
        traces: A name for each layer, and what `trace_gates` returned for it.
        axes: Two matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The two matplotlib axes.

    Raises:
        ValueError: If `traces` is no mapping, or an empty one.
    """
    if not isinstance(traces, Mapping) or not traces:
        raise ValueError(
            "`traces` must map a name to what `trace_gates` returned, received "
            f"{type(traces).__name__} with nothing to draw by name. Pass for "
            "example {'layer 1': trace}."
        )
    if axes is None:
        from matplotlib import pyplot

        _, axes = pyplot.subplots(2, sharex=True, layout="constrained")
    for name, trace in traces.items():
        axes[0].plot(trace.bistable_share, label=name)
        axes[1].plot(trace.mean_update, label=name)
    axes[0].set(ylabel="share of units with a > 1", ylim=(0, 1))
    axes[1].set(ylabel="mean of c", xlabel="time step", ylim=(0, 1))
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    axes[0].legend()
    return axes


def _axes(axes: Any) -> Any:
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]
