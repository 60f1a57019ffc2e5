"""What measured runs say beside a paper's figure, and beside each other."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from examples.shared import significance

LEVEL = 0.05


def figure_of(printed: str) -> tuple[float, float | None]:
    """Mean and, if there is one, deviation of a figure such as ".082 ± .027"."""
    mean, _, std = printed.partition("±")
    return float(mean), float(std) if std.strip() else None


def digits_of(printed: str) -> int:
    """How many digits a figure's mean is printed with."""
    match = re.search(r"\.(\d+)", printed.partition("±")[0])
    return len(match.group(1)) if match else 0


def in_print(digits: int, *numbers: Any, sign: str = "") -> list[str]:
    """Numbers with as many digits: fewer where they are large, more where they vanish.

    Args:
        digits: How many digits numbers near 1 have behind the point.
        *numbers: Such as a mean and its deviation.
        sign: "+" for differences.
    """
    sizes = [abs(float(x)) for x in numbers if np.isfinite(x) and x != 0]
    if sizes:
        digits = max(0, digits - max(0, math.floor(math.log10(max(sizes)))))
        if max(sizes) < 100:
            digits = max(digits, min(6, -math.floor(math.log10(min(sizes)))))
    return [f"{x:{sign},.{digits}f}" for x in numbers]


def shown(values: Sequence[float | None], digits: int) -> str:
    """Mean and deviation of the runs that ended in numbers."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "no number" if values else "-"
    spread = [np.std(numbers, ddof=1)] if len(numbers) > 1 else []
    text = " ± ".join(in_print(digits, np.mean(numbers), *spread))
    lost = len(values) - len(numbers)
    return text + (f" ({lost} diverged)" if lost else "")


def beside_paper(
    values: Sequence[float | None], printed: str, paper_runs: int | None
) -> str:
    """Whether runs agree with the paper's figure, or how they differ.

    By Welch's t-test where the paper gives a deviation, else by whether the 95%
    interval of the mean holds the figure; the same printed digits agree.
    """
    numbers = [value for value in values if value is not None]
    if not values:
        return "not run"
    if len(numbers) < len(values):
        return f"{len(values) - len(numbers)} of {len(values)} diverged"
    if len(numbers) == 1:
        return "one run"
    mean, std = figure_of(printed)
    ours = significance.summarize(numbers)
    digits = digits_of(printed)
    if round(ours.mean, digits) == round(mean, digits):
        return "agrees to the digits printed"
    side = "higher" if ours.mean > mean else "lower"
    if std is None or paper_runs is None:
        low, high = significance.mean_interval(numbers)
        inside = low <= mean <= high
        interval = f"95% interval {low:.{digits}f} to {high:.{digits}f}"
        return f"{'agrees' if inside else side}: {interval}"
    paper = significance.Summary(mean, std, paper_runs)
    if ours.std == paper.std == 0:
        return f"{side}; neither spreads"
    p = significance.welch_p(ours, paper)
    g = significance.hedges_g(ours, paper, corrected=True)
    return f"{'agrees' if p >= LEVEL else side}: p = {p:.2g}, g = {g:.2f}"


def exactly(values: Sequence[float | None], printed: str) -> str:
    """Whether what no seed changes agrees with the paper's figure."""
    if not values or values[0] is None:
        return "not run"
    off = values[0] - float(printed)
    # A half of the last digit, and what a float leaves of it.
    agrees = abs(off) <= 0.5001 * 10.0 ** -digits_of(printed)
    return "agrees to the digits printed" if agrees else f"differs by {off:+.3g}"


def beside_each_other(
    first: Sequence[float | None], second: Sequence[float | None], digits: int
) -> list[str]:
    """The difference of two cells' means, its 95% interval, p and Hedges' g."""
    a, b = ([v for v in values if v is not None] for values in (first, second))
    if not (a and b):
        return ["-"] * 4
    (difference,) = in_print(digits, np.mean(a) - np.mean(b), sign="+")
    if min(len(a), len(b)) < 2:
        return [difference, "one run", "-", "-"]
    low, high = significance.difference_interval(a, b)
    of_a, of_b = significance.summarize(a), significance.summarize(b)
    p = significance.welch_p(of_a, of_b)
    g = significance.hedges_g(of_a, of_b, corrected=True)
    return [
        difference,
        " to ".join(in_print(digits, low, high, sign="+")),
        "-" if math.isnan(p) else f"{p:.2g}",
        "-" if math.isnan(g) else f"{g:.2f}",
    ]
