"""A cell with several states, one of them a matrix, as later rooms will have.

The cell is made up: h' = tanh(x + mean(M)), M' = M / 2 with h' in its first
column. It shows that the base takes any number of states of any rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from keras_modact.recurrence import RecurrentCell, RecurrentLayer
from tests import oracle
from tests.gradients import as_float64

UNITS = 3
X = np.random.default_rng(0).normal(size=(2, 5, UNITS)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 0]], bool)


class MemoryCell(RecurrentCell):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size = [units, (units, 2)]

    def build(self, input_shape: Sequence[int | None]) -> None:
        shape = (self.checked_features(input_shape), self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape)

    def project(self, inputs: Any) -> Any:
        return inputs

    def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
        _, memory = states
        h = ops.tanh(projected + ops.mean(memory, axis=-1))
        return [h, ops.stack([h, memory[..., 1] / 2], axis=-1)]


class Memory(RecurrentLayer):
    cell_class = MemoryCell


def numpy_step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
    _, memory = states
    h = np.tanh(x + memory.mean(axis=-1))
    return [h, np.stack([h, memory[..., 1] / 2], axis=-1)]


def expected(
    x: np.ndarray, h: np.ndarray, memory: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The oracle's loop, which masks matrices, on the memory laid out flat."""

    def flat(x_t: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        matrix = states[1].reshape(-1, UNITS, 2)
        new_h, new_memory = numpy_step(x_t, [states[0], matrix])
        return [new_h, new_memory.reshape(-1, 2 * UNITS)]

    outputs, (last_h, last_memory) = oracle.run(
        flat, x, [h, memory.reshape(-1, 2 * UNITS)], mask
    )
    return outputs, [last_h, last_memory.reshape(-1, UNITS, 2)]


@pytest.mark.parametrize("unroll", [False, True])
def test_masks_and_initial_states(unroll: bool) -> None:
    random = np.random.default_rng(1)
    h = random.normal(size=(2, UNITS)).astype("float32")
    memory = random.normal(size=(2, UNITS, 2)).astype("float32")
    layer = Memory(UNITS, return_sequences=True, return_state=True, unroll=unroll)
    outputs, *states = layer(X, initial_state=[h, memory], mask=MASK)
    wanted, last = expected(X, h, memory, MASK)
    np.testing.assert_allclose(as_float64(outputs), wanted, rtol=1e-5, atol=1e-6)
    for got, want in zip(states, last, strict=True):
        np.testing.assert_allclose(as_float64(got), want, rtol=1e-5, atol=1e-6)


def test_shapes() -> None:
    layer = Memory(UNITS, return_state=True)
    symbolic = layer(keras.Input((None, UNITS)))
    assert [s.shape for s in symbolic] == [
        (None, UNITS),
        (None, UNITS),
        (None, UNITS, 2),
    ]
    with pytest.raises(ValueError, match=r"`initial_state` of shape"):
        layer(X, initial_state=[np.zeros((2, UNITS))] * 2)


def test_in_a_keras_rnn() -> None:
    """Keras takes a size with several axes for several states; a mask has one."""
    layer = Memory(UNITS, return_state=True)
    _, h, memory = layer(X, mask=MASK)
    inputs, valid = keras.Input((5, UNITS)), keras.Input((5,), dtype="bool")
    plain = keras.layers.RNN(
        MemoryCell(UNITS), return_state=True, zero_output_for_mask=True
    )
    plain.build(X.shape)
    plain.set_weights(layer.get_weights())
    model = keras.Model([inputs, valid], plain(inputs, mask=valid))
    _, plain_h, plain_memory = model.predict([X, MASK], verbose=0)
    np.testing.assert_allclose(plain_h, as_float64(h), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        plain_memory.reshape(memory.shape), as_float64(memory), rtol=1e-5, atol=1e-6
    )


def test_in_a_loop_of_ones_own() -> None:
    cell = MemoryCell(UNITS)
    states = [np.full((2, UNITS), 0.5), np.full((2, UNITS, 2), 0.25)]
    states = [ops.convert_to_tensor(state, "float32") for state in states]
    _, (_, memory) = cell(X[:, 0], states)
    flat = [states[0], ops.reshape(states[1], (2, 2 * UNITS))]
    _, (_, flat_memory) = cell(X[:, 0], flat)
    assert memory.shape == (2, UNITS, 2)
    np.testing.assert_array_equal(
        as_float64(flat_memory), as_float64(memory).reshape(2, -1)
    )


def test_stateful() -> None:
    inputs = keras.Input((None, UNITS), batch_size=2)
    layer = Memory(UNITS, stateful=True, return_sequences=True)
    model = keras.Model(inputs, layer(inputs))
    parts = [
        model.predict(part, batch_size=2, verbose=0) for part in (X[:, :2], X[:, 2:])
    ]
    zeros = np.zeros((2, UNITS)), np.zeros((2, UNITS, 2))
    wanted, last = expected(X, *zeros, np.ones_like(MASK))
    np.testing.assert_allclose(
        np.concatenate(parts, axis=1), wanted, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        as_float64(layer.states[1]), last[1], rtol=1e-5, atol=1e-6
    )
