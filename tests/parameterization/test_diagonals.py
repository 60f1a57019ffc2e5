"""The adapted diagonals of a model, against the equations in NumPy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.parameterization import adapted_diagonals
from tests import oracle
from tests.gradients import as_float64
from tests.parameterization.oracle import (
    adaptive_step,
    diagonals,
    latent,
    stacked_step,
)

RANDOM = np.random.default_rng(0)
MASK = np.array([[1, 1, 1], [1, 0, 1]], bool)


def random_weights(layer: Any) -> list[np.ndarray]:
    layer.set_weights([RANDOM.normal(size=w.shape) for w in layer.weights])
    return [as_float64(w) for w in layer.weights]


@pytest.mark.parametrize("policy", ["recurrent", "static"])
def test_lstm_over_time_and_dense(policy: str) -> None:
    lstm = keras_modact.AdaptiveLSTM(2, 3, policy=policy, adaptation="output")
    dense = keras_modact.AdaptiveDense(4, adaptation="io", policy_units=2)
    model = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.Masking(9.0), lstm, dense]
    )
    weights, of_dense = random_weights(lstm), random_weights(dense)
    x = RANDOM.normal(size=(2, 3, 2)).astype("float32")
    x[~MASK] = 9.0
    found = adapted_diagonals(model, x)
    assert list(found) == [lstm.name, dense.name]

    kernel, recurrent, bias, policy_kernel, *rest, policy_bias, adapting = weights
    # The oracle has columns for all diagonals.
    full = np.concatenate([np.zeros((3, 4)), adapting], axis=-1)
    own = [kernel, recurrent, bias, policy_kernel, *rest, policy_bias, full]

    def step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        new = adaptive_step(x, states[1:], own, policy, "output")
        v = np.concatenate([x, states[1]], axis=-1)
        z = new[2] if new[2:] else np.maximum(v @ policy_kernel + policy_bias, 0)
        return [np.tanh(z @ adapting), *new]

    sizes = [2, 2, 3, 3] if policy == "recurrent" else [2, 2]
    start = [np.zeros((2, size)) for size in (24, *sizes)]
    expected, last = oracle.run(step, x, start, MASK)
    expected[~MASK] = np.nan
    seen = found[lstm.name]
    assert seen[:2] == (None, None)
    got = np.concatenate([seen.input_gates, seen.state_gates, seen.bias], axis=-1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)

    *_, p_kernel, p_bias, u = of_dense
    z = latent(last[1], "relu", p_kernel, p_bias)
    for array, wanted in zip(
        found[dense.name], diagonals(z, u, [2, 4, 4], False), strict=True
    ):
        np.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-5)


def test_stack_of_lstms() -> None:
    """Of each layer by its own z of the step, as equation 10 has it."""
    stack = keras_modact.StackedAdaptiveLSTM((3, 2), 2, adapt_bias=False)
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Masking(9.0), stack])
    weights = random_weights(stack)
    x = RANDOM.normal(size=(2, 3, 2)).astype("float32")
    x[~MASK] = 9.0
    found = adapted_diagonals(model, x)[stack.name]

    def step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        of_layers = []
        for first in (0, 7):
            *others, adapting = weights[first : first + 7]
            unit = np.zeros((2, 4 * others[1].shape[0]))  # the bias' diagonal
            of_layers.append([*others, np.concatenate([adapting, unit], axis=-1)])
        new = stacked_step(x, states[1:], of_layers, adapt_bias=False)
        z = new[4], new[6]
        pi = [np.tanh(z[n] @ weights[7 * n + 6]) for n in range(2)]
        return [np.concatenate(pi, axis=-1), *new]

    assert [part.shape[-1] for part in found[0] if part is not None] == [2, 3, 12, 12]
    assert [part.shape[-1] for part in found[1] if part is not None] == [3, 2, 8, 8]
    start = [np.zeros((2, n)) for n in (29 + 21, 2, 2, 3, 3, *[2] * 4)]
    expected, _ = oracle.run(step, x, start, MASK)
    expected[~MASK] = np.nan
    got = np.concatenate([d for one in found for d in one if d is not None], axis=-1)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_model_without_them() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="has no AdaptiveDense, AdaptiveConv2D"):
        adapted_diagonals(model, np.zeros((1, 4)))
