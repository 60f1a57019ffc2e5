"""What the gates of a trained network do over one sample, layer by layer.

The share of units that are bistable, a > 1, and the mean of c, step by step: the
bistable paper's figure 4.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_modact.bistability import GateTrace, plotting, trace_gates

SHARE, UPDATE, MARKS = "bistable_share", "mean_update", "marked_steps"


def record(model: keras.Model, layers: int, sample: np.ndarray) -> dict[str, Any]:
    """The averages by layer and step, and the marked steps, with four digits, for JSON.

    Args:
        model: A network with bistable layers `layer_1`, `layer_2` and so on.
        layers: How many.
        sample: One sequence of flags and data, `(1, steps, 2)`.
    """
    found: dict[str, Any] = {SHARE: [], UPDATE: []}
    sequences = sample
    for index in range(1, layers + 1):
        trace = trace_gates(model.get_layer(f"layer_{index}"), sequences)
        found[SHARE].append([round(float(x), 4) for x in trace.bistable_share])
        found[UPDATE].append([round(float(x), 4) for x in trace.mean_update])
        sequences = trace.states
    return {**found, MARKS: np.flatnonzero(sample[0, :, 0] == 1).tolist()}


def draw(axes: Any, kept: dict[str, Any]) -> None:
    """Draws what `record` kept on two axes; grey lines are the marked steps."""
    unknown = np.empty((0, 0, 0))
    traces = {
        f"layer {index}": GateTrace(
            unknown, unknown, unknown, np.array(share), np.array(update)
        )
        for index, (share, update) in enumerate(
            zip(kept[SHARE], kept[UPDATE], strict=True), 1
        )
    }
    plotting.plot_gates(traces, axes)
    for panel in axes:
        for mark in kept[MARKS]:
            panel.axvline(mark, color="0.75", linewidth=0.8, zorder=0)
