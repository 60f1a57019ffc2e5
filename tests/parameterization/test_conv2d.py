"""AdaptiveConv2D: equation 5 on channels, against a convolution window by window."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate
from tests.modulation.oracle import convolution
from tests.oracle import central_differences
from tests.parameterization import oracle

CASES: dict[str, dict[str, Any]] = {
    "io": {"adaptation": "io"},
    "input": {"adaptation": "input", "strides": 2, "padding": "same"},
    "output": {"adaptation": "output", "around_one": True, "dilation_rate": 2},
    "glu_fixed_bias": {"policy": "glu", "adapt_bias": False},
    "no_bias": {"use_bias": False},
}
CHANNELS, FILTERS = 2, 3


def built(case: str, **further: Any) -> tuple[Any, list[np.ndarray]]:
    """A layer with random weights, and those weights."""
    layer = keras_modact.AdaptiveConv2D(
        FILTERS, 2, policy_units=4, **CASES[case], **further
    )
    layer.build((None, 5, 4, CHANNELS))
    random = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.7, weight.shape))
    return layer, [as_float64(weight) for weight in layer.weights]


def expected_of(case: str, x: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """The outputs from the images' means, D by D."""
    given = CASES[case]
    of_window = {
        k: given[k] for k in ("strides", "padding", "dilation_rate") if k in given
    }
    kernel, *rest = weights
    use_bias = given.get("use_bias", True)
    bias = rest.pop(0) if use_bias else np.zeros(FILTERS)
    policy_kernel, policy_bias, adapting = rest
    network = given.get("policy", "relu")
    z = oracle.latent(x.mean(axis=(1, 2)), network, policy_kernel, policy_bias)
    adaptation = given.get("adaptation", "io")
    wanted = [
        adaptation in ("input", "io"),
        adaptation in ("output", "io"),
        use_bias and given.get("adapt_bias", True),
    ]
    sizes = [
        n for n, one in zip((CHANNELS, FILTERS, FILTERS), wanted, strict=True) if one
    ]
    found = iter(oracle.diagonals(z, adapting, sizes, given.get("around_one", False)))
    d_1, d_2, d_3 = (next(found)[:, None, None] if one else 1 for one in wanted)
    return convolution(x * d_1, kernel, **of_window) * d_2 + bias * d_3


@pytest.mark.parametrize("case", CASES)
def test_outputs(case: str) -> None:
    layer, weights = built(case)
    x = np.random.default_rng(1).normal(size=(3, 5, 4, CHANNELS)).astype("float32")
    expected = expected_of(case, x.astype("float64"), weights)
    np.testing.assert_allclose(as_float64(layer(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.float64
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_in_float64(case: str) -> None:
    layer, weights = built(case, dtype="float64")
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 5, 4, CHANNELS))
    expected = expected_of(case, x, weights)
    cotangents = random.normal(size=expected.shape)
    result = differentiate(layer, [x], [cotangents])
    np.testing.assert_allclose(result.outputs[0], expected, atol=1e-12)
    estimates = central_differences(
        lambda arrays: float(
            (expected_of(case, arrays[0], arrays[1:]) * cotangents).sum()
        ),
        [x, *weights],
    )
    for exact, estimate in zip(result.inputs + result.weights, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, rtol=1e-6, atol=1e-8)


def test_channels_first_is_the_same_with_axes_moved() -> None:
    layer, _ = built("io")
    x = np.random.default_rng(1).normal(size=(3, 5, 4, CHANNELS)).astype("float32")
    other = keras_modact.AdaptiveConv2D(
        FILTERS, 2, policy_units=4, data_format="channels_first"
    )
    moved = np.moveaxis(x, -1, 1)
    other.build(moved.shape)
    other.set_weights(layer.get_weights())
    expected = np.moveaxis(as_float64(layer(x)), -1, 1)
    np.testing.assert_allclose(as_float64(other(moved)), expected, rtol=1e-4, atol=1e-5)
    for got, want in zip(other.adaptation(moved), layer.adaptation(x), strict=True):
        np.testing.assert_allclose(
            np.moveaxis(as_float64(got), 1, -1), as_float64(want), rtol=1e-5, atol=1e-6
        )


def test_around_one_starts_as_the_convolution() -> None:
    arguments = {"strides": 2, "padding": "same", "groups": 2, "activation": "elu"}
    layer = keras_modact.AdaptiveConv2D(4, 3, around_one=True, **arguments)
    convolution = keras.layers.Conv2D(4, 3, **arguments)
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 4)).astype("float32")
    layer.build(x.shape)
    convolution.build(x.shape)
    layer.bias.assign([1.0, -1.0, 0.5, 2.0])
    convolution.set_weights([layer.kernel, layer.bias])
    np.testing.assert_array_equal(as_float64(layer(x)), as_float64(convolution(x)))


def test_diagonals_are_of_images() -> None:
    layer, _ = built("io")
    x = np.random.default_rng(1).normal(size=(3, 5, 4, CHANNELS))
    shapes = [tuple(d.shape) for d in layer.adaptation(x)]
    assert shapes == [(3, 1, 1, CHANNELS), (3, 1, 1, FILTERS), (3, 1, 1, FILTERS)]


@pytest.mark.parametrize("shape", [(None, 5, 4), (None, 5, 4, None)])
def test_other_inputs_are_refused(shape: tuple[int | None, ...]) -> None:
    layer = keras_modact.AdaptiveConv2D(4, 3)
    with pytest.raises(ValueError, match="needs the number of input channels"):
        layer.build(shape)
    assert not layer.built


def test_singular_values_are_for_dense_layers() -> None:
    with pytest.raises(ValueError, match="must be one of 'input', 'output', 'io'"):
        keras_modact.AdaptiveConv2D(4, 3, adaptation="sva")


@pytest.mark.parametrize("shape", [(5, 4, CHANNELS), (2, 5, 4, 7)])
def test_diagonals_of_other_images(shape: tuple[int, ...]) -> None:
    layer, _ = built("io")
    with pytest.raises(ValueError, match="images of 2 channels in batches"):
        layer.adaptation(np.zeros(shape))
