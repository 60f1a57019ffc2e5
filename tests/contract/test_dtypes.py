"""Dtype policies: dtypes of outputs, and values near those of float32.

Only here shows: a constant, an initial state or a random mask with a dtype of its
own; a weight that is not cast where a layer computes in fewer digits; a number
that float16 does not hold.
"""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.gradients import as_float64, differentiate
from tests.layer_table import LAYER_ROWS, RECURRENT_CLASSES, Row, first_rows, row_id

# The compute dtype of each policy, and how far from float32 its outputs may be. The
# range of float16 in a mixed one, the digits of bfloat16 in one that is not; in
# float64 each room compares with its equations.
POLICIES = {
    "mixed_float16": ("float16", "float32", 1e-2),
    "bfloat16": ("bfloat16", "bfloat16", 8e-2),
}

# One recurrent layer and one other of each. Weights in half precision are a matter of
# each room's helpers.
OF_EACH_ROOM = {
    (row.cls.__module__.split(".")[1], row.is_recurrent): row for row in LAYER_ROWS
}.values()
CASES = [
    *((row, "mixed_float16") for row in LAYER_ROWS),
    *((row, "bfloat16") for row in OF_EACH_ROOM),
]


@pytest.mark.parametrize(
    ("row", "policy"), CASES, ids=[f"{row.name}-{policy}" for row, policy in CASES]
)
def test_policy(row: Row, policy: str) -> None:
    compute, stored, tolerance = POLICIES[policy]
    reference = row.layer(dtype="float32")
    x = row.batch()
    expected = as_float64(reference(x))
    layer = in_policy(row, policy)
    layer.build(x.shape)
    layer.set_weights(reference.get_weights())
    inputs = keras.ops.cast(x, compute)
    result = differentiate(layer, [inputs], [np.ones(expected.shape)])
    assert result.dtypes == [compute]
    assert {w.dtype for w in layer.trainable_weights} <= {stored}
    np.testing.assert_allclose(result.outputs[0], expected, atol=tolerance)
    for gradient in result.weights + result.inputs:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("row", LAYER_ROWS, ids=row_id)
def test_stateless_call_in_a_mixed_policy(row: Row) -> None:
    """Keras' `stateless_call` calls a layer without the casts of `__call__`."""
    layer = in_policy(row, "mixed_bfloat16")
    x = keras.ops.cast(row.batch(), "bfloat16")
    called = layer(x)
    assert keras.backend.standardize_dtype(called.dtype) == "bfloat16"
    outputs, _ = layer.stateless_call(
        layer.trainable_variables, layer.non_trainable_variables, x
    )
    np.testing.assert_array_equal(as_float64(outputs), as_float64(called))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_initial_states(row: Row) -> None:
    """A loop of the user's own starts from them; Keras' casts them."""
    states = in_policy(row, "mixed_bfloat16").cell.get_initial_state(2)
    dtypes = {keras.backend.standardize_dtype(state.dtype) for state in states}
    assert dtypes == {"bfloat16"}


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_whole_numbers_are_taken_for_floats(row: Row) -> None:
    layer = row.layer()
    numbers = np.random.default_rng(0).integers(0, 5, (3, *row.input_shape))
    outputs = layer(numbers.astype("int32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    expected = as_float64(layer(numbers.astype("float32")))
    np.testing.assert_allclose(as_float64(outputs), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", LAYER_ROWS, ids=row_id)
def test_the_dtype_of_the_symbolic_call(row: Row) -> None:
    """Of Booleans in a mixed policy, which Keras does not cast by itself."""
    layer = in_policy(row, "mixed_float16")
    numbers = np.random.default_rng(0).integers(0, 2, (2, *row.input_shape))
    outputs = layer(keras.ops.convert_to_tensor(numbers, "bool"))
    said = layer(keras.Input(row.input_shape, dtype="bool")).dtype
    assert keras.backend.standardize_dtype(outputs.dtype) == said == "float16"


def in_policy(row: Row, policy: str) -> keras.layers.Layer:
    """A layer of the row, a cell's wrapper included, under a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return row.layer()
    finally:
        keras.config.set_dtype_policy(before)
