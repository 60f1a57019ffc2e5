"""Every dtype policy: dtypes of outputs, and values near those of float32."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.gradients import as_float64, differentiate
from tests.layer_table import ROWS, Row, row_id

# The compute dtype of each policy, and how far from float32 its outputs may be.
POLICIES = {
    "float32": ("float32", "float32", 1e-6),
    "float16": ("float16", "float16", 1e-2),
    "bfloat16": ("bfloat16", "bfloat16", 8e-2),
    "mixed_float16": ("float16", "float32", 1e-2),
    "mixed_bfloat16": ("bfloat16", "float32", 8e-2),
    "float64": ("float64", "float64", 1e-6),
}
# Where `keras.layers.Conv2D` fails on TensorFlow's CPU with channels_first.
NO_CHANNELS_FIRST = ("float16", "float64")
# Where the gradient of `keras.layers.Conv2D(1, 3)` fails on torch's CPU.
NO_SINGLE_FILTER = ("float16", "float64")


def policies() -> list:
    return [
        pytest.param(p, marks=pytest.mark.float64 if p == "float64" else ())
        for p in POLICIES
    ]


@pytest.mark.parametrize("policy", policies())
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_policy(row: Row, policy: str) -> None:
    compute, stored, tolerance = POLICIES[policy]
    tensorflow = keras.backend.backend() == "tensorflow"
    if tensorflow and compute in NO_CHANNELS_FIRST and "Conv_channels" in row.name:
        pytest.skip("Conv2D has no channels_first in this dtype on TensorFlow's CPU")
    torch = keras.backend.backend() == "torch"
    if torch and compute in NO_SINGLE_FILTER and row.name == "Modulated_convolution":
        pytest.skip("Conv2D(1, ...) has no gradient in this dtype on torch's CPU")
    reference = row.layer(dtype="float32")
    x = np.random.default_rng(0).normal(size=(3, *row.input_shape)).astype("float32")
    expected = as_float64(reference(x))
    layer = in_policy(row, policy)
    layer.build(x.shape)
    layer.set_weights(reference.get_weights())
    inputs = keras.ops.cast(x, compute)
    outputs = layer(inputs)
    assert keras.backend.standardize_dtype(outputs.dtype) == compute
    assert {w.dtype for w in layer.trainable_weights} <= {stored}
    np.testing.assert_allclose(as_float64(outputs), expected, atol=tolerance)
    result = differentiate(layer, [inputs], [np.ones(expected.shape)])
    for gradient in result.weights + result.inputs:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_stateless_call_in_a_mixed_policy(row: Row) -> None:
    """Keras' `stateless_call` calls a layer without the casts of `__call__`."""
    layer = in_policy(row, "mixed_bfloat16")
    x = keras.ops.cast(row.batch(), "bfloat16")
    expected = as_float64(layer(x))
    outputs, _ = layer.stateless_call(
        layer.trainable_variables, layer.non_trainable_variables, x
    )
    np.testing.assert_array_equal(as_float64(outputs), expected)


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_whole_numbers_are_taken_for_floats(row: Row, dtype: str) -> None:
    layer = row.layer()
    numbers = np.random.default_rng(0).integers(0, 5, (2, *row.input_shape))
    outputs = layer(numbers.astype(dtype))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    expected = as_float64(layer(numbers.astype("float32")))
    np.testing.assert_allclose(as_float64(outputs), expected, rtol=1e-5, atol=1e-6)


def in_policy(row: Row, policy: str) -> keras.layers.Layer:
    """A layer of the row, a cell's wrapper included, under a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return row.layer()
    finally:
        keras.config.set_dtype_policy(before)
