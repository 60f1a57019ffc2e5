"""Min-Maxout against its definition, dense and convolutional."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_modact
from tests.gradients import as_float64, differentiate
from tests.oracle import central_differences
from tests.rectification import oracle


def built(cls: type, shape: tuple[int, ...], seed: int, **arguments: Any) -> Any:
    """A layer with random weights, and those weights in float64."""
    layer = cls(**arguments)
    layer.build(shape)
    random = np.random.default_rng(seed)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    return layer, [as_float64(w) for w in layer.weights]


def dense(x: np.ndarray, weights: list[np.ndarray], k: int, minima: int) -> np.ndarray:
    kernel, *bias = weights
    return oracle.smallest_or_largest(x @ kernel + sum(bias), k, minima)


@pytest.mark.parametrize("use_bias", [False, True])
@given(
    shape=st.sampled_from([(3, 4), (2, 5, 4), (2, 3, 2, 4)]),
    num_pieces=st.sampled_from([2, 3, 5]),
    min_fraction=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    seed=st.integers(0, 100),
)
def test_dense(
    use_bias: bool,
    shape: tuple[int, ...],
    num_pieces: int,
    min_fraction: float,
    seed: int,
) -> None:
    layer, weights = built(
        keras_modact.MinMaxout,
        shape,
        seed,
        units=6,
        num_pieces=num_pieces,
        min_fraction=min_fraction,
        use_bias=use_bias,
    )
    x = np.random.default_rng(seed + 1).normal(size=shape).astype("float32")
    expected = dense(x.astype("float64"), weights, num_pieces, round(min_fraction * 6))
    np.testing.assert_allclose(as_float64(layer(x)), expected, atol=1e-5)


@pytest.mark.float64
@pytest.mark.parametrize("min_fraction", [0.0, 0.4, 1.0])
def test_dense_in_float64_with_gradients(min_fraction: float) -> None:
    layer, weights = built(
        keras_modact.MinMaxout,
        (4, 3),
        1,
        units=5,
        num_pieces=3,
        min_fraction=min_fraction,
        dtype="float64",
    )
    random = np.random.default_rng(2)
    x, cotangent = random.normal(size=(4, 3)), random.normal(size=(4, 5))
    minima = round(min_fraction * 5)

    def loss(arrays: list[np.ndarray]) -> float:
        *of_weights, inputs = arrays
        return float((dense(inputs, of_weights, 3, minima) * cotangent).sum())

    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(
        result.outputs[0], dense(x, weights, 3, minima), atol=1e-13
    )
    for exact, estimate in zip(
        result.weights + result.inputs,
        central_differences(loss, [*weights, x]),
        strict=True,
    ):
        np.testing.assert_allclose(exact, estimate, atol=1e-8)


def literal(
    kernel: np.ndarray, bias: np.ndarray, x: np.ndarray, minima: int
) -> np.ndarray:
    """The thesis' words: of the weighted inputs, unit by unit, no sum."""
    outputs = [
        (np.min if unit < minima else np.max)(x * kernel[:, unit], axis=-1) + bias[unit]
        for unit in range(kernel.shape[1])
    ]
    return np.stack(outputs, axis=-1)


@pytest.mark.float64
@pytest.mark.parametrize("min_fraction", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 3)])
def test_weighted_inputs_without_a_sum(shape: tuple, min_fraction: float) -> None:
    layer, weights = built(
        keras_modact.MinMaxout,
        shape,
        1,
        units=5,
        num_pieces="inputs",
        min_fraction=min_fraction,
        dtype="float64",
    )
    random = np.random.default_rng(2)
    x, cotangent = random.normal(size=shape), random.normal(size=(*shape[:-1], 5))
    minima = round(min_fraction * 5)
    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(
        result.outputs[0], literal(*weights, x, minima), atol=1e-14
    )
    estimates = central_differences(
        lambda arrays: float((literal(*arrays, minima) * cotangent).sum()),
        [*weights, x],
    )
    for exact, estimate in zip(result.weights + result.inputs, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, atol=1e-8)
    again = keras_modact.MinMaxout.from_config(layer.get_config())
    again.build(shape)
    assert [w.shape for w in again.weights] == [(3, 5), (5,)]


