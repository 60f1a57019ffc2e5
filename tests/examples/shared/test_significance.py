"""Welch's t-test and Hedges' g, by hand and against the paper's table 4."""

import math

import numpy as np
import pytest
from scipy import stats

from examples.modulation import names, sst2
from examples.shared.significance import (
    Summary,
    hedges_g,
    summarize,
    welch_p,
    welch_test,
)


def test_by_hand():
    """Means 3 and 2, variances 2.5 and 1, so that all is short to write."""
    first, second = summarize([1, 2, 3, 4, 5]), summarize([1, 2, 3])
    assert first == (3, pytest.approx(2.5**0.5), 5)
    assert second == (2, 1, 3)
    # t = 1 / sqrt(2.5 / 5 + 1 / 3), with (5/6)^2 / (.5^2 / 4 + (1/3)^2 / 2) = 5.882
    # degrees of freedom.
    t, freedom = 1 / (5 / 6) ** 0.5, (5 / 6) ** 2 / (0.25 / 4 + 1 / 18)
    assert freedom == pytest.approx(5.882, abs=1e-3)
    assert welch_p(first, second) == pytest.approx(2 * stats.t.sf(t, freedom))
    # The pooled variance is (4 * 2.5 + 2 * 1) / 6 = 2.
    assert hedges_g(first, second) == pytest.approx(0.5**0.5)
    assert hedges_g(second, first) == pytest.approx(-(0.5**0.5))


def test_correction_of_six_degrees_of_freedom():
    """Gamma(3) / (sqrt(3) Gamma(2.5)) = 2 / (sqrt(3) * 3/4 sqrt(pi))."""
    first, second = Summary(3, 2.5**0.5, 5), Summary(2, 1, 3)
    factor = 2 / (math.sqrt(3) * 0.75 * math.sqrt(math.pi))
    assert factor == pytest.approx(1 - 3 / (4 * 6 - 1), abs=2e-3)
    corrected = hedges_g(first, second, corrected=True)
    assert corrected == pytest.approx(factor * 0.5**0.5)


def test_is_scipys_test_of_the_values():
    generator = np.random.default_rng(0)
    first, second = generator.normal(1, 2, 7), generator.normal(0, 1, 11)
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    found = welch_p(summarize(first), summarize(second))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("example", "runs"), [(names, 30), (sst2, 100)])
def test_effects_and_p_of_the_paper(example, runs):
    """Its p are bounds, its g from means and deviations that it prints rounded."""
    modulated, *controls = (
        (Summary(x.mean, x.std, runs), x.hedges_g, x.p) for x in example.PAPER.values()
    )
    for control, g, p in controls:
        assert hedges_g(modulated[0], control) == pytest.approx(g, abs=4e-3)
        # The correction would show: .987 at n = 30 and .996 at n = 100.
        corrected = hedges_g(modulated[0], control, corrected=True)
        assert corrected < g - 3e-3
        assert welch_p(modulated[0], control) < float(p.removeprefix("<"))


def test_no_spread_and_too_few_values():
    still = summarize([0.5, 0.5])
    assert math.isnan(welch_p(still, still))
    assert math.isnan(hedges_g(still, still))
    assert welch_p(still, summarize([0.1, 0.2])) < 1
    with pytest.raises(ValueError, match="at least two values"):
        summarize([0.5])


def test_welch_test_is_scipys():
    first, second = [1.0, 2.0, 4.0], [2.5, 2.75, 9.0, 4.0]
    expected = stats.ttest_ind(first, second, equal_var=False)
    found = welch_test(summarize(first), summarize(second))
    assert found.t == pytest.approx(expected.statistic)
    assert found.freedom == pytest.approx(expected.df)
    assert found.p == pytest.approx(expected.pvalue)
