"""Modulated: the paper's equation, every kind of layer, contexts."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from keras_modact.modulation.modulators import KINDS
from tests.gradients import as_float64, differentiate
from tests.modulation import oracle
from tests.modulation.wrappers import OF_EVERY_KIND, Modulated, built, random
from tests.oracle import central_differences

# Layers that the oracle knows: layer, input shape, the layer's linear map.
CASES: dict[str, tuple[Any, tuple[int, ...], Any]] = {
    "dense": (partial(layers.Dense, 3), (4, 5), oracle.dense),
    "strided": (
        partial(layers.Conv2D, 3, (2, 3), strides=2),
        (2, 6, 5, 2),
        partial(oracle.convolution, strides=2),
    ),
    "padded": (
        partial(layers.Conv2D, 2, 3, strides=2, padding="same"),
        (2, 4, 5, 2),
        partial(oracle.convolution, strides=2, padding="same"),
    ),
    "dilated": (
        partial(layers.Conv2D, 2, 2, dilation_rate=2, padding="same", use_bias=False),
        (2, 4, 3, 2),
        partial(oracle.convolution, dilation_rate=2, padding="same"),
    ),
}


@pytest.mark.parametrize("signal", ["sigmoid", "tanhshrink"])
@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients(case: str, signal: str) -> None:
    make, shape, linear = CASES[case]
    x = random(*shape, seed=9)
    wrapper = built(make(activation="tanh"), x, modulator_activation=signal)
    weights = [as_float64(w) for w in wrapper.weights]

    def run(arrays: list[np.ndarray]) -> np.ndarray:
        x, *weights = arrays
        return oracle.modulated(linear, x, x, weights, signal, np.tanh)

    arrays = [x.astype("float64"), *weights]
    cotangent = random(*run(arrays).shape, seed=5)
    result = differentiate(wrapper, [x], [cotangent])
    np.testing.assert_allclose(result.outputs[0], run(arrays), rtol=1e-4, atol=1e-5)
    estimates = central_differences(lambda a: float((run(a) * cotangent).sum()), arrays)
    for exact, estimate in zip(result.inputs + result.weights, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, rtol=1e-3, atol=1e-4)


def test_every_kind_is_tested() -> None:
    made = {type(make()) for make, *_ in OF_EVERY_KIND.values()}
    assert made == set(KINDS)


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_every_kind(kind: str) -> None:
    """phi(s v), with s of one channel, from the layers inside."""
    make, shape, signal_shape, count = OF_EVERY_KIND[kind]
    x = random(*shape)
    linear = make()
    wrapper = built(make(activation="relu"), x)
    linear.build(x.shape)
    linear.set_weights(wrapper.layer.get_weights())
    signal = wrapper.modulation(x)
    assert tuple(signal.shape) == signal_shape
    assert wrapper.modulator.count_params() == count
    expected = np.maximum(as_float64(signal) * as_float64(linear(x)), 0)
    np.testing.assert_allclose(as_float64(wrapper(x)), expected, rtol=1e-5, atol=1e-6)
    logits = as_float64(wrapper.modulator(x))
    np.testing.assert_allclose(as_float64(signal), 1 / (1 + np.exp(-logits)), rtol=1e-5)
    # An EinsumDense leaves a size open that its `output_shape` leaves open.
    shape = wrapper.compute_output_shape(x.shape)
    assert all(a in (None, b) for a, b in zip(shape, expected.shape, strict=True))


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_every_kind_channelwise(kind: str) -> None:
    make, shape, *_ = OF_EVERY_KIND[kind]
    x = random(*shape)
    wrapper = built(make(), x, modulator="channelwise")
    assert wrapper.modulation(x).shape == wrapper(x).shape
    assert wrapper.modulator.count_params() == wrapper.layer.count_params()


def test_output_padding() -> None:
    layer = layers.Conv2DTranspose(3, 3, strides=2, output_padding=1)
    wrapper = Modulated(layer)
    assert tuple(wrapper(random(2, 3, 3, 2)).shape) == (2, 8, 8, 3)


def test_einsum_modulator_is_a_dense_of_one_unit() -> None:
    x = random(2, 3, 5)
    wrapper = built(layers.EinsumDense("abc,bde->adce", (4, 5, 2), bias_axes="e"), x)
    kernel, bias = (as_float64(w).ravel() for w in wrapper.modulator.weights)
    expected = 1 / (1 + np.exp(-(np.einsum("abc,b->ac", x, kernel) + bias)))
    signal = as_float64(wrapper.modulation(x))
    assert signal.shape == (2, 1, 5, 1)
    np.testing.assert_allclose(signal[:, 0, :, 0], expected, rtol=1e-5)


def test_the_modulators_own_arguments() -> None:
    wrapper = Modulated(
        layers.SeparableConv2D(3, 3),
        modulator_kernel_initializer="ones",
        modulator_bias_initializer=keras.initializers.Constant(0.25),
        modulator_kernel_regularizer=keras.regularizers.L2(0.5),
        modulator_bias_constraint="non_neg",
        modulator_trainable=False,
    )
    wrapper.build((None, 5, 5, 2))
    depthwise, pointwise, bias = wrapper.modulator.weights
    for weight, value in ((depthwise, 1), (pointwise, 1), (bias, 0.25)):
        np.testing.assert_array_equal(as_float64(weight), value)
    assert isinstance(bias.constraint, keras.constraints.NonNeg)
    for weight in (depthwise, pointwise):
        assert weight.regularizer.l2 == 0.5
    assert wrapper.trainable_weights == wrapper.layer.trainable_weights


@pytest.mark.parametrize(
    ("shape", "signal_shape"),
    [((2, 5, 6, 3), (2, 3, 4, 1)), ((2, 7), (2, 1))],
    ids=["map", "vector"],
)
def test_context(shape: tuple[int, ...], signal_shape: tuple[int, ...]) -> None:
    """The modulator reads another map, or one vector for all positions."""
    x, context = random(2, 5, 6, 2), random(*shape, seed=1)
    wrapper = Modulated(layers.Conv2D(4, 3))
    y = as_float64(wrapper(x, context=context))
    signal = wrapper.modulation(x, context)
    assert tuple(signal.shape) == signal_shape
    spread = as_float64(signal).reshape(2, *signal_shape[1:-1] or (1, 1), 1)
    expected = spread * as_float64(wrapper.layer(x))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    inputs = keras.Input(x.shape[1:]), keras.Input(context.shape[1:])
    model = keras.Model(inputs, wrapper(inputs[0], context=inputs[1]))
    got = model.predict([x, context], verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_context_of_vectors_for_each_channel_first(tmp_path: Any) -> None:
    """Also in a file: the modulator is made anew for the context."""
    x, context = keras.Input((2, 6)), keras.Input((7,))
    layer = layers.Dense(4) if keras.backend.backend() == "tensorflow" else None
    layer = layer or layers.Conv1D(4, 3, data_format="channels_first")
    y = Modulated(layer, modulator="channelwise")(x, context=context)
    model = keras.Model([x, context], y)
    arrays = [random(3, 2, 6), random(3, 7)]
    expected = model.predict(arrays, verbose=0)
    wrapper = model.layers[-1]
    signal = as_float64(wrapper.modulation(arrays[0], arrays[1]))
    axis = 2 if isinstance(layer, layers.Conv1D) else 1
    linear = as_float64(wrapper.layer(arrays[0]))
    np.testing.assert_allclose(
        expected, np.expand_dims(signal, axis) * linear, rtol=1e-5, atol=1e-6
    )
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(arrays, verbose=0), expected)


def layers_out(layer: Any, x: np.ndarray) -> Any:
    return layer(x)


def test_modulator_that_the_user_makes() -> None:
    """A layer of the same axes, or one signal for a position; any linear layer."""
    ids = np.array([[1, 2, 0], [3, 3, 1]])
    wrapper = Modulated(
        layers.Embedding(5, 4), modulator=layers.Embedding(5, 1), activation="tanh"
    )
    expected = np.tanh(
        1 / (1 + np.exp(-as_float64(layers_out(wrapper.modulator, ids))))
        * as_float64(layers_out(wrapper.layer, ids))
    )  # fmt: skip
    np.testing.assert_allclose(as_float64(wrapper(ids)), expected, rtol=1e-5)


def test_mask_goes_through() -> None:
    masked = layers.Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32"))
    y = Modulated(layers.Dense(3))(masked)
    mask = keras.ops.convert_to_numpy(y._keras_mask)
    np.testing.assert_array_equal(mask, [[True, False]])


def test_training_reaches_the_layers_inside() -> None:
    drop = keras.Sequential([keras.Input((50,)), layers.Dense(50), layers.Dropout(0.5)])
    wrapper = Modulated(drop, modulator=layers.Dense(1))
    x = random(2, 50)
    assert (as_float64(wrapper(x, training=False)) != 0).all()
    share = (as_float64(wrapper(x, training=True)) == 0).mean()
    assert 0.2 < share < 0.8


def test_signal_of_a_model() -> None:
    model = keras.Sequential(
        [keras.Input((6, 5, 2)), Modulated(layers.Conv2D(3, 2)), layers.Flatten()]
    )
    layer = model.layers[0]
    signal = keras.Model(model.inputs, layer.modulation(layer.input))
    x = random(4, 6, 5, 2)
    got = signal.predict(x, verbose=0)
    assert got.shape == (4, 5, 4, 1)
    np.testing.assert_allclose(got, as_float64(layer.modulation(x)), rtol=1e-5)


@pytest.mark.xfail(
    keras.backend.backend() == "torch",
    reason="torch's CPU has no gradient for Conv2D(1, ...) in float64",
    raises=RuntimeError,
)
@pytest.mark.float64
def test_one_filter_has_a_gradient_in_float64() -> None:
    layer = layers.Conv2D(1, 2, dtype="float64")
    x = random(1, 3, 3, 2).astype("float64")
    layer(x)
    result = differentiate(layer, [x], [np.ones((1, 2, 2, 1))])
    assert result.weights[0].any()
