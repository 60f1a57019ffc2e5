"""Pictures of bistable units, as in the paper's figs. 2 and 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_modact.bistability import dynamics
from keras_modact.bistability.multistability import vaa
from keras_modact.bistability.trace import GateTrace
from keras_modact.utils.plotting import (
    BLACK,
    BLUE,
    CYCLE,
    GREY,
    VERMILION,
    as_array,
    new_axes,
    whole_steps,
)


def plot_bifurcation(update: float = 0.0, drive: float = 0.0, ax: Any = None) -> Any:
    """Draws the fixed points by feedback (fig. 2A), unstable ones in grey.

    Args:
        update: The gate c in [0, 1). Defaults to 0.
        drive: The input's part u. Defaults to 0.
        ax: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.

    Example:

    ```python
    import keras_modact

    ax = keras_modact.bistability.plotting.plot_bifurcation(drive=0.1)
    ax.figure.savefig("bifurcation.png")
    ```
    """
    ax = new_axes(ax)
    # More of them where the branches part.
    values = np.union1d(np.linspace(0, 2, 801), 1 + np.linspace(0, 0.5, 201) ** 2)
    diagram = dynamics.bifurcation(values, update, drive)
    branches = {
        "stable, h > 0": (diagram.stable & (diagram.points > 0), VERMILION),
        "stable, h < 0": (diagram.stable & (diagram.points < 0), BLUE),
        "stable, h = 0": (diagram.stable & (diagram.points == 0), BLACK),
        "unstable": (~diagram.stable, GREY),
    }
    for label, (chosen, color) in branches.items():
        if chosen.any():
            ax.plot(
                diagram.feedback[chosen],
                diagram.points[chosen],
                ".",
                color=color,
                markersize=2,
                label=label,
            )
    ax.set(xlabel="feedback a", ylabel="fixed point h", xlim=(0, 2))
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        frameon=False,
        markerscale=4,
        columnspacing=1,
        fontsize="small",
    )
    return ax


def plot_gap(
    feedback: Sequence[float] = (0.7, 1.5), update: float = 0.5, ax: Any = None
) -> Any:
    """Draws h - F(h) with its zeros (fig. 2B): full dots stable, empty unstable.

    Args:
        feedback: Values of the gate a, one curve each.
        update: The gate c in [0, 1). Defaults to 0.5.
        ax: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.
    """
    ax = new_axes(ax)
    h = np.linspace(-1.2, 1.2, 481)
    ax.axhline(0, color="0.8", linewidth=0.8)
    for place, value in enumerate(feedback):
        color = CYCLE[place % len(CYCLE)]
        label = f"a = {value}"
        ax.plot(h, dynamics.gap(h, value, update), label=label, color=color)
        found = dynamics.fixed_points(value, update)
        for point, stable in zip(found.points, found.stable, strict=True):
            ax.plot(
                point,
                0,
                "o",
                color=color,
                # A smaller empty dot leaves a full one at the same place in sight.
                markersize=9 if stable else 5,
                markerfacecolor=color if stable else "white",
            )
    ax.set(xlabel="state h", ylabel="h - F(h)")
    ax.legend(loc="upper left")
    return ax


def plot_response(
    drives: Sequence[float] | np.ndarray,
    gates: Sequence[tuple[float, float]] = ((0.7, 0.2), (1.5, 0.2), (1.5, 0.9)),
    ax: Any = None,
) -> Any:
    """Draws the states of a unit over a series of drives (fig. 2C).

    Args:
        drives: The input's part u of each step, `(time,)`.
        gates: Pairs (a, c), one curve each.
        ax: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes.
    """
    ax = new_axes(ax)
    ax.plot(drives, color=GREY, linestyle=":", drawstyle="steps-mid", label="drive")
    for place, (feedback, update) in enumerate(gates):
        ax.plot(
            dynamics.response(drives, feedback, update),
            label=f"a = {feedback}, c = {update}",
            color=CYCLE[place % len(CYCLE)],
        )
    ax.set(xlabel="time step", ylabel="state h")
    whole_steps(ax)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=2,
        frameon=False,
        columnspacing=1,
        fontsize="small",
    )
    return ax


def plot_gates(traces: Mapping[str, GateTrace], ax: Any = None) -> Any:
    """Draws the share of bistable units and the mean of c over time (fig. 4).

    Args:
        traces: A name for each layer, and what `trace_gates` returned for it.
        ax: Two matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The two matplotlib axes.

    Raises:
        ValueError: If `traces` is no mapping, or an empty one.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.NBRC(16)
    sequences = np.random.default_rng(0).normal(size=(4, 10, 3))
    layer(sequences)
    trace = keras_modact.bistability.trace_gates(layer, sequences)
    share, update = keras_modact.bistability.plotting.plot_gates({"first": trace})
    share.figure.savefig("gates.png")
    ```
    """
    if not isinstance(traces, Mapping) or not traces:
        raise ValueError(
            "`traces` must map a name to what `trace_gates` returned, received "
            f"{type(traces).__name__} with nothing to draw by name. Pass for "
            "example {'layer 1': trace}."
        )
    ax = new_axes(ax, 2, sharex=True)
    for place, (name, trace) in enumerate(traces.items()):
        color = CYCLE[place % len(CYCLE)]
        ax[0].plot(trace.bistable_share, label=name, color=color)
        ax[1].plot(trace.mean_update, label=name, color=color)
    ax[0].set(ylabel="share of units with a > 1", ylim=(-0.02, 1.02))
    ax[1].set(ylabel="mean of c", xlabel="time step", ylim=(-0.02, 1.02))
    whole_steps(ax[1])
    ax[0].legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False)
    return ax


def plot_attractors(states: Mapping[str, Any], ax: Any = None) -> Any:
    """Draws the states that a layer settles in, in the plane in which they differ most.

    The axes are the first two principal components of all of them together, each from
    the mean of its layer, so that two layers of one size, or one before and after
    `warm_up`, can be compared.

    Args:
        states: A name for each layer, and what `settled_states` returned for it,
            `(samples, features)`.
        ax: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes; the legend says how many attractors there are.

    Raises:
        ValueError: If `states` is no mapping, an empty one, or one of arrays with
            different numbers of features.

    Example:

    ```python
    import numpy as np, keras_modact
    from keras_modact.bistability import plotting, settled_states

    sequences = np.random.default_rng(0).normal(size=(32, 20, 1)).astype("float32")
    layer = keras_modact.BRC(8)
    layer(sequences)
    states = {"BRC": settled_states(layer, sequences, steps=100, seed=0)}
    plotting.plot_attractors(states).figure.savefig("attractors.png")
    ```
    """
    if not isinstance(states, Mapping) or not states:
        raise ValueError(
            "`states` must map a name to what `settled_states` returned, received "
            f"{type(states).__name__} with nothing to draw by name. Pass for example "
            "{'before': states}."
        )
    arrays = {name: as_array(values) for name, values in states.items()}
    shapes = [values.shape for values in arrays.values()]
    if len({shape[1:] for shape in shapes}) > 1 or any(len(s) != 2 for s in shapes):
        raise ValueError(
            "`states` must hold arrays (samples, features) of one number of features, "
            f"received the shapes {shapes}."
        )
    ax = new_axes(ax)
    centred = {name: values - values.mean(axis=0) for name, values in arrays.items()}
    everything = np.concatenate(list(centred.values()))
    axes = np.linalg.svd(everything, full_matrices=False)[2][:2]
    for place, (name, values) in enumerate(arrays.items()):
        count = round(len(values) * float(vaa(values)))
        seen = centred[name] @ axes.T
        ax.scatter(
            seen[:, 0],
            seen[:, 1] if len(axes) > 1 else np.zeros(len(seen)),
            s=30 - 12 * min(place, 1),
            color=CYCLE[place % len(CYCLE)],
            label=f"{name}: {count} of {len(values)}",
            alpha=0.7,
            linewidths=0,
        )
    ax.set(xlabel="first principal component", ylabel="second principal component")
    # Above the axes it would hide the title that a caller gives them.
    ax.legend(title="attractors", fontsize="small", title_fontsize="small")
    return ax
