"""The bounds within which a path counts as right."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import correctness

TRUE = {"outputs": np.random.default_rng(0).normal(size=(11, 4, 50))}


def off_by(relative: float, problems: slice = slice(None)) -> dict[str, np.ndarray]:
    array = TRUE["outputs"].copy()
    array[problems] *= 1 + relative
    return {"outputs": array}


@pytest.mark.parametrize(("error", "passed"), [(1.9e-4, True), (2.1e-4, False)])
def test_median_error_is_at_most_twice_the_plain_loops(
    error: float, passed: bool
) -> None:
    found = correctness.compare(off_by(error), off_by(1e-4), TRUE)
    assert found["passed"] is passed
    quantity = found["quantities"]["outputs"]
    assert quantity["error"] == pytest.approx(error, rel=1e-6)
    assert quantity["naive"] == pytest.approx(1e-4, rel=1e-6)


def test_one_unlucky_problem_is_let_pass_and_a_wrong_one_is_not() -> None:
    one = slice(3, 4)
    naive = off_by(1e-4)
    assert correctness.compare(off_by(4e-3, one), naive, TRUE)["passed"]
    assert not correctness.compare(off_by(6e-3, one), naive, TRUE)["passed"]


def test_nan_fails() -> None:
    naive = off_by(1e-4)
    assert not correctness.compare(off_by(np.nan, slice(1)), naive, TRUE)["passed"]


def test_floor_is_a_few_roundings() -> None:
    exact = off_by(0.0)
    assert correctness.compare(off_by(4e-7), exact, TRUE)["passed"]
    assert not correctness.compare(off_by(6e-7), exact, TRUE)["passed"]


def test_single_numbers_are_given_more_room() -> None:
    true = {"gain": TRUE["outputs"][:, 0, :1]}
    naive = {"gain": true["gain"] * (1 + 1e-4)}
    for error, passed in ((5e-4, True), (7e-4, False)):
        computed = {"gain": true["gain"] * (1 + error)}
        assert correctness.compare(computed, naive, true)["passed"] is passed
