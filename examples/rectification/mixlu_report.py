"""What the two examples on MixLU report: a table, two verdicts, a picture."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Mapping, Sequence

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.rectification.mixlu_training import Run, Thesis
from examples.shared import pictures, tables
from keras_modact.utils.plotting import ORANGE, PURPLE


def with_gradient(runs: Sequence[Run], gradient: str) -> dict[float, list[Run]]:
    """The runs of a gradient by percentage, those without NegLUs among them."""
    groups: dict[float, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.fraction):
        if run.gradient in (gradient, "either"):
            groups.setdefault(run.fraction, []).append(run)
    return groups


def trained(runs: Sequence[Run]) -> list[Run]:
    """The runs that did not diverge."""
    return [run for run in runs if not run.diverged]


def results_table(runs: Sequence[Run], thesis: Thesis) -> str:
    """A Markdown table: each percentage and gradient, and the thesis.

    The means are over the runs that did not diverge, if there are any.
    """
    measure = thesis.measure
    rows = [
        ["% NegLU", "gradient", f"training {measure} %", f"test {measure} %", "gap %",
         "diverged", "seconds", f"thesis: training {measure} %", f"test {measure} %"]
    ]  # fmt: skip
    groups: dict[tuple[float, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.fraction):
        groups.setdefault((run.fraction, run.gradient), []).append(run)
    for (fraction, gradient), group in groups.items():
        shown = trained(group) or group
        figures = thesis.figures.get(fraction)
        rows.append(
            [
                f"{fraction:g}",
                gradient,
                tables.mean_and_spread(
                    [thesis.shown(run.train_error) for run in shown]
                ),
                tables.mean_and_spread([thesis.shown(run.test_error) for run in shown]),
                tables.mean_and_spread([run.gap for run in shown]),
                f"{len(group) - len(trained(group))} of {len(group)}",
                f"{np.mean([run.seconds for run in group]):.0f}",
                *(["-", "-"] if figures is None else [f"{x:.2f}" for x in figures]),
            ]
        )
    return tables.markdown_table(rows)


def thesis_figures(run: Run) -> tuple[float, float]:
    """Training and test error as the thesis counts them, at the last epoch."""
    return run.training_errors[-1], run.drawn_test_errors[-1]


def change_table(runs: Sequence[Run], gradient: str, thesis: Thesis) -> str:
    """A Markdown table of how much each percentage adds to the one before it.

    The columns are those that the thesis derives from its tables 7 and 10: test
    minus training, how far test and training errors rise, and the ratio of the
    two; the thesis' own stand behind. Errors are counted as it counts them; means
    over the seeds.
    """
    rows = [["% NegLU", "test - training", "test rises", "training rises", "ratio"]]
    rows[0] += [f"thesis: {rows[0][1]}", *rows[0][2:]]
    columns = [
        {
            fraction: np.mean([thesis_figures(run) for run in group], axis=0)
            for fraction, group in groups.items()
        }
        for groups in (with_gradient(runs, gradient), thesis.runs())
    ]
    for fraction in columns[0]:
        row = [f"{fraction:g}"]
        for found in columns:
            before = max((x for x in found if x < fraction), default=fraction)
            if fraction not in found:
                row += ["-"] * 4
                continue
            train, test = found[fraction]
            more_train, more_test = found[fraction] - found[before]
            row += [f"{x:.2f}" for x in (test - train, more_test, more_train)]
            row.append(f"{more_test / more_train:.2f}" if more_train else "-")
        rows.append(row)
    return tables.markdown_table(rows)


def course_table(runs: Sequence[Run], gradient: str, epochs: int = 9) -> str:
    """A Markdown table of the test error by epoch, elements drawn (table 8).

    A column for each percentage, mean over seeds; "-" after an end.
    """
    groups = with_gradient(runs, gradient)
    rows = [["epoch", *(f"{fraction:g}% NegLU" for fraction in groups)]]
    longest = max(len(run.drawn_test_errors) for run in runs)
    for epoch in range(min(epochs, longest)):
        row = [str(epoch + 1)]
        for group in groups.values():
            found = [r.drawn_test_errors[epoch : epoch + 1] for r in group]
            row.append(f"{np.mean(found):.2f}" if all(found) else "-")
        rows.append(row)
    return tables.markdown_table(rows)


def slope_with_error(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The slope of the straight line through points, and its standard error."""
    x, y = x - x.mean(), y - y.mean()
    slope = x @ y / (x @ x)
    variance = np.sum((y - slope * x) ** 2) / (len(x) - 2) / (x @ x)
    return float(slope), float(np.sqrt(variance))


def gap_verdict(runs: Sequence[Run], gradient: str) -> str:
    """Whether the gap between test and training error narrows as NegLUs are added.

    The rule: it narrows (or widens) if the straight line through the gaps of
    all runs that did not diverge, at least six of them, falls (or rises) by
    more than three times the standard error of its slope. Chance alone does
    that in 4 percent of cases with six runs and in 1 percent with twelve.
    """
    kept = trained([run for run in runs if run.gradient in (gradient, "either")])
    fractions = np.array([run.fraction for run in kept])
    if len(kept) < 6 or len(set(fractions)) < 2:
        return f"Gradient {gradient}: too few runs to tell whether the gap narrows."
    slopes = {
        name: slope_with_error(fractions, np.array([getattr(r, name) for r in kept]))
        for name in ("gap", "train_error", "test_error")
    }
    slope, error = slopes["gap"]
    change = "narrows" if slope < -3 * error else "does not change clearly"
    if slope > 3 * error:
        change = "widens"
    numbers = {name: f"{a:+.3f} ± {b:.3f}" for name, (a, b) in slopes.items()}
    return (
        f"Gradient {gradient}: the gap {change} as the share of NegLUs grows. For "
        f"each percent, over {len(kept)} runs: gap {numbers['gap']}, training error "
        f"{numbers['train_error']}, test error {numbers['test_error']} points "
        "(slope and its standard error)."
    )


