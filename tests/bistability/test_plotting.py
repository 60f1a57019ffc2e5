"""The pictures hold the data of the theory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import keras_modact
from keras_modact.bistability import dynamics, plotting, trace_gates

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def lines(axes: Any) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def test_bifurcation() -> None:
    drawn = lines(plotting.plot_bifurcation())
    upper = drawn["stable, h > 0"]
    assert upper[:, 0].min() > 1
    np.testing.assert_allclose(upper[:, 1], np.tanh(upper[:, 0] * upper[:, 1]))
    assert (drawn["stable, h = 0"][:, 0] < 1).all()
    assert (drawn["unstable"][:, 0] >= 1).all()


def test_gap() -> None:
    axes = plotting.plot_gap((0.7, 1.5), update=0.4)
    h, gap = lines(axes)["a = 1.5"].T
    np.testing.assert_allclose(gap, dynamics.gap(h, 1.5, 0.4))
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert len(dots) == 4
    empty = [dot for dot in dots if dot.get_markerfacecolor() == "white"]
    assert [dot.get_xdata()[0] for dot in empty] == [0.0]


def test_response() -> None:
    drives = [1.0] * 5 + [0.0] * 20
    drawn = lines(plotting.plot_response(drives))
    np.testing.assert_array_equal(drawn["drive"][:, 1], drives)
    np.testing.assert_array_equal(
        drawn["a = 1.5, c = 0.9"][:, 1], dynamics.response(drives, 1.5, 0.9)
    )


def test_gates_on_given_and_new_axes() -> None:
    layer = keras_modact.NBRC(4)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    layer(x)
    trace = trace_gates(layer, x)
    _, given = pyplot.subplots(2)
    assert plotting.plot_gates({"layer 1": trace}, ax=given) is given
    share, update = plotting.plot_gates({"layer 1": trace, "layer 2": trace})
    assert list(lines(share)) == ["layer 1", "layer 2"]
    np.testing.assert_array_equal(lines(share)["layer 2"][:, 1], trace.bistable_share)
    np.testing.assert_array_equal(lines(update)["layer 1"][:, 1], trace.mean_update)


def test_gates_need_names() -> None:
    for traces in ({}, [1]):
        with pytest.raises(ValueError, match=r"`traces` must map a name"):
            plotting.plot_gates(traces)


def test_given_axes_are_used() -> None:
    _, axes = pyplot.subplots()
    assert plotting.plot_bifurcation(ax=axes) is axes


def test_the_package_does_not_need_matplotlib() -> None:
    code = "import sys; sys.modules['matplotlib'] = None; import keras_modact"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_attractors_in_the_plane_of_largest_variance() -> None:
    random = np.random.default_rng(0)
    before, after = np.ones((5, 3)), random.normal(size=(4, 3))
    after[1] = after[0]
    _, given = pyplot.subplots()
    ax = plotting.plot_attractors({"before": before, "after": after}, given)
    assert ax is given
    centred = np.concatenate([before - before.mean(0), after - after.mean(0)])
    drawn = np.concatenate([dots.get_offsets() for dots in ax.collections])
    variances = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    np.testing.assert_allclose((drawn**2).sum(0), variances[:2])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["before: 1 of 5", "after: 3 of 4"]
    for wrong, message in (
        ({}, "must map"),
        ({"a": before, "b": after[:, :2]}, "of one"),
    ):
        with pytest.raises(ValueError, match=message):
            plotting.plot_attractors(wrong)
