"""A layer on each of its paths, with everything that has a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tests.gradients import Differentiated, differentiate
from tests.row import Row

TIME = 19  # more than a block of steps on any backend, and no multiple of one
MASK = np.ones((4, TIME), bool)
MASK[0, :3] = MASK[1, -5:] = MASK[2, ::2] = MASK[3] = False


class Called(keras.layers.Layer):
    """A layer of its sequences and states, all differentiated."""

    def __init__(self, layer: Any, **call_arguments: Any) -> None:
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer
        self.call_arguments = call_arguments
        self.built = True

    def call(self, sequences: Any, *states: Any) -> Any:
        return self.layer(sequences, initial_state=list(states), **self.call_arguments)


def made(row: Row, features: int, **overrides: Any) -> Any:
    """A built layer of a row, every weight away from its first value."""
    layer = row.layer(
        **{
            "return_state": True,
            "return_sequences": True,
            "go_backwards": False,
            **overrides,
        }
    )
    layer.build((None, None, features))
    random = np.random.default_rng(5)
    layer.set_weights(
        [
            keras.ops.convert_to_numpy(w) + random.normal(0, 0.2, w.shape)
            for w in layer.weights
        ]
    )
    return layer


def arguments(row: Row, layer: Any, dtype: str = "float64") -> list[np.ndarray]:
    """Sequences and initial states."""
    random = np.random.default_rng(6)
    states = layer.get_initial_state(len(MASK))
    x = random.normal(size=(len(MASK), TIME, row.input_shape[-1]))
    return [
        array.astype(dtype)
        for array in (x, *(random.uniform(-0.5, 0.5, s.shape) for s in states))
    ]


def on_path(
    name: str | None, layer: Any, given: Sequence[np.ndarray], **call_arguments: Any
) -> Differentiated:
    """Outputs and all gradients on a path, which must be the one that ran."""
    layer.acceleration = name
    shapes = [s.shape for s in keras.tree.flatten(layer(given[0]))]
    random = np.random.default_rng(7)
    cotangents = [random.normal(size=shape) for shape in shapes]
    result = differentiate(Called(layer, **call_arguments), given, cotangents)
    assert name in (None, layer.last_path)
    return result


def flat(result: Differentiated) -> list[np.ndarray]:
    return [*result.outputs, *result.weights, *result.inputs]
