"""Pictures of the adaptive activation: the (n, s) plane, the curves, ARUN's n and s.

For `gain_and_saturation.py`.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Sequence

import numpy as np
from keras import ops
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import keras_modact
from examples.activation.networks import Adaptation
from examples.activation.training import Run
from examples.shared.pictures import color_of, grid, legend_below
from keras_modact.utils.plotting import BLUE, VERMILION

DIVERGED = "0.6"
X = np.linspace(-2, 2, 201).astype("float32")


def plot_plane(
    runs: Sequence[Run],
    path: pathlib.Path,
    title: str,
    label: str,
    low_is_good: bool = False,
) -> None:
    """Draws the way of (n, s) in training, a panel a network, coloured by the test.

    A ring is where a run starts, a dot where it ends, grey if it diverged; the
    line between is the mean over units, the small dots are the units themselves at
    the end, of ARUN at random moments of the test sequences.
    """
    networks = list(dict.fromkeys(run.network for run in runs))
    rows, columns = grid(len(networks))
    size = 1.2 + 2.8 * columns, 0.8 + 2.8 * rows
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.ravel()[len(networks) :]:
        axes.set_axis_off()
    tests = [run.test for run in runs if not run.diverged] or [0.0]
    # A single run that learned nothing would take all colours for itself.
    norm = Normalize(*np.quantile(tests, [0.1, 0.9]))
    colors = ScalarMappable(norm, "viridis_r" if low_is_good else "viridis")
    generator = np.random.default_rng(0)
    for axes, network in zip(panels.ravel(), networks, strict=False):
        axes.set(title=network, xlabel="gain n")
        for run in (run for run in runs if run.network == network):
            color = DIVERGED if run.diverged else colors.to_rgba(run.test)
            means = np.array(run.path)[:, [0, 2]]
            axes.plot(*means.T, color=color, linewidth=1.2, zorder=2)
            # Small enough to show a way that is short.
            axes.scatter(*means[0], s=18, facecolors="white", edgecolors=color)
            axes.scatter(*means[-1], s=10, color=color, zorder=3)
            if run.after.gain.ndim:
                units = np.stack([n.ravel() for n in run.after], axis=-1)
                units = generator.permutation(units)[:300]
                axes.scatter(*units.T, s=3, color=color, alpha=0.35, linewidths=0)
    for axes in panels[:, 0]:
        axes.set_ylabel("saturation s")
    figure.colorbar(colors, ax=panels.ravel().tolist(), label=label, extend="both")
    figure.suptitle(f"{title}\nring = start, dot = end, small dots = units at the end")
    figure.savefig(path, dpi=150)


def plot_learning(
    runs: Sequence[Run], path: pathlib.Path, title: str, low_is_good: bool
) -> None:
    """Draws the validation set's accuracy, or loss, by epoch, a line a network.

    Of each network and seed there is the run that ends best, those of several seeds
    alike; a network without gamma is dashed.
    """
    sign = -1 if low_is_good else 1
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.subplots()
    networks = list(dict.fromkeys(run.network for run in runs))
    for seed, network in itertools.product({run.seed for run in runs}, networks):
        group = [
            run
            for run in runs
            if (run.network, run.seed) == (network, seed) and not run.diverged
        ]
        if not group:
            continue
        best = max(group, key=lambda run: sign * run.validation[-1])
        epochs = np.arange(1, len(best.validation) + 1)
        color = color_of(networks, network)
        dash = "--" if best.after is None else "-"
        label = network if seed == runs[0].seed else None
        axes.plot(epochs, best.validation, dash, color=color, label=label)
    what = "loss" if low_is_good else "accuracy"
    axes.set(title=title, xlabel="epoch", ylabel=f"validation {what}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    if axes.lines:
        figure.legend(loc="outside right center")
    figure.savefig(path, dpi=150)


def plot_curves(
    runs: Sequence[Run], best: Sequence[Run], path: pathlib.Path, title: str
) -> None:
    """Draws gamma before and after training, of up to 40 units, or moments of ARUN.

    Of each network that learns it there is the best run and, if it is another, the
    run in which gamma changed most.
    """
    shown: list[tuple[str, Run]] = []
    for run in best:
        if run.network == "static":
            continue
        others = (r for r in runs if r.network == run.network and not r.diverged)
        most = max(others, key=change)
        shown += [("best by validation", run)]
        shown += [("changed most", most)] * (most is not run)
    rows, columns = grid(len(shown))
    size = 1 + 2.6 * columns, 0.9 + 2.6 * rows
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in panels.ravel()[len(shown) :]:
        axes.set_axis_off()
    for axes, (why, run) in zip(panels.ravel(), shown, strict=False):
        for adaptation, color, label in (
            (run.after, VERMILION, "after"),
            (run.before, BLUE, "before"),
        ):
            drawn = curves(adaptation)
            style = {"linewidth": 0.6, "alpha": 0.5} if drawn.shape[1] > 1 else {}
            axes.plot(X, drawn, color=color, **style)
            axes.plot([], [], color=color, label=label)
        start = "" if run.gain is None else f" from ({run.gain:g}, {run.saturation:g})"
        axes.set(title=f"{run.network}{start}\n{why}", xlabel="x")
    for axes in panels[:, 0]:
        axes.set_ylabel("gamma(x; n, s)")
    legend_below(figure)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def curves(adaptation: Adaptation) -> np.ndarray:
    """gamma at `X`, a column for each of up to 40 units, drawn at random."""
    pairs = np.stack([n.ravel() for n in adaptation], axis=-1)
    pairs = np.random.default_rng(0).permutation(pairs)[:40]
    values = keras_modact.gamma(X[:, None], pairs[:, 0], pairs[:, 1])
    return ops.convert_to_numpy(values)


def change(run: Run) -> float:
    """How far the mean curve of gamma went in training."""
    before, after = (curves(a).mean(axis=1) for a in (run.before, run.after))
    return float(np.abs(after - before).mean())


def plot_adaptation(run: Run, path: pathlib.Path, title: str) -> None:
    """Draws ARUN's n and s over the steps of the test sequences, before and after.

    The line is the median over units and sequences, the bands hold half and nine
    tenths of them.
    """
    figure = Figure(figsize=(6.4, 5), layout="constrained")
    panels = figure.subplots(2, sharex=True)
    for name, axes in zip(("gain", "saturation"), panels, strict=True):
        for adaptation, color, label in (
            (run.before, BLUE, "before"),
            (run.after, VERMILION, "after"),
        ):
            values = getattr(adaptation, name)
            steps = np.arange(1, len(values) + 1)
            low, quarter, median, three, high = np.quantile(
                values.reshape(len(values), -1), [0.05, 0.25, 0.5, 0.75, 0.95], axis=1
            )
            axes.plot(steps, median, color=color, label=f"{label}: median")
            for least, most, alpha, share in (
                (quarter, three, 0.3, "half of all"),
                (low, high, 0.15, "nine in ten"),
            ):
                band = {"color": color, "alpha": alpha, "linewidth": 0}
                axes.fill_between(steps, least, most, label=f"{label}: {share}", **band)
        axes.set_ylabel("saturation s" if name == "saturation" else "gain n")
    panels[1].set_xlabel("time step")
    legend_below(figure)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)
