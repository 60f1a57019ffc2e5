"""NegLU and smooth NegLU against the thesis, in every dtype."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate
from tests.rectification import oracle

# Half a unit in the last place of 1.
ROUNDING = {
    "float16": 2.0**-11,
    "bfloat16": 2.0**-8,
    "float32": 2.0**-24,
    "float64": 2.0**-53,
}
LARGEST = {"float16": 6e4, "bfloat16": 3e38, "float32": 3e38, "float64": 1e308}
SMALLEST = {"float16": 6e-5, "bfloat16": 1e-37, "float32": 1e-37, "float64": 1e-307}
DTYPES = [
    pytest.param(d, marks=pytest.mark.float64 if d == "float64" else ())
    for d in ROUNDING
]


def points(dtype: str) -> np.ndarray:
    """From the largest negative number to the largest, and 0, as stored."""
    large = np.logspace(np.log10(SMALLEST[dtype]), np.log10(LARGEST[dtype]), 300)
    moderate = np.linspace(-20, 20, 401)
    x = np.concatenate([-large, [0.0], large, moderate])
    return as_float64(keras.ops.cast(keras.ops.convert_to_tensor(x, dtype), dtype))


def value_and_derivative(
    layer: keras.layers.Layer, x: np.ndarray, dtype: str
) -> tuple[np.ndarray, np.ndarray]:
    inputs = keras.ops.convert_to_tensor(x, dtype)
    result = differentiate(layer, [inputs], [np.ones(x.shape)])
    assert keras.backend.standardize_dtype(layer(inputs).dtype) == dtype
    return result.outputs[0], result.inputs[0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_neglu(dtype: str) -> None:
    x = points(dtype)
    value, derivative = value_and_derivative(keras_modact.NegLU(dtype=dtype), x, dtype)
    np.testing.assert_array_equal(value, oracle.neglu(x))
    np.testing.assert_array_equal(derivative, oracle.neglu_derivative(x))
    assert not derivative[x == 0].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_smooth_neglu(dtype: str) -> None:
    """Finite everywhere, right to a few roundings, the derivative too."""
    x = points(dtype)
    layer = keras_modact.NegLU(smooth=True, dtype=dtype)
    value, derivative = value_and_derivative(layer, x, dtype)
    # JAX' own derivative of softplus is e^(x - softplus), |x| roundings off.
    allowed = (8 + np.minimum(np.abs(x), 750)) * ROUNDING[dtype]
    expected = oracle.smooth_neglu(x), oracle.smooth_neglu_derivative(x)
    for found, true, roundings in (
        (value, expected[0], 8 * ROUNDING[dtype]),
        (derivative, expected[1], allowed),
    ):
        error = np.abs(found - true)
        assert (error <= roundings * np.abs(true) + SMALLEST[dtype]).all()
    assert (derivative[x < -1e3] == 1).all()
    assert (derivative[x > 1e3] == 0).all()


def test_smooth_neglu_lies_ln_2_below_at_0() -> None:
    value = as_float64(keras_modact.smooth_neglu(np.zeros(1, "float32")))
    assert value[0] == pytest.approx(-np.log(2), abs=1e-7)


@pytest.mark.parametrize("function", [keras_modact.neglu, keras_modact.smooth_neglu])
def test_as_an_activation_it_is_saved_and_loaded(function, tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(64, activation=function)]
    )
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    before = model.predict(x, verbose=0)
    assert before.max() <= 0
    assert before.min() < 0
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].activation is function
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), before)
    name = keras.saving.get_registered_name(function)
    assert name == f"keras_modact>{function.__name__}"


@pytest.mark.parametrize("function", [keras_modact.neglu, keras_modact.smooth_neglu])
def test_function_of_a_symbolic_tensor(function) -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, function(inputs))
    x = np.array([[-2.0, 0.0, 3.0]], "float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), as_float64(function(x)), atol=1e-6
    )
