"""What happens inside a recurrent layer of a model, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.recurrence import loop
from keras_modact.utils.layers import Recorded
from keras_modact.utils.validation import Tensor

Look = Callable[[Tensor, Sequence[Tensor], Sequence[Tensor]], Tensor]
"""From a step's input, and the states before and after it, to what is to be seen."""


def observe(call: Recorded, look: Look) -> np.ndarray:
    """Runs a recorded call of a layer again, by the reference loop.

    Args:
        call: A call of a `RecurrentLayer`, or of a `keras.layers.RNN` over one of the
            package's cells.
        look: What is to be seen of each step, `(batch, size)`.

    Returns:
        NumPy float64 array `(batch, time, size)`, in the order in which the layer
        runs; NaN at masked steps.
    """
    layer, cell = call.layer, call.layer.cell
    sequences = ops.convert_to_tensor(call.arguments["sequences"], cell.compute_dtype)
    start = call.arguments.get("initial_state")
    if start is None:
        start = layer.get_initial_state(ops.shape(sequences)[0])
    start = keras.tree.flatten(start)
    mask = call.arguments.get("mask")
    mask = None if mask is None else loop.as_mask(keras.tree.flatten(mask)[0])
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
        if mask is not None:
            mask = ops.flip(mask, axis=1)

    def step(inputs: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        before = states[1:]
        after = cell.step(cell.project(inputs), before)
        return [look(inputs, before, after), *after]

    nothing = ops.zeros_like(step(sequences[:, 0], [sequences, *start])[0])
    seen = as_float64(loop.run(step, sequences, [nothing, *start], mask)[0])
    if mask is not None:
        seen[~np.asarray(ops.convert_to_numpy(mask), bool)] = np.nan
    return seen


def as_float64(tensor: Any) -> np.ndarray:
    """A float64 copy, also of a dtype that NumPy does not have."""
    return np.array(ops.convert_to_numpy(tensor)).astype("float64")
