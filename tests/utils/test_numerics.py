"""The functions that keep float64."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_modact.utils import numerics
from tests.gradients import as_float64, differentiate

X = np.array([-1e30, -800.0, -25.0, -3.0, -1e-9, 0.0, 1e-300, 0.5, 19.9, 40.0, 1e30])


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.float64)]
)
def test_tanh(dtype: str) -> None:
    x = X.astype(dtype)
    y = numerics.tanh(keras.ops.convert_to_tensor(x, dtype=dtype))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    digits = 2e-15 if dtype == "float64" else 4e-7
    np.testing.assert_allclose(as_float64(y), np.tanh(x), rtol=digits)


@pytest.mark.float64
def test_tanh_derivative() -> None:
    layer = keras.layers.Lambda(numerics.tanh, dtype="float64")
    result = differentiate(layer, [X], [np.ones(X.shape)])
    np.testing.assert_allclose(result.inputs[0], 1 - np.tanh(X) ** 2, atol=4e-15)


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.float64)]
)
def test_cos_and_sin(dtype: str) -> None:
    x = np.linspace(-7, 7, 29).astype(dtype)
    digits = 4e-16 if dtype == "float64" else 2e-7
    layer = keras.layers.Lambda(numerics.cos_and_sin, dtype=dtype)
    result = differentiate(layer, [x], [np.ones(x.shape), 2 * np.ones(x.shape)])
    np.testing.assert_allclose(result.outputs, [np.cos(x), np.sin(x)], atol=digits)
    want = 2 * np.cos(x) - np.sin(x)
    np.testing.assert_allclose(result.inputs[0], want, atol=4 * digits)


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.float64)]
)
@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 3)])
def test_matmul(shape: tuple[int, ...], dtype: str) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=shape).astype(dtype)
    kernel = keras.Variable(random.normal(size=(3, 5)), dtype=dtype)
    y = numerics.matmul(keras.ops.convert_to_tensor(x, dtype=dtype), kernel)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    tolerance = 1e-15 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(as_float64(y), x @ as_float64(kernel), atol=tolerance)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", pytest.param("float64", marks=pytest.mark.float64)]
)
def test_mean(dtype: str) -> None:
    x = np.random.default_rng(0).normal(10, 1, size=(2, 100, 200, 3)).astype(dtype)
    y = numerics.mean(keras.ops.convert_to_tensor(x, dtype=dtype), axis=(1, 2))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    digits = {"float16": 1e-3, "float32": 1e-5, "float64": 1e-13}[dtype]
    expected = x.astype("float64").mean(axis=(1, 2))
    np.testing.assert_allclose(as_float64(y), expected, rtol=digits)


@pytest.mark.parametrize(
    "dtype", ["bfloat16", pytest.param("float64", marks=pytest.mark.float64)]
)
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_activate_keeps_the_dtype_and_the_digits(name: str, dtype: str) -> None:
    x = keras.ops.convert_to_tensor([-3.0, 0.1, 2.0], dtype=dtype)
    y = numerics.activate(keras.activations.get(name), x)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    half = as_float64(x) if name == "tanh" else as_float64(x) / 2
    expected = np.tanh(half) if name == "tanh" else (1 + np.tanh(half)) / 2
    tolerance = 1e-15 if dtype == "float64" else 1e-2
    np.testing.assert_allclose(as_float64(y), expected, rtol=tolerance)
