"""The arithmetic of steps and derivatives, by NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from keras_modact.recurrence import arithmetic
from tests.gradients import as_float64

DTYPES = ["bfloat16", "float32", pytest.param("float64", marks=pytest.mark.float64)]
DIGITS = {"bfloat16": 2e-2, "float32": 2e-6, "float64": 1e-14}
RANDOM = np.random.default_rng(0)
X, Y, Z = RANDOM.normal(size=(3, 4, 5, 6))
SHARE = RANDOM.uniform(size=(4, 5, 6))


def tensor(x: np.ndarray, dtype: str) -> arithmetic.Tensor:
    return keras.ops.convert_to_tensor(x, dtype=dtype)


def check(
    function: Callable, reference: Callable, dtype: str, *arguments: np.ndarray
) -> None:
    """Compares a function with a reference at the arguments as the dtype has them."""
    tensors = [tensor(x, dtype) for x in arguments]
    result = function(*tensors)
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    expected = reference(*map(as_float64, tensors))
    assert tuple(result.shape) == expected.shape
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        as_float64(result), expected, rtol=0, atol=DIGITS[dtype] * scale
    )


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_element_by_element(dtype: str) -> None:
    check(arithmetic.sigmoid, sigmoid, dtype, X)
    check(arithmetic.tanh, np.tanh, dtype, X)
    check(arithmetic.multiply_add, lambda x, y, z: x * y + z, dtype, X, Y, Z)
    check(
        lambda x, y, z: arithmetic.multiply_add(x, y, z, 2),
        lambda x, y, z: 2 * x * y + z,
        dtype,
        *(X, Y[0, 0], Z),
    )
    check(
        arithmetic.interpolate,
        lambda x, y, share: (1 - share) * x + share * y,
        dtype,
        *(X, Y, SHARE),
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives(dtype: str) -> None:
    """From what a function gave; the derivatives by its argument are known."""
    check(arithmetic.before_sigmoid, lambda y, d: d * y * (1 - y), dtype, *(SHARE, Y))
    check(arithmetic.before_tanh, lambda y, d: d * (1 - y * y), dtype, *(np.tanh(X), Y))


@pytest.mark.parametrize("dtype", DTYPES)
def test_sums_and_products(dtype: str) -> None:
    check(arithmetic.sum_but_last, lambda x: x.sum((0, 1)), dtype, X)
    check(
        arithmetic.outer_sum,
        lambda x, y: np.einsum("tbi,tbj->ij", x, y),
        dtype,
        *(X[..., :2], Y),
    )
    check(arithmetic.matmul_transposed, lambda x, w: x @ w.T, dtype, *(X, Y[0]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_axes(dtype: str) -> None:
    check(arithmetic.rows, lambda x: x.reshape(20, 6), dtype, X)
    check(arithmetic.transpose, np.transpose, dtype, X[0])
    check(
        lambda x, y: arithmetic.concatenate([x, y]),
        lambda x, y: np.concatenate([x, y], axis=-1),
        dtype,
        *(X, Y),
    )
    check(lambda x: arithmetic.stack(list(arithmetic.unstack(x))), np.array, dtype, X)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_closed_gate_keeps_every_digit(dtype: str) -> None:
    """A bistable unit with c = 1 keeps its state, for any number of steps."""
    x, y = tensor(X, dtype), tensor(Y, dtype)
    zeros, ones = keras.ops.zeros_like(x), keras.ops.ones_like(x)
    np.testing.assert_array_equal(
        as_float64(arithmetic.interpolate(x, y, ones)), as_float64(y)
    )
    np.testing.assert_array_equal(
        as_float64(arithmetic.interpolate(x, y, zeros)), as_float64(x)
    )
