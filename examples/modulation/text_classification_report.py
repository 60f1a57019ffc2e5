"""What the examples on the modulated LSTM report: a table, verdicts, pictures."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from examples.modulation import nodes
from examples.modulation.text_classification import (
    MODELS,
    Run,
    recurrent_weights,
)
from examples.shared import pictures, significance, tables

AFTER = {"best": "best dev epoch", "last": "last epoch"}
"""The epochs at which the test accuracy is told, with their name in print."""


class Published(NamedTuple):
    """A column of the paper's table 4."""

    mean: float
    std: float
    hedges_g: float | None = None
    p: str | None = None


def groups_of(runs: Iterable[Run]) -> dict[str, dict[str, list[Run]]]:
    """The runs by read-out, then by model."""
    groups: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        groups.setdefault(run.read_out, {}).setdefault(run.model, []).append(run)
    return groups


def test_accuracies(runs: Iterable[Run], after: str) -> list[float]:
    """Each run's test accuracy after its "best" or "last" epoch."""
    return [
        run.test_accuracy[run.best_epoch if after == "best" else -1] for run in runs
    ]


def budgets(runs: Sequence[Run]) -> list[str]:
    """The epochs to tell of: the best one only where a dev set chooses it."""
    return ["best", "last"] if runs[0].dev_accuracy else ["last"]


def compare(
    models: Mapping[str, list[Run]], model: str, after: str
) -> tuple[float, float, float] | None:
    """p, g and corrected g of the modulated runs against those of a control.

    None if it is no control, if one of the two has fewer than two runs, or if the
    runs of each coincide, so that there is no spread to compare with.
    """
    pair = [models.get("modulated", []), models[model]]
    if model == "modulated" or min(map(len, pair)) < 2:
        return None
    first, second = (
        significance.summarize(test_accuracies(group, after)) for group in pair
    )
    if first.std == second.std == 0:
        return None
    return (
        significance.welch_p(first, second),
        significance.hedges_g(first, second),
        significance.hedges_g(first, second, corrected=True),
    )


def results_table(runs: Sequence[Run]) -> str:
    """A Markdown table: each read-out, epoch and model."""
    rows = [
        ["read-out", "after", "model", "recurrent weights", "test accuracy", "p", "g",
         "g corrected", "seconds"]
    ]  # fmt: skip
    for read_out, models in groups_of(runs).items():
        for after in budgets(runs):
            for model, group in models.items():
                found = compare(models, model, after)
                numbers = ["-"] * 3
                if found is not None:
                    p, g, corrected = found
                    numbers = [f"{p:.3f}", f"{g:.2f}", f"{corrected:.2f}"]
                rows.append(
                    [
                        read_out,
                        AFTER[after],
                        MODELS[model],
                        f"{recurrent_weights(group[0].network):,}",
                        tables.mean_and_spread(test_accuracies(group, after), digits=4),
                        *numbers,
                        f"{np.mean([run.seconds for run in group]):.0f}",
                    ]
                )
    return tables.markdown_table(rows)


def paper_table(runs: Sequence[Run], paper: Mapping[str, Published]) -> str:
    """A Markdown table of what the paper gives for the models that were run."""
    rows = [["paper", "test accuracy", "p", "g"]]
    for model in dict.fromkeys(run.model for run in runs):
        published = paper[model]
        rows.append(
            [
                MODELS[model],
                f"{published.mean:.4f} ± {published.std:.4f}",
                published.p or "-",
                f"{published.hedges_g:.2f}" if published.hedges_g else "-",
            ]
        )
    return tables.markdown_table(rows)


def verdicts(runs: Sequence[Run], level: float = 0.05) -> list[str]:
    """What the runs say of the modulated model against the controls."""
    lines = []
    for read_out, models in groups_of(runs).items():
        for after in budgets(runs):
            said: dict[str, list[str]] = {}
            for model in models:
                found = compare(models, model, after)
                if found is None:
                    continue
                p, g, _ = found
                side = (
                    f"clearly {'above' if g > 0 else 'below'}"
                    if p < level
                    else ("not clearly apart from")
                )
                said.setdefault(side, []).append(model)
            claims = [f"{side} {', '.join(names)}" for side, names in said.items()]
            claim = (
                "; ".join(claims)
                or "has nothing to compare: two runs that differ are needed of each"
            )
            lines.append(f"{read_out}, {AFTER[after]}: modulated {claim}")
    return lines