def divergence_verdict(runs: Sequence[Run]) -> str:
    """Whether divergence at the largest share is the published gradient's fault.

    The rule: it is if runs with the published gradient diverge there, and none
    with the exact one.
    """
    most = max(run.fraction for run in runs)
    last = {
        gradient: [r for r in runs if (r.fraction, r.gradient) == (most, gradient)]
        for gradient in ("exact", "published")
    }
    if not all(last.values()):
        return "Divergence: one gradient alone cannot tell whose fault it is."
    lost = {gradient: len(g) - len(trained(g)) for gradient, g in last.items()}
    counts = ", ".join(f"{lost[g]} of {len(last[g])} {g}" for g in last)
    if not lost["exact"]:
        verdict = (
            "it is the published gradient's fault"
            if lost["published"]
            else "none to explain here, whatever the gradient"
        )
    elif lost["published"]:
        verdict = "it is not the published gradient's fault alone"
    else:
        verdict = "it is the exact gradient that does not hold"
    return f"Divergence at {most:g}%: {counts}; {verdict}."


def report(
    options: argparse.Namespace, runs: Sequence[Run], thesis: Thesis, title: str
) -> None:
    """Prints the table and the verdicts and draws the picture."""
    print(f"\n{title}, {keras.backend.backend()}, scope {options.scope}")
    print(
        f"Here: {options.samples} training images, {options.epochs} epochs, "
        f"{tables.count(options.seeds, 'seed')}, errors of the trained network, which "
        "draws nothing, and below as in the thesis. Thesis: all images, 1 seed, errors "
        "with elements drawn, those of training while it trained."
    )
    print(results_table(runs, thesis))
    if any(run.diverged for run in runs):
        print("Means are over the runs that did not diverge, if there are any.")
    for gradient in options.gradients:
        print(f"\nErrors in percent as the thesis counts them, gradient {gradient}:")
        print(change_table(runs, gradient, thesis))
        print("\nTest errors in percent by epoch:")
        print(course_table(runs, gradient))
        print(gap_verdict(runs, gradient))
    print(divergence_verdict(runs))
    plot_errors(runs, options.output / "errors.png", thesis, title)
    plot_course(runs, options.output / "course.png", title)
    print(f"Results, errors.png and course.png are in {options.output}")


def plot_course(runs: Sequence[Run], path: pathlib.Path, title: str) -> None:
    """Draws errors by epoch (figures 12 and 13), a panel for each share and gradient.

    Solid is the training error while it trained, dotted the test error with
    elements drawn, a line for each seed.
    """
    groups = tables.grouped(runs, "fraction", "gradient")
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(1 + 3 * columns, 1 + 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for axes in panels[len(groups) :]:
        axes.remove()
    for axes, ((fraction, gradient), group) in zip(
        panels, groups.items(), strict=False
    ):
        for run in group:
            epochs = np.arange(1, len(run.training_errors) + 1)
            axes.plot(epochs, run.training_errors, color=ORANGE, label="training")
            axes.plot(epochs, run.drawn_test_errors, ":", color=PURPLE, label="test")
        of = "" if gradient == "either" else f", {gradient} gradient"
        axes.set(title=f"{fraction:g}% NegLU{of}", ylabel="error / %", xlabel="epoch")
        pictures.logarithmic(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    pictures.legend_below(figure)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def plot_errors(
    runs: Sequence[Run], path: pathlib.Path, thesis: Thesis, title: str
) -> None:
    """Draws training and test figures by percentage, a panel for each gradient."""
    gradients = sorted({run.gradient for run in runs} - {"either"}) or ["either"]
    figure = Figure(figsize=(4.4 * len(gradients) + 0.8, 4.8), layout="constrained")
    panels = figure.subplots(1, len(gradients), sharey=True, squeeze=False)[0]
    for axes, gradient in zip(panels, gradients, strict=True):
        draw(axes, with_gradient(runs, gradient), thesis, "o-", "here", 1.03)
        draw(axes, thesis.runs(), thesis, "s:", "thesis", 1.08)
        axes.set_title(f"gradient: {gradient}", pad=22)
        axes.set_xlabel("NegLUs / %")
        axes.grid(color="0.9")
    panels[0].set_ylabel(f"{thesis.measure} / %")
    pictures.legend_below(figure)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def draw(
    axes: Axes,
    groups: Mapping[float, Sequence[Run]],
    thesis: Thesis,
    style: str,
    whose: str,
    height: float,
) -> None:
    """Draws one line of means for training and one for test, seeds as a band.

    Runs that diverged are empty marks above the panel, where no figure can be read of
    them, and leave the others their scale.
    """
    kept = {x: trained(group) for x, group in groups.items() if trained(group)}
    for name, color in (("train", ORANGE), ("test", PURPLE)):
        values = [
            [thesis.shown(getattr(run, f"{name}_error")) for run in group]
            for group in kept.values()
        ]
        means = [np.mean(group) for group in values]
        label = f"{name}, {whose}"
        axes.plot(list(kept), means, style, color=color, markersize=4, label=label)
        low, high = [min(group) for group in values], [max(group) for group in values]
        axes.fill_between(list(kept), low, high, color=color, alpha=0.2, linewidth=0)
    lost = [x for x, group in groups.items() if len(trained(group)) < len(group)]
    if lost:
        axes.plot(
            lost,
            [height] * len(lost),
            style[0],
            color="k",
            fillstyle="none",
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            label=f"diverged, {whose} (off the scale)",
        )
