"""Statistics and interleaving, on fakes with a clock that they move themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import timing


class FakeClock:
    """A clock that stands still but for the fake steps, which are written down."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def step(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.calls.append(name)
            self.now += seconds

        return run


def test_each_round_runs_every_peer_once_in_a_changing_order() -> None:
    clock = FakeClock()
    runs = {name: clock.step(name, 1.0 + i) for i, name in enumerate("abc")}
    rounds = timing.interleave(runs, rounds=12, seconds=1e9, clock=clock)
    assert rounds == [{"a": 1.0, "b": 2.0, "c": 3.0}] * 12
    orders = [tuple(clock.calls[i : i + 3]) for i in range(0, 36, 3)]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len(set(orders)) >= 4
    assert {order[0] for order in orders} == {"a", "b", "c"}


def test_slow_peer_is_left_out_once_its_seconds_are_used_up() -> None:
    clock = FakeClock()
    runs = {"fast": clock.step("fast", 1.0), "slow": clock.step("slow", 12.0)}
    rounds = timing.interleave(runs, rounds=7, seconds=15.0, clock=clock)
    assert timing.statistics(rounds, "fast")["count"] == 7
    assert timing.statistics(rounds, "slow")["count"] == 2
    assert ["slow" in current for current in rounds] == [True] * 2 + [False] * 5


def test_short_step_is_called_untimed_first() -> None:
    clock = FakeClock()
    colds = iter([0.04, 0.01, 0.03, 0.01])

    def cold_then_warm() -> None:
        clock.now += next(colds)

    rounds = timing.interleave({"a": cold_then_warm}, 2, 1.0, clock)
    assert [current["a"] for current in rounds] == pytest.approx([0.01, 0.01])


def test_statistics() -> None:
    rounds = [{"a": s} for s in (5.0, 1.0, 3.0, 2.0, 9.0)] + [{"b": 100.0}]
    assert timing.statistics(rounds, "a") == {
        "count": 5,
        "median_s": 3.0,
        "minimum_s": 1.0,
        "interquartile_s": 3.0,
    }


def test_ratio_of_medians_and_median_of_ratios() -> None:
    rounds = [{"a": 1.0, "b": 4.0}, {"a": 2.0, "b": 4.0}, {"a": 4.0}]
    assert timing.ratio(rounds, "b", "a") == {"of_medians": 2.0, "by_round": 3.0}


@pytest.mark.parametrize(("power", "overhead"), [(1.0, 0.0), (2.0, 0.0), (1.0, 90.0)])
def test_exponent_is_that_of_the_upper_half(power: float, overhead: float) -> None:
    sizes = [10, 100, 1000, 10_000, 100_000]
    seconds = [3e-3 * size**power for size in sizes]
    # What the small sizes take does not count.
    seconds[:2] = [second + overhead for second in seconds[:2]]
    assert timing.exponent(sizes, seconds) == pytest.approx(power, abs=1e-9)


def test_exponent_of_two_sizes() -> None:
    assert timing.exponent([2, 8], [1.0, 64.0]) == pytest.approx(3.0)


def test_timed_returns_what_the_call_returns() -> None:
    clock = FakeClock()

    def run() -> float:
        clock.now += 0.25
        return np.pi

    assert timing.timed(run, clock) == (0.25, np.pi)
