"""The time of a training step by the number of steps, of sequences, of units."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import speed, timing
from benchmarks.peers import Sizes
from benchmarks.speed import Bench

PEERS = ("layer", "rnn")


def measure(
    bench: Bench, cell: str, sizes: Sizes, axes: Mapping[str, Sequence[int]]
) -> list[dict[str, Any]]:
    """Times the layer and `keras.layers.RNN` along each axis.

    Args:
        bench: Where and how.
        cell: The cell's name.
        sizes: What the sizes are along the other axes.
        axes: The sizes along `"time"`, `"batch"` and `"units"`, two or more each.

    Returns:
        A record for each axis, and none once a path is wrong: the sizes, and by
        peer the medians `seconds` and the `exponent` over the upper half.
    """
    records = []
    for axis, values in axes.items():
        points = []
        for value in values:
            there = dataclasses.replace(sizes, **{axis: value})
            point = speed.measure(bench, cell, PEERS, there, "train")
            if point is None:
                return []
            points.append(point["peers"])
        found = {}
        for name in PEERS:
            medians = [point[name]["median_s"] for point in points]
            found[name] = {
                "seconds": medians,
                "counts": [point[name]["count"] for point in points],
                "exponent": timing.exponent(values, medians),
            }
            bench.say(f"{cell}, {name}: time ~ {axis}^{found[name]['exponent']:.2f}")
        found["layer"]["paths"] = [point["layer"]["path"] for point in points]
        records.append(
            {
                "cell": cell,
                "axis": axis,
                **vars(sizes),
                "values": list(values),
                "peers": found,
            }
        )
    return records
