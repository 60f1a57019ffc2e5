"""Interleaved timing, and what is said of the times.

Peers run one after the other within a round, in an order drawn anew for each, so
that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

SHORT = 0.05
"""Seconds. A step that took less is timed again, and that counts: the peer before
left the caches and the processor's clock as it needed them."""

Clock = Callable[[], float]
Round = dict[str, float]
"""The seconds of each peer that ran in a round."""


def timed(
    run: Callable[[], Any], clock: Clock = time.perf_counter
) -> tuple[float, Any]:
    """The seconds that a call took, and what it returned."""
    start = clock()
    result = run()
    return clock() - start, result


def interleave(
    runs: Mapping[str, Callable[[], Any]],
    rounds: int,
    seconds: float,
    clock: Clock = time.perf_counter,
) -> list[Round]:
    """Runs every peer once in each round.

    Args:
        runs: What to time, by peer; warmed up.
        rounds: Number of rounds.
        seconds: A peer that has used up so much is left out of further rounds.
            Every peer runs in the first round.
        clock: Gives the time in seconds.

    Returns:
        The rounds, each with the seconds of the peers that ran in it.
    """
    order = random.Random(0)
    spent = dict.fromkeys(runs, 0.0)
    measured: list[Round] = []
    for _ in range(rounds):
        names = [name for name in runs if spent[name] < seconds]
        order.shuffle(names)
        # No peer pays for what another left behind.
        gc.collect()
        current = {}
        for name in names:
            took, _ = timed(runs[name], clock)
            if took < SHORT:
                took, _ = timed(runs[name], clock)
            current[name] = took
            spent[name] += took
        measured.append(current)
    return measured


def statistics(rounds: Sequence[Round], name: str) -> dict[str, float]:
    """Count, median, minimum and interquartile range of a peer's seconds."""
    seconds = [current[name] for current in rounds if name in current]
    lower, middle, upper = np.percentile(seconds, (25, 50, 75))
    return {
        "count": len(seconds),
        "median_s": float(middle),
        "minimum_s": min(seconds),
        "interquartile_s": float(upper - lower),
    }


def ratio(rounds: Sequence[Round], name: str, base: str) -> dict[str, float]:
    """How many times longer than `base` a peer takes.

    Args:
        rounds: From `interleave`.
        name: The peer.
        base: The peer it is compared with.

    Returns:
        `of_medians`, the ratio of the medians, and `by_round`, the median of the
        ratios in the rounds in which both ran.
    """
    medians = [statistics(rounds, peer)["median_s"] for peer in (name, base)]
    both = [current for current in rounds if name in current and base in current]
    return {
        "of_medians": medians[0] / medians[1],
        "by_round": float(np.median([c[name] / c[base] for c in both])),
    }


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The power of the size by which the time grows, over the upper half.

    The line through the logarithms of the larger half of the sizes, the middle
    one included: 1 where the time is linear in the size.
    """
    upper = (len(sizes) - 1) // 2
    slope, _ = np.polyfit(np.log(sizes[upper:]), np.log(seconds[upper:]), 1)
    return float(slope)