@pytest.mark.parametrize("min_fraction", [0.0, 1.0])
@pytest.mark.parametrize("piece", range(3))
def test_a_nan_in_any_piece_is_passed_on(piece: int, min_fraction: float) -> None:
    layer = keras_modact.MinMaxout(2, num_pieces=3, min_fraction=min_fraction)
    layer.build((None, 1))
    bias = np.zeros((3, 2), "float32")
    bias[piece, 1] = np.nan
    layer.bias.assign(bias.ravel())
    outputs = as_float64(layer(np.ones((1, 1), "float32")))
    np.testing.assert_array_equal(np.isnan(outputs), [[False, True]])


CONVOLUTIONS = [
    # Input without batch and channels, arguments, padding of the oracle.
    ((7,), {"kernel_size": 3}, ((0, 0),)),
    ((7,), {"kernel_size": 2, "dilation_rate": 2, "padding": "same"}, ((1, 1),)),
    ((7, 6), {"kernel_size": 3, "strides": (2, 1)}, ((0, 0), (0, 0))),
    ((6, 5), {"kernel_size": (3, 2), "padding": "same"}, ((1, 1), (0, 1))),
    ((4, 3, 5), {"kernel_size": 2}, ((0, 0),) * 3),
]
GEOMETRIES = [
    *((*geometry, "channels_last") for geometry in CONVOLUTIONS),
    *((*geometry, "channels_first") for geometry in CONVOLUTIONS[1:4]),
]


@pytest.mark.parametrize(("sizes", "arguments", "padding", "data_format"), GEOMETRIES)
def test_convolution(
    sizes: tuple[int, ...],
    arguments: dict[str, Any],
    padding: tuple,
    data_format: str,
) -> None:
    x = np.random.default_rng(0).normal(size=(2, *sizes, 3)).astype("float32")
    given = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
    layer, (kernel, bias) = built(
        keras_modact.MinMaxoutConv,
        given.shape,
        1,
        filters=5,
        num_pieces=3,
        min_fraction=0.4,
        data_format=data_format,
        **arguments,
    )
    axes = len(sizes)
    pieces = oracle.convolve(
        x,
        kernel,
        padding=padding,
        strides=np.broadcast_to(arguments.get("strides", 1), axes),
        dilation=np.broadcast_to(arguments.get("dilation_rate", 1), axes),
    )
    expected = oracle.smallest_or_largest(pieces + bias, 3, 2)
    outputs = as_float64(layer(given))
    assert layer.compute_output_shape(given.shape) == outputs.shape
    if data_format == "channels_first":
        outputs = np.moveaxis(outputs, 1, -1)
    np.testing.assert_allclose(outputs, expected, atol=2e-5)


@pytest.mark.float64
def test_convolution_in_float64_with_gradients() -> None:
    """Strided, with a minimum and two maxima."""
    layer, weights = built(
        keras_modact.MinMaxoutConv,
        (2, 5, 4, 2),
        1,
        filters=3,
        kernel_size=(3, 2),
        strides=(2, 1),
        min_fraction=0.3,
        dtype="float64",
    )
    random = np.random.default_rng(2)
    x, cotangent = random.normal(size=(2, 5, 4, 2)), random.normal(size=(2, 2, 3, 3))

    def function(arrays: list[np.ndarray]) -> np.ndarray:
        kernel, bias, inputs = arrays
        pieces = oracle.convolve(inputs, kernel, strides=(2, 1)) + bias
        return oracle.smallest_or_largest(pieces, 2, 1)

    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(result.outputs[0], function([*weights, x]), atol=1e-12)
    estimates = central_differences(
        lambda arrays: float((function(arrays) * cotangent).sum()), [*weights, x]
    )
    for exact, estimate in zip(result.weights + result.inputs, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, atol=1e-7)


