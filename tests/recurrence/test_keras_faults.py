"""What a bare cell in `keras.layers.RNN` inherits from Keras, fault by fault.

Our layers do better (`test_masks.py`, `test_stateful.py`, `test_numerics.py`).
Each test here says what would be right and is a strict xfail where Keras gets it
wrong, so that its repair is noticed and the README's limits can be shortened.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64

BACKEND = keras.backend.backend()
X = np.random.default_rng(0).normal(size=(1, 4, 2)).astype("float32")
H = np.full((1, 3), 0.5, "float32")
FIRST_MASKED = np.array([[False, True, True, True]])
LAST_MASKED = np.array([[True, True, True, False]])


def wrong_on(*backends: str, reason: str) -> Any:
    return pytest.mark.xfail(BACKEND in backends, reason=reason, strict=True)


def rnn(**options: Any) -> keras.layers.RNN:
    layer = keras.layers.RNN(keras_modact.BRCCell(3), return_sequences=True, **options)
    layer.build(X.shape)
    return layer


@wrong_on("tensorflow", "torch", reason="the output before the first step is zeros")
def test_masked_first_step_outputs_the_initial_state() -> None:
    outputs = as_float64(rnn()(X, initial_state=H, mask=FIRST_MASKED))
    np.testing.assert_array_equal(outputs[:, 0], H)


@wrong_on("tensorflow", "jax", "torch", reason="the same, in the unrolled loop")
def test_masked_first_step_unrolled() -> None:
    outputs = as_float64(rnn(unroll=True)(X, initial_state=H, mask=FIRST_MASKED))
    np.testing.assert_array_equal(outputs[:, 0], H)


@wrong_on("jax", reason="the unrolled loop does not read zero_output_for_mask")
def test_zero_output_for_mask_unrolled() -> None:
    layer = rnn(unroll=True, zero_output_for_mask=True)
    outputs = as_float64(layer(X, mask=LAST_MASKED))
    np.testing.assert_array_equal(outputs[:, 3], 0)


@wrong_on("tensorflow", reason="zeroes by the mask in the order of the inputs")
@wrong_on("jax", reason="the unrolled loop does not read zero_output_for_mask")
@wrong_on("torch", reason="TypeError: flips a tuple of tensors")
def test_zero_output_for_mask_unrolled_backwards() -> None:
    layer = rnn(unroll=True, zero_output_for_mask=True, go_backwards=True)
    outputs = as_float64(layer(X, mask=np.array([[True, True, False, True]])))
    assert (np.abs(outputs[0]).max(axis=-1) > 0).tolist() == [True, False, True, True]


@wrong_on("jax", reason="Keras does not track the states as variables")
def test_stateful_prediction_goes_on() -> None:
    inputs = keras.Input((4, 2), batch_size=1)
    model = keras.Model(inputs, rnn(stateful=True)(inputs))
    first = model.predict(X, verbose=0)
    assert np.abs(model.predict(X, verbose=0) - first).max() > 1e-3


@pytest.mark.float64
@wrong_on("torch", reason="keras-team/keras#23704")
def test_matmul_keeps_float64() -> None:
    x = keras.ops.ones((2, 2), dtype="float64")
    product = keras.ops.matmul(x, x)
    assert keras.backend.standardize_dtype(product.dtype) == "float64"


@pytest.mark.float64
@wrong_on("jax", reason="keras-team/keras#23704")
def test_tanh_keeps_float64() -> None:
    y = keras.ops.tanh(keras.ops.ones((2,), dtype="float64"))
    assert keras.backend.standardize_dtype(y.dtype) == "float64"
