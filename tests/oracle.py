"""What the oracles of all rooms share: NumPy float64, no Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def run(
    step: Callable[[np.ndarray, list[np.ndarray]], list[np.ndarray]],
    sequences: np.ndarray,
    states: Sequence[np.ndarray],
    mask: np.ndarray | None = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Runs a step over time: all outputs in order of computation, last states.

    A masked step leaves the states as they are and repeats the first of them.
    """
    states = list(states)
    outputs = []
    times = range(sequences.shape[1])
    for t in reversed(times) if go_backwards else times:
        new_states = step(sequences[:, t], states)
        if mask is not None:
            valid = mask[:, t]
            new_states = [
                np.where(valid.reshape(-1, *[1] * (old.ndim - 1)), new, old)
                for new, old in zip(new_states, states, strict=True)
            ]
        states = new_states
        output = states[0]
        if mask is not None and zero_output_for_mask:
            output = np.where(mask[:, t, None], output, 0)
        outputs.append(output)
    return np.stack(outputs, axis=1), states


def central_differences(
    function: Callable[[list[np.ndarray]], float],
    arrays: Sequence[np.ndarray],
    width: float = 1e-6,
) -> list[np.ndarray]:
    """The gradient of a scalar function by each element of each array."""
    arrays = [np.array(array, "float64") for array in arrays]
    gradients = []
    for array in arrays:
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            kept = array[index]
            array[index] = kept + width
            above = function(arrays)
            array[index] = kept - width
            below = function(arrays)
            array[index] = kept
            gradient[index] = (above - below) / (2 * width)
        gradients.append(gradient)
    return gradients
