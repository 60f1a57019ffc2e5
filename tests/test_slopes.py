"""The derivatives of activations, by central differences."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from keras_modact import numerics, slopes
from keras_modact.modulation.modulated_lstm import FURTHER_SLOPES
from keras_modact.modulation.tanhshrink import tanhshrink
from tests.gradients import as_float64

X = np.array([-30.0, -2.5, -0.75, -1e-3, 1e-3, 0.5, 1.25, 30.0])
KNOWN = (*slopes.KNOWN, *FURTHER_SLOPES)


@pytest.mark.float64
@pytest.mark.parametrize("known", KNOWN, ids=[tau.__name__ for tau, _ in KNOWN])
def test_slopes(known: slopes.Known) -> None:
    tau, slope = known

    def values(x: np.ndarray) -> np.ndarray:
        x = keras.ops.convert_to_tensor(x, dtype="float64")
        return as_float64(numerics.activate(tau, x))

    x = keras.ops.convert_to_tensor(X, dtype="float64")
    found = slope(x, numerics.activate(tau, x))
    assert keras.backend.standardize_dtype(found.dtype) == "float64"
    # Not across the corner of relu at 0.
    width = 1e-5
    expected = (values(X + width) - values(X - width)) / (2 * width)
    np.testing.assert_allclose(as_float64(found), expected, atol=1e-6)


def test_a_small_slope_of_sigmoid_has_its_digits() -> None:
    """Near 1, where y (1 - y) has lost them all."""
    x = keras.ops.convert_to_tensor([20.0, 40.0], dtype="float32")
    slope = slopes.slope_of(keras.activations.sigmoid)
    assert slope is not None
    expected = np.exp([-20.0, -40.0])
    np.testing.assert_allclose(
        as_float64(slope(x, keras.ops.sigmoid(x))), expected, rtol=1e-5
    )


def unknown(x: slopes.Tensor) -> slopes.Tensor:
    return x


class Nameless:
    __call__ = staticmethod(unknown)
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("activation", "name"), [(unknown, "unknown"), (Nameless(), "Nameless")]
)
def test_unknown_activations(activation: Callable, name: str) -> None:
    assert slopes.slope_of(activation) is None
    assert slopes.why_unknown("activation", activation) == (
        f"`activation` is {name}, and known are the derivatives of tanh, sigmoid, "
        "linear, relu, softplus"
    )


def test_further_activations() -> None:
    assert slopes.slope_of(tanhshrink) is None
    assert slopes.slope_of(tanhshrink, FURTHER_SLOPES) is FURTHER_SLOPES[0][1]
    assert slopes.why_unknown("activation", tanhshrink, FURTHER_SLOPES) is None
    assert slopes.why_unknown("activation", keras.activations.tanh) is None
