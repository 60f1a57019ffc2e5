"""What the examples on the modulated LSTM report: table, verdicts, pictures."""

import argparse

import numpy as np
import pytest
from scipy import stats

from examples.modulation import (
    nodes,
    text_classification,
    text_classification_report,
)
from examples.modulation.text_classification_report import Published

PAPER = {
    "modulated": Published(0.875, 0.011),
    "control-1": Published(0.625, 0.022, 1.25, "<.01"),
    "control-2": Published(0.5, 0.033, 0.5, "<.06"),
    "control-3": Published(0.5, 0.033, 0.5, "<.06"),
}


def run(model="modulated", test=(0.5, 0.75), seed=0, read_out="masked", dev=()):
    return text_classification.Run(
        model, read_out, seed, 3.0, [1.0] * len(test), [0.25] * len(test), list(dev),
        list(test), NETWORKS[model],
    )  # fmt: skip


def small_network(model):
    sizes = argparse.Namespace(
        units=4, wide_units=6, embedding=3, first_state="zeros", padding="full"
    )
    return text_classification.build_model(sizes, model, "masked", 5, 2, "sigmoid")


NETWORKS = {model: small_network(model) for model in text_classification.MODELS}


def runs_of(model, accuracies, **given):
    return [run(model, (0.1, x), seed, **given) for seed, x in enumerate(accuracies)]


@pytest.fixture
def drawn(figures_of):
    """The figures that the pictures are made of."""
    return figures_of(text_classification_report)


def table_rows(runs):
    table = text_classification_report.results_table(runs)
    return [[c.strip() for c in r.split("|")[1:-1]] for r in table.splitlines()][2:]


def test_tables_have_the_tests_and_the_paper():
    values, others = [0.7, 0.72, 0.71], [0.65, 0.7, 0.69]
    runs = [*runs_of("modulated", values), *runs_of("control-1", others)]
    p = stats.ttest_ind(values, others, equal_var=False).pvalue
    g = (0.71 - 0.68) / np.sqrt((0.01**2 + np.var(others, ddof=1)) / 2)
    assert table_rows(runs) == [
        ["masked", "last epoch", "modulated", "80", "0.7100 ± 0.0100", "-", "-", "-",
         "3"],
        ["masked", "last epoch", "control 1: wider", "144", "0.6800 ± 0.0265",
         f"{p:.3f}", f"{g:.2f}", "1.20", "3"],
    ]  # fmt: skip
    table = text_classification_report.paper_table(runs, PAPER)
    rows = [[c.strip() for c in r.split("|")[1:-1]] for r in table.splitlines()]
    assert rows[2:] == [
        ["modulated", "0.8750 ± 0.0110", "-", "-"],
        ["control 1: wider", "0.6250 ± 0.0220", "<.01", "1.25"],
    ]


def test_table_tells_best_and_last_epoch_where_there_is_a_dev_set():
    given = {"dev": (0.9, 0.8), "read_out": "padded"}
    rows = table_rows([run(test=(0.5, 0.25), **given), run("control-2", **given)])
    assert [row[:3] + row[4:6] for row in rows] == [
        ["padded", "best dev epoch", "modulated", "0.5000", "-"],
        ["padded", "best dev epoch", "control 2: same width", "0.5000", "-"],
        ["padded", "last epoch", "modulated", "0.2500", "-"],
        ["padded", "last epoch", "control 2: same width", "0.7500", "-"],
    ]


