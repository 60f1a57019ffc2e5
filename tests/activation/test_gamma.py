"""gamma(x; n, s) and its three derivatives, in every dtype, and its limits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.utils import numerics
from tests.activation import oracle
from tests.gradients import as_float64, differentiate

# Half a unit in the last place of 1, and the smallest number with all digits.
DTYPES = {
    "float16": (2.0**-11, 6.2e-5),
    "bfloat16": (2.0**-8, 1.2e-38),
    "float32": (2.0**-24, 1.2e-38),
    "float64": (2.0**-53, 2.3e-308),
}
GAINS = [*np.logspace(-6, 3, 19), 1.0, 2.5, 5.0, 20.0]
SATURATIONS = [0.0, 0.25, 0.5, 1.0, -0.5, 1.5]


def dtypes() -> list:
    return [
        pytest.param(d, marks=pytest.mark.float64 if d == "float64" else ())
        for d in DTYPES
    ]


class OfThree(keras.layers.Layer):
    """gamma as a layer of three inputs, so that all can be differentiated."""

    def call(self, x: Any, gain: Any, saturation: Any) -> Any:
        return keras_modact.gamma(x, gain, saturation)


def stored(values: Any, dtype: str) -> np.ndarray:
    """Numbers as the dtype holds them, in float64."""
    return as_float64(keras.ops.convert_to_tensor(np.asarray(values), dtype))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", dtypes())
def test_value_and_derivatives(dtype: str, sign: int) -> None:
    """Each right to a few roundings of its largest term, and nowhere a NaN.

    The product n x is rounded before it is an exponent: |n x| roundings more
    where what counts is e^(n x). Gain and saturation are float32 beside half
    precision, as in a mixed policy.
    """
    rounding, smallest = DTYPES[dtype]
    wide = "float64" if dtype == "float64" else "float32"
    random = np.random.default_rng(0)
    large = np.logspace(-6, 4, 60)
    x = stored([*large, *-large, 0.0, *random.normal(0, 3, 60)], dtype)
    gain, saturation = (
        stored([sign * g for g in GAINS], wide),
        stored(SATURATIONS, wide),
    )
    grid = [a.ravel() for a in np.meshgrid(x, gain, saturation, indexing="ij")]
    inputs = [
        keras.ops.convert_to_tensor(a, d)
        for a, d in zip(grid, (dtype, wide, wide), strict=True)
    ]
    layer = OfThree(
        dtype="float64" if dtype == "float64" else "float32", autocast=False
    )
    result = differentiate(layer, inputs, [np.ones(len(grid[0]))])
    found = dict(
        zip(
            ("value", "x", "gain", "saturation"),
            [*result.outputs, *result.inputs],
            strict=True,
        )
    )
    largest_number = 65504.0 if dtype == "float16" else 3e38
    product = np.minimum(np.abs(grid[0] * grid[1]), 750)
    # Some backends take a number without all its digits for 0, before they scale it.
    flushed = 2 * smallest * (1 + np.abs(grid[1]) + np.abs(grid[0] / grid[1]))
    own = rounding if wide == dtype else 2.0**-24
    for name, terms in oracle.terms(*grid).items():
        true = sum(terms)
        # At most twice the largest.
        scale = np.sum(np.abs(terms), axis=0)
        fits = np.abs(true) < largest_number
        # What is returned in half precision is rounded once more.
        last = rounding if name in ("value", "x") else own
        allowed = (8 + product) * own * scale + 2 * last * np.abs(true) + flushed
        error = np.abs(found[name] - true)
        worst = np.argmax(np.where(fits, error / allowed, 0))
        assert (error[fits] <= allowed[fits]).all(), (
            name,
            [a[worst] for a in grid],
            found[name][worst],
            true[worst],
        )
        assert not np.isnan(found[name]).any(), name


@pytest.mark.parametrize("dtype", dtypes())
def test_without_a_tail_the_roundings_are_few(dtype: str) -> None:
    """Where n x is exact (gains that are powers of two) there is no exception."""
    rounding, smallest = DTYPES[dtype]
    x = stored(np.random.default_rng(0).normal(0, 8, 500), dtype)
    inputs = keras.ops.convert_to_tensor(x, dtype)
    for gain in (2.0, -4.0, 2.0**-10):
        for saturation in (0.0, 0.5, 1.0):
            value = as_float64(keras_modact.gamma(inputs, gain, saturation))
            true = oracle.gamma(x, gain, saturation)
            scale = np.max(np.abs(oracle.terms(x, gain, saturation)["value"]), axis=0)
            assert (np.abs(value - true) <= 8 * rounding * scale + smallest).all()


@pytest.mark.parametrize("dtype", dtypes())
def test_derivatives_at_0_are_those_between_the_sides(dtype: str) -> None:
    inputs = [keras.ops.zeros(1, dtype), *np.array([[2.0], [0.25]], "float32")]
    layer = OfThree(dtype="float32", autocast=False)
    result = differentiate(
        layer, [keras.ops.convert_to_tensor(i) for i in inputs], [np.ones(1)]
    )
    exact = [0.75 / 2 + 0.25 * 2 / 4, -0.75 * np.log(2) / 4, 0.5 - np.log(2) / 2]
    np.testing.assert_allclose(
        np.ravel(result.inputs), exact, atol=2 * DTYPES[dtype][0]
    )


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", dtypes())
def test_where_the_product_overflows(dtype: str, sign: int) -> None:
    """x is finite or not, and gain * x is too large for its dtype, or infinite."""
    wide = "float64" if dtype == "float64" else "float32"
    largest = as_float64(numerics.finite(keras.ops.convert_to_tensor([np.inf], dtype)))
    x = np.array([0.9 * largest[0], np.inf, -0.9 * largest[0], -np.inf])
    gain = 1e30 if dtype == "float16" else 5.0
    grid = np.meshgrid(x, sign * np.array([gain, 1e36]), SATURATIONS, indexing="ij")
    x, gain, saturation = (array.ravel() for array in grid)
    inputs = [
        keras.ops.convert_to_tensor(array, d)
        for array, d in zip((x, gain, saturation), (dtype, wide, wide), strict=True)
    ]
    x = as_float64(inputs[0])
    layer = OfThree(dtype=wide, autocast=False)
    result = differentiate(layer, inputs, [np.ones(len(x))])
    of_x, of_gain, of_saturation = result.inputs
    # The limits: sigma is 0 or 1, softplus(n x) / n is 0 or x.
    on = np.where(x * sign > 0, 1.0, 0.0)
    with np.errstate(over="ignore"):
        passed = np.where((on == 0) | (saturation == 1), 0, x) * (1 - saturation)
        value = stored(passed + saturation * on, dtype)
    tolerance = 4 * DTYPES[dtype][0]
    np.testing.assert_allclose(result.outputs[0], value, rtol=tolerance)
    np.testing.assert_allclose(of_x, (1 - saturation) * on, rtol=tolerance)
    np.testing.assert_array_equal(of_gain, np.zeros(len(x)))
    # -inf, but for saturations of 1 the largest number of that sign.
    slope = np.where(on == 0, 0, 1 - x)
    largest = float(np.finfo(wide).max)
    np.testing.assert_allclose(
        np.clip(of_saturation, -largest, largest),
        np.clip(slope, -largest, largest),
        rtol=tolerance,
    )


def test_a_nan_stays_a_nan() -> None:
    x = np.array([np.nan], "float32")
    for saturation in (0.0, 0.5, 1.0):
        assert np.isnan(as_float64(keras_modact.gamma(x, 5.0, saturation))).all()


def test_softplus_and_sigmoid_are_special_cases() -> None:
    x = np.linspace(-20, 20, 401).astype("float32")
    np.testing.assert_allclose(
        as_float64(keras_modact.gamma(x, 1.0, 0.0)),
        as_float64(keras.ops.softplus(x)),
        rtol=1e-6,
    )
    for gain in (-3.0, 0.5, 20.0):
        np.testing.assert_allclose(
            as_float64(keras_modact.gamma(x, gain, 1.0)),
            as_float64(keras.ops.sigmoid(gain * x)),
            rtol=2e-6,
            atol=1e-37,
        )


@pytest.mark.parametrize("gain", [0.5, 5.0, 1e3, -0.5, -5.0, -1e3])
def test_relu_and_neglu_are_its_limits(gain: float) -> None:
    """Within ln 2 / |n|, with equality at 0 and nowhere else."""
    x = np.linspace(-10, 10, 401).astype("float32")
    limit = np.maximum(x, 0) if gain > 0 else np.minimum(x, 0)
    distance = (as_float64(keras_modact.gamma(x, gain, 0.0)) - limit) * np.sign(gain)
    bound = np.log(2) / abs(gain)
    assert distance.min() >= 0
    assert np.argmax(distance) == 200
    assert distance[200] == pytest.approx(bound, rel=1e-6)
    assert (np.delete(distance, 200) < bound).all()


def test_gain_and_saturation_broadcast() -> None:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    gain, saturation = (
        np.array([1.0, -2.0, 5.0]),
        np.array([[0.0], [0.5], [1.0], [2.0]]),
    )
    np.testing.assert_allclose(
        as_float64(keras_modact.gamma(x, gain, saturation)),
        oracle.gamma(x, gain, saturation),
        rtol=1e-5,
        atol=1e-7,
    )


def test_function_of_whole_numbers() -> None:
    x = np.array([-3, 0, 2], "int32")
    outputs = keras_modact.gamma(x, 1.5, 0.25)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    expected = keras_modact.gamma(x.astype("float32"), 1.5, 0.25)
    np.testing.assert_array_equal(as_float64(outputs), as_float64(expected))


def test_function_of_a_symbolic_tensor() -> None:
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras_modact.gamma(inputs, 5.0, 0.25))
    x = np.array([[-0.1, 0.0, 0.2]], "float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), oracle.gamma(x, 5.0, 0.25), rtol=1e-5
    )


@pytest.mark.parametrize(
    "gain", [0, 0.0, -0.0, np.zeros(3), np.array([1, 0]), float("nan"), np.inf]
)
def test_gain_that_has_no_value(gain: Any) -> None:
    with pytest.raises(ValueError, match="`gain` must be finite and not 0"):
        keras_modact.gamma(np.ones(3, "float32"), gain, 0.5)


def test_saturation_that_is_not_finite() -> None:
    with pytest.raises(ValueError, match="`saturation` must be finite"):
        keras_modact.gamma(np.ones(3, "float32"), 1.0, np.nan)
