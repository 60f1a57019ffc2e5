"""Results in print: groups of runs, means with their spread, Markdown tables."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence, Sized
from typing import Any

import numpy as np


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, with the sample standard deviation if there are several."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def count(things: Sized, name: str) -> str:
    """How many there are, in words such as "1 seed" or "2 seeds"."""
    return f"{len(things)} {name}" + "s" * (len(things) != 1)


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = rows
    lines = [head, ["-" * width for width in widths], *body]
    padded = ([c.ljust(n) for c, n in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def grouped(runs: Iterable[Any], *names: str) -> dict[Any, list[Any]]:
    """The runs that agree in these attributes, such as all but the seed, together."""
    groups: dict[Any, list[Any]] = {}
    for run in runs:
        groups.setdefault(operator.attrgetter(*names)(run), []).append(run)
    return groups