def test_verdicts_follow_from_the_tests():
    runs = [
        *runs_of("modulated", [0.7, 0.71, 0.69]),
        *runs_of("control-1", [0.6, 0.61, 0.59]),
        *runs_of("control-2", [0.8, 0.81, 0.79]),
        *runs_of("control-3", [0.6, 0.7, 0.8]),
        *runs_of("modulated", [0.7, 0.7], read_out="padded"),
        *runs_of("control-1", [0.7, 0.7], read_out="padded"),
        *runs_of("control-2", [0.7], read_out="padded"),
    ]
    masked, padded = text_classification_report.verdicts(runs)
    assert masked == (
        "masked, last epoch: modulated clearly above control-1; clearly below "
        "control-2; not clearly apart from control-3"
    )
    # No spread at all says nothing, and a single run cannot be tested.
    assert padded.startswith("padded, last epoch: modulated has nothing to compare")
    assert "nan" not in text_classification_report.results_table(runs)
    (alone,) = text_classification_report.verdicts(runs_of("modulated", [0.7, 0.8]))
    assert "nothing to compare" in alone


def test_picture_of_the_accuracies(tmp_path, drawn):
    runs = [
        run(test=(0.25, 0.5)),
        run(test=(0.75, 1.0), seed=1),
        run("control-2", (0.2, 0.3)),
        run("control-2", (0.1, 0.6), read_out="padded"),
    ]
    text_classification_report.plot_accuracy(runs, tmp_path / "a.png", "title")
    masked, padded = drawn[0].axes
    assert [axes.get_title() for axes in (masked, padded)] == [
        "masked read-out", "padded read-out",
    ]  # fmt: skip
    lines = {line.get_label(): list(line.get_ydata()) for line in masked.lines}
    assert lines["modulated"] == [0.5, 0.75]
    assert lines["control 2: same width"] == [0.2, 0.3]
    assert [list(x.get_ydata()) for x in masked.lines[1::2]] == [[0.25, 0.25]] * 2
    (band,) = masked.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.25, 1.0)
    assert list(padded.lines[0].get_ydata()) == [0.1, 0.6]
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_histograms_count_every_run(tmp_path, drawn):
    runs = [
        *runs_of("modulated", [0.7, 0.71, 0.9], dev=(0.1, 0.2)),
        *runs_of("control-1", [0.6, 0.6], dev=(0.2, 0.1)),
    ]
    text_classification_report.plot_histograms(runs, tmp_path / "h.png", "title", PAPER)
    modulated, control = drawn[0].axes
    counts = [[bar.get_height() for bar in axes.patches] for axes in drawn[0].axes]
    assert [sum(c) for c in counts] == [3, 2]
    centres = [bar.get_x() + bar.get_width() / 2 for bar in control.patches]
    # The best epoch on the dev set is control 1's first, with a test accuracy of .1.
    assert centres[int(np.argmax(counts[1]))] == pytest.approx(0.1, abs=0.03)
    assert list(modulated.lines[0].get_xdata()) == [0.875, 0.875]
    assert list(control.lines[0].get_xdata()) == [0.625, 0.625]


def test_node_is_drawn_with_the_curves_of_its_symbols(tmp_path, drawn):
    runs = [run(), run("control-2"), run(seed=1), run(read_out="padded"),
            run("control-2", read_out="padded")]  # fmt: skip
    for number, each in enumerate(runs):
        g, amplitude, slope = np.array([[-1.0, 2.0], [0.5, 1.0], [0.25, 3.0]])
        each.node = nodes.Node(number, nodes.Nodes(g, amplitude, slope))
    text_classification_report.plot_activations(runs, tmp_path / "s.png", "title")
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles == [
        "modulated\nmasked, node 0", "control 2: same width\nmasked, node 1",
        "modulated\npadded, node 3", "control 2: same width\npadded, node 4",
    ]  # fmt: skip
    tanh, *curves, points = drawn[0].axes[0].lines
    x = tanh.get_xdata()
    np.testing.assert_allclose(tanh.get_ydata(), np.tanh(x))
    np.testing.assert_allclose(curves[0].get_ydata(), 0.5 * np.tanh(0.25 * x))
    np.testing.assert_allclose(curves[1].get_ydata(), np.tanh(3 * x))
    np.testing.assert_allclose(points.get_xdata(), [-1, 2])
    np.testing.assert_allclose(points.get_ydata(), [0.5 * np.tanh(-0.25), np.tanh(6)])
