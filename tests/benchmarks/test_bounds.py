"""Operations counted by hand, and bounds from rates that are made up."""

from __future__ import annotations

import pytest

from benchmarks import bounds, peers, steps
from benchmarks.bounds import Work

# By hand, for 3 features and 4 units; the arguments are those of the grid, so that
# policies have 32 units, a supervisor 4, and the LMU's memory 64.
BY_HAND = {
    # x U of 3 x 12; biases 2, gates 4, a 1, candidate 2 and h' 3 a unit.
    "BRC": Work(2 * 3 * 12, 0, 12 * 4, 3 * 4),
    # And h W of 4 x 8, which saves two multiplications a unit.
    "NBRC": Work(2 * 3 * 12, 2 * 4 * 8, 10 * 4, 3 * 4),
    # Five gates of 4; bias and sum of each; tau(m) g, c' 3 and h' 1.
    "ModulatedLSTM": Work(2 * 3 * 20, 2 * 4 * 20, 15 * 4, 6 * 4),
    # [x; h; z] by 128 policy gates; z by 3 + 13 * 4 = 55 diagonals; [x; h] by 16.
    # Policy 12 * 32; 55 scaled; two sums of 16; c' and h' 4 a unit.
    "AdaptiveLSTM": Work(
        2 * 3 * 128,
        2 * 36 * 128 + 2 * 32 * 55 + 2 * 7 * 16,
        384 + 55 + 32 + 16,
        5 * 32 + 55 + 5 * 4,
    ),
    # The first as above, and another z below; the second reads h of 4 units, which
    # is no data, and has 4 + 13 * 4 = 56 diagonals.
    "StackedAdaptiveLSTM": Work(
        2 * 3 * 128,
        2 * (4 + 64) * 128
        + 2 * 32 * 55
        + 2 * 7 * 16
        + 2 * (8 + 64) * 128
        + 2 * 32 * 56
        + 2 * 8 * 16,
        (384 + 55 + 32 + 16) + (384 + 56 + 32 + 16),
        (160 + 55 + 20) + (160 + 56 + 20),
    ),
    "GammaRNN": Work(2 * 3 * 4, 2 * 4 * 4, 11 * 4, 2 * 4),
    # For each of 4 units a 4 x 4 product, two of 4 x 1, and 3 * 4 + 2 more.
    "ARUN": Work(2 * 3 * 4, 2 * 4 * 4 + 4 * (32 + 16), 44 + 4 * 14, 8 + 16),
    # Two layers of two rotations, each 4 multiplications and 2 additions.
    "GORU": Work(2 * 3 * 12, 2 * 4 * 8, 11 * 4 + 2 * 2 * 6, 2 * 4),
    # x by 4 + 1 columns; h by 4 + 1; m by 1, 64 and 4; then 2 sums for u, A m + B u,
    # and the bias and two sums of each unit.
    "LMU": Work(2 * 3 * 5, 2 * 4 * 5 + 2 * 64 * 69, 2 + 128 + 3 * 4, 4),
    "keras.LSTM": Work(2 * 3 * 16, 2 * 4 * 16, 12 * 4, 5 * 4),
    "torch.GRU": Work(2 * 3 * 12, 2 * 4 * 12, 11 * 4, 3 * 4),
    "keras.SimpleRNN": Work(2 * 3 * 4, 2 * 4 * 4, 2 * 4, 4),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_counts(name: str) -> None:
    cell, peer = ("BRC", name) if "." in name else (name, "layer")
    assert bounds.work(cell, peer, 3, 4) == BY_HAND[name]


def test_every_peer_has_a_count() -> None:
    for cell, one in peers.CELLS.items():
        for peer in ("rnn", "layer/loop", *one.rivals):
            assert bounds.work(cell, peer, 1, 8).functions > 0


@pytest.mark.parametrize(("step", "operations"), [("forward", 23), ("train", 66)])
def test_bound(step: str, operations: int) -> None:
    """Data twice in training, what depends on states three times, functions once."""
    work = Work(of_inputs=3, of_states=13, elementwise=7, functions=5)
    rates = {"operations_a_second": 100.0, "functions_a_second": 10.0}
    sizes = peers.Sizes(batch=2, time=10, features=1, units=1)
    expected = 20 * (operations / 100 + 0.5)
    assert bounds.seconds(rates, work, sizes, step) == pytest.approx(expected)


def test_the_highest_rate_counts() -> None:
    found = bounds.faster({"a": 1.0, "b": 5.0}, {"a": 3.0, "b": 4.0})
    assert found == {"a": 3.0, "b": 5.0}


def test_rates_are_those_of_a_machine() -> None:
    rates = bounds.measure_rates(steps.backend(), batch=16, units=32)
    assert 1e6 < rates["functions_a_second"] < rates["operations_a_second"] * 10