@pytest.mark.parametrize("min_fraction", [0.0, 1.0])
def test_ends_are_maxout_and_minout_of_dense_layers(min_fraction: float) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    layer, (kernel, bias) = built(
        keras_modact.MinMaxout,
        x.shape,
        1,
        units=5,
        num_pieces=3,
        min_fraction=min_fraction,
    )
    outputs = []
    for piece in range(3):
        columns = slice(5 * piece, 5 * piece + 5)
        linear = keras.layers.Dense(5)
        linear.build(x.shape)
        linear.set_weights([kernel[:, columns], bias[columns]])
        outputs.append(as_float64(linear(x)))
    choose = np.max if min_fraction == 0 else np.min
    expected = choose(outputs, axis=0)
    np.testing.assert_allclose(as_float64(layer(x)), expected, atol=1e-6)


def test_a_piece_starts_as_a_layer_of_its_size() -> None:
    layer = keras_modact.MinMaxout(40, num_pieces=3)
    layer.build((None, 50))
    blocks = np.split(as_float64(layer.kernel), 3, axis=1)
    limit = np.sqrt(6 / (50 + 40))
    for block in blocks:
        assert 0.95 * limit < np.abs(block).max() <= limit
    assert np.abs(blocks[0] - blocks[1]).max() > 0.1
    convolution = keras_modact.MinMaxoutConv(40, 3, num_pieces=2)
    convolution.build((None, 9, 9, 10))
    limit = np.sqrt(6 / (9 * 10 + 9 * 40))
    for block in np.split(as_float64(convolution.kernel), 2, axis=-1):
        assert 0.95 * limit < np.abs(block).max() <= limit


def test_a_fraction_that_rounds_to_no_unit_warns() -> None:
    with pytest.warns(UserWarning, match="min_fraction=0.1 of 4 units rounds to none"):
        keras_modact.MinMaxout(4, min_fraction=0.1).build((None, 3))


def test_stride_and_dilation_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="`dilation_rate` above 1 excludes"):
        keras_modact.MinMaxoutConv(4, 3, strides=(1, 2), dilation_rate=2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3), "3 to 5 axes"),
        ((2, 3, 4, 5, 6, 7), "3 to 5 axes"),
        ((2, 6, 5), r"kernel_size=\(3, 2\).*1 spatial axes"),
        ((2, 6, 6, 6, 5), r"kernel_size=\(3, 2\).*3 spatial axes"),
    ],
)
def test_bad_shapes_of_a_convolution(shape: tuple[int, ...], message: str) -> None:
    layer = keras_modact.MinMaxoutConv(4, (3, 2))
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
    assert not layer.weights


def test_a_window_larger_than_the_input() -> None:
    x = np.ones((2, 1, 9, 8), "float32")
    layer = keras_modact.MinMaxoutConv(4, 9, data_format="channels_first")
    with pytest.raises(ValueError, match=r"reaches over \(9, 9\) positions"):
        layer(x)
    dilated = keras_modact.MinMaxoutConv(4, 5, dilation_rate=2)
    with pytest.raises(ValueError, match=r"reaches over \(9, 9\) positions"):
        dilated(np.moveaxis(x, 1, -1))
    same = keras_modact.MinMaxoutConv(4, 9, padding="same")
    assert same(np.moveaxis(x, 1, -1)).shape == (2, 9, 8, 4)


def test_other_channels_than_built_for() -> None:
    for layer, shape in (
        (keras_modact.MinMaxout(4), (2, 3)),
        (keras_modact.MinMaxoutConv(4, 1), (2, 6, 6, 3)),
    ):
        layer(np.zeros(shape, "float32"))
        with pytest.raises(ValueError, match="built for 3 channels"):
            layer(np.zeros((*shape[:-1], 4), "float32"))
        with pytest.raises(ValueError, match="built for 3 channels"):
            layer(keras.Input((*shape[1:-1], 4)))
