"""tanhshrink: values and derivatives everywhere, and its name."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.modulation.tanhshrink import modulator_activation
from tests.gradients import as_float64, differentiate


class Shrink(keras.layers.Layer):
    """tanhshrink as a layer, to be differentiated."""

    def call(self, x: object) -> object:
        return keras_modact.tanhshrink(x)


# From 0 through the seam of the two formulas at 1 to where tanh is 1.
POINTS = np.array([1e-6, 1e-3, 0.05, 0.5, 0.999, 1.0, 1.001, 1.5, 4.0, 30.0])
POINTS = np.concatenate([-POINTS, [0.0], POINTS])


def exact(x: float) -> float:
    """By x - tanh(x) = sum over k of 2k / (2k + 1)! x^(2k + 1) / cosh(x)."""
    if abs(x) > 2:
        return x - math.tanh(x)
    terms = [2 * k / math.factorial(2 * k + 1) * x ** (2 * k + 1) for k in range(1, 25)]
    return math.fsum(terms) / math.cosh(x)


def test_values_and_derivatives() -> None:
    x = POINTS.astype("float32")
    result = differentiate(Shrink(), [x], [np.ones(x.shape)])
    expected = [exact(float(v)) for v in x]
    np.testing.assert_allclose(result.outputs[0], expected, rtol=5e-7, atol=1e-30)
    slopes = np.tanh(x.astype("float64")) ** 2
    np.testing.assert_allclose(result.inputs[0], slopes, rtol=5e-6, atol=1e-30)


@pytest.mark.float64
def test_values_and_derivatives_in_float64() -> None:
    result = differentiate(Shrink(dtype="float64"), [POINTS], [np.ones(POINTS.shape)])
    expected = [exact(v) for v in POINTS]
    np.testing.assert_allclose(result.outputs[0], expected, rtol=2e-15, atol=1e-30)
    slopes = np.tanh(POINTS) ** 2
    np.testing.assert_allclose(result.inputs[0], slopes, rtol=1e-13, atol=1e-30)


def test_far_values_and_not_a_number() -> None:
    x = np.array([np.inf, -np.inf, np.nan, 1e30], "float32")
    result = differentiate(Shrink(), [x], [np.ones(x.shape)])
    np.testing.assert_array_equal(result.outputs[0], x.astype("float64"))
    np.testing.assert_array_equal(result.inputs[0][[0, 1, 3]], 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype: str) -> None:
    y = keras_modact.tanhshrink(keras.ops.cast(np.array([0.05, 0.5, 3.0]), dtype))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    expected = [exact(v) for v in (0.05, 0.5, 3.0)]
    np.testing.assert_allclose(as_float64(y), expected, rtol=0.02)


def test_whole_numbers_become_floats() -> None:
    y = keras_modact.tanhshrink(np.array([0, 2]))
    np.testing.assert_allclose(as_float64(y), [0, 2 - np.tanh(2)], rtol=1e-6)


def test_name() -> None:
    assert modulator_activation("tanhshrink") is keras_modact.tanhshrink
    layer = keras_modact.ModulatedLSTM(3, modulator_activation="tanhshrink")
    again = keras_modact.ModulatedLSTM.from_config(layer.get_config())
    assert again.cell.modulator_activation is keras_modact.tanhshrink