def plot_accuracy(runs: Sequence[Run], path: pathlib.Path, title: str) -> None:
    """Draws the test accuracy by epoch: mean, and a band from worst to best run.

    The accuracy on the training set is dashed.
    """
    groups = groups_of(runs)
    size = max(5.6, 3.2 * len(groups)), 4.2
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    figure.suptitle(title)
    for axes, (read_out, models) in zip(panels, groups.items(), strict=True):
        for model, group in models.items():
            color = pictures.color_of(list(MODELS), model)
            test = np.array([run.test_accuracy for run in group])
            train = np.array([run.train_accuracy for run in group])
            epochs = np.arange(1, test.shape[1] + 1)
            axes.plot(epochs, test.mean(axis=0), color=color, label=MODELS[model])
            axes.plot(epochs, train.mean(axis=0), "--", color=color, linewidth=0.8)
            if len(group) > 1:
                low, high = test.min(axis=0), test.max(axis=0)
                axes.fill_between(
                    epochs, low, high, color=color, alpha=0.15, linewidth=0
                )
        axes.set(title=f"{read_out} read-out", xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel("accuracy (test; dashed: training)")
    pictures.legend_below(figure, columns=2)
    figure.savefig(path, dpi=150)


def plot_histograms(
    runs: Sequence[Run], path: pathlib.Path, title: str, paper: Mapping[str, Published]
) -> None:
    """Draws how the test accuracies spread over the runs (the paper's table 8).

    A row for each model; the paper's mean is dotted.
    """
    groups = groups_of(runs)
    after = budgets(runs)[0]
    names = list(dict.fromkeys(run.model for run in runs))
    size = max(4.8, 3.2 * len(groups)), 1 + 1.3 * len(names)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(
        len(names), len(groups), sharex=True, sharey=True, squeeze=False
    )
    figure.suptitle(title)
    found = test_accuracies(runs, after) + [paper[name].mean for name in names]
    bins = np.linspace(min(found) - 1e-3, max(found) + 1e-3, 31)
    for column, (read_out, models) in zip(panels.T, groups.items(), strict=True):
        for axes, name in zip(column, names, strict=True):
            axes.hist(
                test_accuracies(models[name], after),
                bins,
                color=pictures.color_of(list(MODELS), name),
            )
            axes.axvline(
                paper[name].mean, color="0.3", linestyle=":", label="the paper's mean"
            )
            of = f"{MODELS[name]}, {read_out}"
            axes.set_title(of, fontsize="small", loc="left")
            axes.yaxis.get_major_locator().set_params(integer=True)
        column[-1].set_xlabel(f"test accuracy, {AFTER[after]}")
    figure.supylabel("runs", fontsize="medium")
    pictures.legend_below(figure)
    figure.savefig(path, dpi=150)


def plot_activations(runs: Sequence[Run], path: pathlib.Path, title: str) -> None:
    """Draws what one node makes of what it adds up (the paper's table 5).

    Of each model's first run, that node whose part in the cell varies most.
    """
    shown = [
        [group[0] for group in models.values()] for models in groups_of(runs).values()
    ]
    size = 2.4 * len(shown[0]), 0.8 + 2.4 * len(shown)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(shown), len(shown[0]), sharey=True, squeeze=False)
    figure.suptitle(title)
    for row, of_read_out in zip(panels, shown, strict=True):
        for axes, run in zip(row, of_read_out, strict=True):
            if run.node is not None:
                nodes.draw(axes, run.node, f"{MODELS[run.model]}\n{run.read_out}")
        row[0].set_ylabel("taken into the cell")
    pictures.legend_below(figure)
    figure.savefig(path, dpi=150)


def report(
    runs: Sequence[Run],
    folder: pathlib.Path,
    title: str,
    paper: Mapping[str, Published],
) -> None:
    """Prints the table and the verdicts, and draws the three pictures."""
    print(results_table(runs))
    print()
    print(paper_table(runs, paper))
    print("p: Welch's t-test of modulated against the control; g: Hedges' g.")
    print("\n".join(verdicts(runs)))
    plot_accuracy(runs, folder / "accuracy.png", title)
    plot_histograms(runs, folder / "histograms.png", title, paper)
    plot_activations(runs, folder / "activations.png", title)
    print(f"Results and pictures are in {folder}")
