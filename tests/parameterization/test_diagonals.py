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
from tests.parameterization.oracle import adaptive_step, diagonals, latent

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


def test_model_without_them() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="has no AdaptiveDense, AdaptiveConv2D or"):
        adapted_diagonals(model, np.zeros((1, 4)))
