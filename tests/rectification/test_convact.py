"""ConvAct: its form, the activations that it contains, and that it learns them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate
from tests.oracle import central_differences
from tests.rectification import oracle

# a and b of the docstring's special points.
POINTS = {
    "identity": (1.0, 1.0, lambda x: x),
    "relu": (1.0, 0.0, lambda x: np.maximum(x, 0)),
    "neglu": (0.0, 1.0, lambda x: np.minimum(x, 0)),
    "absolute": (1.0, -1.0, np.abs),
    "leaky": (1.0, 0.25, lambda x: np.where(x > 0, x, 0.25 * x)),
}
WINDOWS = [((4,), 1), ((7,), 3), ((6,), 2), ((5, 6), (3, 2)), ((4, 5), 3)]


def depthwise(x: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """One filter a channel, "same" zero padding."""
    window = filters.shape[:-1]
    padding = oracle.same_padding(window, (1,) * len(window))
    channels = [
        oracle.convolve(x[..., c : c + 1], filters[..., c, None, None], padding=padding)
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1)


def function(arrays: list[np.ndarray]) -> np.ndarray:
    positive, negative, x = arrays
    if positive.ndim == 1:
        return positive * np.maximum(x, 0) + negative * np.minimum(x, 0)
    return depthwise(np.maximum(x, 0), positive) + depthwise(np.minimum(x, 0), negative)


def built(sizes: tuple[int, ...], kernel_size: Any, **arguments: Any) -> Any:
    layer = keras_modact.ConvAct(
        kernel_size,
        positive_initializer="random_normal",
        negative_initializer="random_normal",
        **arguments,
    )
    layer.build((None, *sizes, 3))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    return layer, [as_float64(w) for w in layer.weights]


@pytest.mark.parametrize(("sizes", "kernel_size"), WINDOWS)
def test_outputs(sizes: tuple[int, ...], kernel_size: Any) -> None:
    layer, weights = built(sizes, kernel_size)
    x = np.random.default_rng(0).normal(size=(2, *sizes, 3)).astype("float32")
    np.testing.assert_allclose(as_float64(layer(x)), function([*weights, x]), atol=1e-5)


@pytest.mark.float64
@pytest.mark.parametrize(("sizes", "kernel_size"), WINDOWS)
def test_gradients_in_float64(sizes: tuple[int, ...], kernel_size: Any) -> None:
    layer, weights = built(sizes, kernel_size, dtype="float64")
    random = np.random.default_rng(2)
    x, cotangent = (random.normal(size=(2, *sizes, 3)) for _ in range(2))
    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(result.outputs[0], function([*weights, x]), atol=1e-12)
    estimates = central_differences(
        lambda arrays: float((function(arrays) * cotangent).sum()), [*weights, x]
    )
    for exact, estimate in zip(result.weights + result.inputs, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, atol=1e-7)


@pytest.mark.parametrize("kernel_size", [1, 3, 2])
@pytest.mark.parametrize("point", POINTS)
def test_special_points(point: str, kernel_size: int) -> None:
    positive, negative, expected = POINTS[point]
    layer = keras_modact.ConvAct(
        kernel_size, positive_initializer=positive, negative_initializer=negative
    )
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")
    result = differentiate_built(layer, x)
    np.testing.assert_allclose(result.outputs[0], expected(x), atol=1e-6)
    slope = np.where(x > 0, positive, negative)
    np.testing.assert_allclose(result.inputs[0], slope, atol=1e-6)


def differentiate_built(layer: keras.layers.Layer, x: np.ndarray) -> Any:
    layer.build(x.shape)
    return differentiate(layer, [x], [np.ones(x.shape)])


def test_relu_at_first() -> None:
    x = np.array([[-2.0, 0.0, 3.0]], "float32")
    np.testing.assert_array_equal(
        as_float64(keras_modact.ConvAct()(x)), [[0.0, 0.0, 3.0]]
    )


@pytest.mark.parametrize("point", ["identity", "neglu", "absolute"])
def test_it_learns_the_special_points(point: str) -> None:
    """From ReLU, by gradient descent on examples of another activation."""
    positive, negative, target = POINTS[point]
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras_modact.ConvAct()])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(x, target(x), batch_size=64, epochs=60, verbose=0)
    layer = model.layers[0]
    np.testing.assert_allclose(as_float64(layer.positive_kernel), positive, atol=0.05)
    np.testing.assert_allclose(as_float64(layer.negative_kernel), negative, atol=0.05)


def test_infinities_at_the_start() -> None:
    """A side that is switched off passes nothing, as ReLU does at -inf."""
    x = np.array([[np.inf], [-np.inf], [2.0]], "float32")
    result = differentiate_built(keras_modact.ConvAct(), x)
    np.testing.assert_array_equal(result.outputs[0], [[np.inf], [0.0], [2.0]])
    np.testing.assert_array_equal(result.inputs[0], [[1.0], [0.0], [1.0]])
    assert not np.isnan(result.weights).any()


def test_channels_first() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    for kernel_size in (1, 3):
        last, weights = built((5, 6), kernel_size)
        first = keras_modact.ConvAct(kernel_size, data_format="channels_first")
        first.build((None, 3, 5, 6))
        first.set_weights(weights)
        np.testing.assert_allclose(
            np.moveaxis(as_float64(first(np.moveaxis(x, -1, 1))), 1, -1),
            as_float64(last(x)),
            atol=1e-6,
        )


@pytest.mark.parametrize(
    ("shape", "kernel_size", "message"),
    [
        ((2, 3), (3,), r"kernel_size=\(3,\).*0 spatial axes"),
        ((2, 3), 3, "one or two spatial axes"),
        ((2, 5, 3), (3, 3), r"kernel_size=\(3, 3\).*1 spatial axes"),
        ((2, 4, 4, 4, 3), 3, "one or two spatial axes"),
        ((2,), 1, "at least 2 axes"),
    ],
)
def test_bad_shapes(shape: tuple[int, ...], kernel_size: Any, message: str) -> None:
    layer = keras_modact.ConvAct(kernel_size)
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
    assert not layer.weights


def test_other_channels_than_built_for() -> None:
    layer = keras_modact.ConvAct()
    layer(np.zeros((2, 3), "float32"))
    with pytest.raises(ValueError, match="built for 3 channels"):
        layer(np.zeros((2, 4), "float32"))
    with pytest.raises(ValueError, match="built for 3 channels"):
        layer(keras.Input((4,)))
