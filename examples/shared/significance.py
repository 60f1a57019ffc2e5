"""Do two groups of runs differ? Welch's t-test and Hedges' g."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Summary(NamedTuple):
    """What the tests need to know of a group: published tables tell no more."""

    mean: float
    std: float
    """The sample standard deviation, with n - 1."""
    size: int


def summarize(values: Sequence[float]) -> Summary:
    """The summary of at least two values."""
    if len(values) < 2:
        raise ValueError(f"at least two values are needed, received {len(values)}")
    return Summary(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


def welch_p(first: Summary, second: Summary) -> float:
    """The two-sided p of Welch's t-test, which allows for unequal variances.

    Without any spread it is not defined: NaN.
    """
    return float(stats.ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)


class WelchTest(NamedTuple):
    """What Welch's t-test gives."""

    t: float
    freedom: float
    """By Welch and Satterthwaite; no integer."""
    p: float


def welch_test(first: Summary, second: Summary) -> WelchTest:
    """Welch's t, its degrees of freedom and the two-sided p; one must have a spread."""
    errors = [group.std**2 / group.size for group in (first, second)]
    t = (first.mean - second.mean) / math.sqrt(sum(errors))
    parts = (
        error**2 / (group.size - 1)
        for error, group in zip(errors, (first, second), strict=True)
    )
    freedom = sum(errors) ** 2 / sum(parts)
    return WelchTest(t, freedom, float(2 * stats.t.sf(abs(t), freedom)))


def hedges_g(first: Summary, second: Summary, corrected: bool = False) -> float:
    """How many pooled standard deviations the first mean lies above the second.

    `corrected` takes away the bias that the estimate has in small groups
    (Hedges 1981, equation 6e, exactly).
    """
    freedom = first.size + second.size - 2
    squares = (first.size - 1) * first.std**2 + (second.size - 1) * second.std**2
    if squares == 0:
        return math.nan
    g = (first.mean - second.mean) / math.sqrt(squares / freedom)
    if corrected:
        half = freedom / 2
        g *= math.exp(math.lgamma(half) - math.lgamma(half - 0.5)) / math.sqrt(half)
    return g


def mean_interval(
    values: Sequence[float], confidence: float = 0.95
) -> tuple[float, float]:
    """Where the mean of such values lies, by Student's t, of at least two values."""
    summary = summarize(values)
    if summary.std == 0:
        return summary.mean, summary.mean
    error = summary.std / math.sqrt(summary.size)
    return stats.t.interval(confidence, summary.size - 1, summary.mean, error)


def difference_interval(
    first: Sequence[float], second: Sequence[float], confidence: float = 0.95
) -> tuple[float, float]:
    """Where the difference of the means lies, by Welch's t-test."""
    if np.ptp(first) == np.ptp(second) == 0:
        return (float(np.mean(first) - np.mean(second)),) * 2
    test = stats.ttest_ind(first, second, equal_var=False)
    return tuple(test.confidence_interval(confidence))
