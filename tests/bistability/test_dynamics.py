"""The theory of one unit: the paper's eq. 4, fig. 2 and appendix A."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_modact
from keras_modact.bistability import dynamics
from tests.gradients import as_float64

UPDATES = st.floats(0, 0.99)


def settled(start: float, feedback: float, update: float, drive: float = 0) -> float:
    """The state after many steps of the map, iterated."""
    h = start
    for _ in range(20_000):
        h = float(update * h + (1 - update) * np.tanh(drive + feedback * h))
    return h


@given(feedback=st.floats(0, 0.98), update=UPDATES)
def test_monostable_below_one(feedback: float, update: float) -> None:
    """Theorem A.1: for a < 1, 0 is the only fixed point, and stable."""
    found = dynamics.fixed_points(feedback, update)
    assert found.points.tolist() == [0.0]
    assert found.stable.tolist() == [True]
    assert found.slopes[0] == pytest.approx(update + (1 - update) * feedback)
    assert abs(settled(0.9, feedback, min(update, 0.9))) < 1e-6


@given(feedback=st.floats(1.02, 3), update=UPDATES)
def test_bistable_above_one(feedback: float, update: float) -> None:
    """Theorem A.1: for a > 1, 0 is unstable between two stable points +-h1."""
    low, middle, high = dynamics.fixed_points(feedback, update).points
    assert middle == 0
    assert low == pytest.approx(-high, abs=1e-12)
    assert high == pytest.approx(np.tanh(feedback * high), abs=1e-12)
    assert dynamics.fixed_points(feedback, update).stable.tolist() == [
        True,
        False,
        True,
    ]


@given(feedback=st.floats(1.05, 2), update=st.floats(0, 0.9))
def test_basins_of_attraction(feedback: float, update: float) -> None:
    """Any state above 0 goes to +h1, any below to -h1, as the appendix says."""
    high = dynamics.fixed_points(feedback, update).points[-1]
    for start in (1e-3, 0.5, 1.0):
        assert settled(start, feedback, update) == pytest.approx(high, abs=1e-9)
        assert settled(-start, feedback, update) == pytest.approx(-high, abs=1e-9)


def test_pitchfork_at_one() -> None:
    """At a = 1 the slope at 0 is 1; beyond, h1 grows as sqrt(3 (a - 1))."""
    found = dynamics.fixed_points(1.0, 0.3)
    assert found.points.tolist() == [0.0]
    assert found.slopes.tolist() == [1.0]
    assert found.stable.tolist() == [False]
    for excess in (1e-3, 1e-4, 1e-6):
        high = dynamics.fixed_points(1 + excess).points[-1]
        assert high == pytest.approx(np.sqrt(3 * excess), rel=excess * 10)


@given(
    feedback=st.floats(0, 3),
    update=UPDATES,
    drive=st.floats(-1.5, 1.5),
)
def test_points_under_a_drive(feedback: float, update: float, drive: float) -> None:
    """Every point is one, and no change of sign of h - F(h) lies elsewhere."""
    found = dynamics.fixed_points(feedback, update, drive)
    assert len(found.points) in (1, 2, 3)
    np.testing.assert_allclose(
        dynamics.gap(found.points, feedback, 0.0, drive), 0, atol=1e-15
    )
    grid = np.linspace(-1, 1, 2001)
    signs = dynamics.gap(grid, feedback, 0.0, drive) > 0
    changes = grid[:-1][signs[1:] != signs[:-1]]
    for change in changes:
        assert np.abs(found.points - change).min() < 1.1e-3
    assert found.stable[0] or found.stable[-1]


def test_slopes_are_derivatives_of_the_map() -> None:
    for arguments in ((1.5, 0.2, 0.0), (1.5, 0.7, 0.05), (0.5, 0.4, -0.8)):
        found = dynamics.fixed_points(*arguments)
        above = dynamics.next_state(found.points + 1e-6, *arguments)
        below = dynamics.next_state(found.points - 1e-6, *arguments)
        np.testing.assert_allclose(found.slopes, (above - below) / 2e-6, atol=1e-8)


def test_a_drive_ends_bistability() -> None:
    """Bistable in a finite range of drives around 0 only (Theorem A.1)."""
    edge = np.sqrt(1 - 1 / 1.5)
    limit = 1.5 * edge - np.arctanh(edge)
    assert len(dynamics.fixed_points(1.5, drive=0.99 * limit).points) == 3
    assert len(dynamics.fixed_points(1.5, drive=1.01 * limit).points) == 1
    assert len(dynamics.fixed_points(1.5, drive=-1.01 * limit).points) == 1


def test_the_map_is_that_of_the_cell() -> None:
    """A BRC unit with fixed gates moves as the theory's map does."""
    feedback, update, drives = 1.6, 0.4, np.array([0.5, -0.2, 0.0, 0.0, 0.3])
    layer = keras_modact.BRC(1, return_sequences=True, recurrent_initializer="zeros")
    layer.build((1, None, 1))
    gates = np.array([np.arctanh(feedback - 1), np.log(update / (1 - update))])
    layer.set_weights([np.array([[0.0, 0.0, 1.0]]), np.zeros(2), gates])
    outputs = layer(drives[None, :, None].astype("float32"))
    np.testing.assert_allclose(
        as_float64(outputs)[0, :, 0],
        dynamics.response(drives, feedback, update),
        atol=1e-6,
    )


def test_bifurcation() -> None:
    diagram = dynamics.bifurcation([0.0, 0.9, 1.2, 2.0], update=0.3)
    assert diagram.feedback.tolist() == [0, 0.9, 1.2, 1.2, 1.2, 2, 2, 2]
    assert diagram.stable.tolist() == [1, 1, 1, 0, 1, 1, 0, 1]
    for feedback, point in zip(diagram.feedback, diagram.points, strict=True):
        assert point == pytest.approx(np.tanh(feedback * point), abs=1e-12)
    assert len(dynamics.bifurcation(1.5).points) == 3
    assert len(np.unique(dynamics.bifurcation().feedback)) == 401


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feedback": -0.1}, "`feedback`.*-0.1"),
        ({"feedback": float("nan")}, "`feedback`.*nan"),
        ({"feedback": 1.5, "update": 1.0}, r"`update`.*\[0, 1\).*1.0"),
        ({"feedback": 1.5, "update": -0.1}, "`update`.*-0.1"),
        ({"feedback": 1.5, "drive": float("inf")}, "`drive`.*inf"),
    ],
)
def test_bad_input(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dynamics.fixed_points(**arguments)
    with pytest.raises(ValueError, match=message):
        dynamics.bifurcation(
            [arguments["feedback"]],
            **{k: v for k, v in arguments.items() if k != "feedback"},
        )
