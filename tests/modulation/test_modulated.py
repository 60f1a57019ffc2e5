"""Modulated: the paper's equation, every kind of layer, contexts, bad input."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_modact
from keras_modact.modulation.modulators import KINDS
from tests.gradients import as_float64, differentiate
from tests.modulation import oracle
from tests.oracle import central_differences

Modulated = keras_modact.Modulated

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
# A layer of every kind, an input, and the shape and count of its one modulator.
OF_EVERY_KIND: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...], int]] = {
    "Dense": (partial(layers.Dense, 4), (2, 5), (2, 1), 6),
    "Dense of sequences": (partial(layers.Dense, 4), (2, 3, 5), (2, 3, 1), 6),
    "Conv1D": (
        partial(layers.Conv1D, 4, 3, padding="causal"), (2, 6, 5), (2, 6, 1), 16
    ),
    "Conv2D": (
        partial(layers.Conv2D, 4, 3, use_bias=False), (2, 5, 6, 2), (2, 3, 4, 1), 18
    ),
    "grouped": (partial(layers.Conv2D, 4, 3, groups=2), (2, 5, 5, 2), (2, 3, 3, 1), 19),
    "Conv3D": (partial(layers.Conv3D, 2, 2), (2, 3, 3, 3, 2), (2, 2, 2, 2, 1), 17),
    "Conv1DTranspose": (
        partial(layers.Conv1DTranspose, 3, 3, strides=2), (2, 4, 2), (2, 9, 1), 7
    ),
    "Conv2DTranspose": (
        partial(layers.Conv2DTranspose, 3, 3, strides=2), (2, 3, 3, 2), (2, 7, 7, 1), 19
    ),
    "Conv3DTranspose": (
        partial(layers.Conv3DTranspose, 2, 2), (2, 2, 2, 2, 2), (2, 3, 3, 3, 1), 17
    ),
    "SeparableConv1D": (
        partial(layers.SeparableConv1D, 3, 3, depth_multiplier=2),
        (2, 5, 2), (2, 3, 1), 3 * 2 * 2 + 4 + 1,
    ),
    "SeparableConv2D": (
        partial(layers.SeparableConv2D, 3, 3, padding="same"),
        (2, 4, 4, 2), (2, 4, 4, 1), 9 * 2 + 2 + 1,
    ),
    "DepthwiseConv1D": (
        partial(layers.DepthwiseConv1D, 3, strides=2), (2, 7, 4), (2, 3, 1), 13
    ),
    "DepthwiseConv2D": (
        partial(layers.DepthwiseConv2D, 3, depth_multiplier=2),
        (2, 5, 5, 4), (2, 3, 3, 1), 37,
    ),
    "EinsumDense": (
        partial(layers.EinsumDense, "abc,cd->abd", (None, 4), bias_axes="d"),
        (2, 3, 5), (2, 3, 1), 6,
    ),
    "two kernel axes": (
        partial(layers.EinsumDense, "abc,cde->abde", (None, 4, 3), bias_axes="de"),
        (2, 3, 5), (2, 3, 1, 1), 6,
    ),
    "axes moved": (
        partial(layers.EinsumDense, "abc,bd->adc", (4, 5)), (2, 3, 5), (2, 1, 5), 3
    ),
    "ellipsis": (
        partial(layers.EinsumDense, "...x,xy->...y", 4), (2, 3, 5), (2, 3, 1), 5
    ),
    "late ellipsis": (
        partial(layers.EinsumDense, "ab...,bc->ac...", 4), (2, 5, 3), (2, 1, 3), 5
    ),
}  # fmt: skip


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(layer: Any, x: np.ndarray, **arguments: Any) -> Any:
    """A wrapper of a layer with random weights, biases too."""
    wrapper = Modulated(layer, **arguments)
    wrapper.build(x.shape)
    for place, weight in enumerate(wrapper.weights):
        weight.assign(0.5 * random(*weight.shape, seed=place))
    return wrapper


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


def test_the_wrapped_layer_is_left_as_it_was() -> None:
    """It is used by itself, wrapped twice and in two models, with one kernel."""
    layer = layers.Dense(4, activation="tanh", activity_regularizer="l2")
    inputs = keras.Input((5,))
    first, second = Modulated(layer), Modulated(layer, activation="relu")
    alone = keras.Model(inputs, layer(inputs))
    both = keras.Model(inputs, [first(inputs), second(inputs)])
    assert len(both.weights) == len(layer.weights) + 4
    x = random(3, 5)
    kernel, bias = (as_float64(w) for w in layer.weights)
    integrated = x @ kernel + bias
    expected = [
        np.tanh(as_float64(first.modulation(x)) * integrated),
        np.maximum(as_float64(second.modulation(x)) * integrated, 0),
    ]
    for got, want in zip(both.predict(x, verbose=0), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        alone.predict(x, verbose=0), np.tanh(integrated), rtol=1e-5
    )
    assert layer.activation is keras.activations.tanh
    # By itself, the layer's regularizer acts on its own output.
    plain = layers.Activation("linear", activity_regularizer="l2")
    plain(layer(x))
    (own,), (expected_loss,) = layer.losses, plain.losses
    assert as_float64(own) == pytest.approx(as_float64(expected_loss), rel=1e-6)


def test_activity_regularizer_of_the_layer_is_that_of_the_output() -> None:
    wrapper = Modulated(layers.Dense(4, activity_regularizer="l2"))
    y = wrapper(random(3, 5))
    plain = layers.Activation("linear", activity_regularizer="l2")
    plain(y)
    (loss,) = wrapper.losses
    assert as_float64(loss) == pytest.approx(as_float64(plain.losses[0]), rel=1e-6)


def test_activation_in_a_config() -> None:
    """None where it is the layer's own; and `layer.activation = None` is linear."""
    wrapper = Modulated(layers.Dense(4, activation="tanh", activity_regularizer="l2"))
    config = wrapper.get_config()
    assert config["activation"] is config["activity_regularizer"] is None
    again = Modulated.from_config(config)
    assert again.activation is again.layer.activation is keras.activations.tanh
    assert again.activity_regularizer is not None
    x = random(3, 5)
    wrapper(x)
    wrapper.activation = None
    linear = Modulated.from_config(wrapper.get_config())
    assert linear.activation is keras.activations.linear
    integrated = np.arctanh(as_float64(wrapper.layer(x)))
    np.testing.assert_allclose(
        as_float64(wrapper(x)),
        as_float64(wrapper.modulation(x)) * integrated,
        rtol=1e-4,
        atol=1e-6,
    )


def test_activation_with_weights_in_a_file(tmp_path: Any) -> None:
    """The activation is one layer, of the wrapped layer and of the wrapper."""
    alpha = keras.initializers.Constant(0.3)
    layer = layers.Dense(4, activation=layers.PReLU(alpha_initializer=alpha))
    model = keras.Sequential([keras.Input((5,)), Modulated(layer)])
    x = random(3, 5)
    expected = as_float64(model(x))
    assert [w.name for w in model.weights] == [
        "kernel", "bias", "alpha", "kernel", "bias"
    ]  # fmt: skip
    layer.activation.alpha.assign([0.1, 0.2, 0.3, 0.4])
    changed = as_float64(model(x))
    assert (changed != expected).any()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), changed, rtol=1e-6)


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_what_is_read_of_a_layer(kind: str) -> None:
    """Every attribute that the wrapped layer has."""
    make, shape, *_ = OF_EVERY_KIND[kind]
    layer = make()
    wrapper = Modulated(layer)
    wrapper.build(shape)
    read = [n for n in dir(layer) if n[0] != "_" and hasattr(layer, n)]
    assert [name for name in read if not hasattr(wrapper, name)] == []
    assert wrapper.layer is layer
    assert wrapper.bias is layer.bias
    layer(keras.Input(shape[1:]))
    with pytest.raises(AttributeError, match=r"modulated.* has never been called"):
        _ = wrapper.input
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = wrapper.no_such_thing


@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`")
@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_quantized_file(mode: str, tmp_path: Any) -> None:
    """The modulator is saved as what it has become."""
    model = keras.Sequential([keras.Input((16,)), Modulated(layers.Dense(8, "tanh"))])
    x = random(3, 16)
    plain = model.predict(x, verbose=0)
    model.quantize(mode)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(expected, plain, atol=0.1)
    assert model.layers[0].modulator.quantization_mode == mode
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), expected)


def test_low_rank_adapters_in_a_file(tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((16,)), Modulated(layers.Dense(8, "tanh"))])
    wrapper = model.layers[0]
    wrapper.enable_lora(2)
    wrapper.modulator.enable_lora(1)
    for place, weight in enumerate(model.weights):
        weight.assign(random(*weight.shape, seed=place))
    x = random(3, 16)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5)


def test_a_quantized_layer_has_a_modulator_of_floats() -> None:
    layer = layers.Dense(8)
    layer.build((None, 16))
    layer.quantize("int8")
    wrapper = Modulated(layer)
    wrapper.build((None, 16))
    assert wrapper.dtype_policy.name == wrapper.modulator.dtype_policy.name == "float32"
    assert len(wrapper.modulator.trainable_weights) == 2


def test_a_modulator_that_was_frozen_by_itself() -> None:
    wrapper = Modulated(layers.Dense(4))
    wrapper.build((None, 3))
    wrapper.modulator.trainable = False
    again = Modulated.from_config(wrapper.get_config())
    again.build((None, 3))
    paths = [w.path for w in again.trainable_weights]
    assert len(paths) == 2
    assert not any("modulator" in path for path in paths)


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


def layers_out(layer: Any, x: np.ndarray) -> Any:
    return layer(x)


def test_wrapper_of_a_linear_layer() -> None:
    """The activation comes after the modulation, outside the inner wrapper."""
    inner = layers.SpectralNormalization(layers.Dense(3))
    wrapper = Modulated(inner, modulator=layers.Dense(1), activation="tanh")
    x = random(4, 5)
    y = as_float64(wrapper(x))
    expected = np.tanh(as_float64(wrapper.modulation(x)) * as_float64(inner(x)))
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_wrapped_twice_in_a_row() -> None:
    """phi(s_2 s_1 v): a `Modulated` has an activation that is taken out, too."""
    inner = Modulated(layers.Dense(3, activation="tanh"))
    wrapper = Modulated(inner, modulator=layers.Dense(1))
    x = random(4, 5)
    y = as_float64(wrapper(x))
    signal = as_float64(wrapper.modulation(x)) * as_float64(inner.modulation(x))
    kernel = as_float64(inner.kernel)
    np.testing.assert_allclose(y, np.tanh(signal * (x @ kernel)), rtol=1e-5)


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


class WithFixedActivation(layers.Layer):
    """A layer whose activation cannot be taken out."""

    activation = property(lambda self: keras.activations.relu)


REFUSED: dict[str, tuple[Any, str]] = {
    "not a layer": (lambda: Modulated("Dense"), "must be a Keras layer"),
    "no weights": (lambda: Modulated(layers.ReLU()), "No modulator follows from ReLU"),
    "no weights but a modulator": (
        lambda: Modulated(layers.ReLU(), modulator=layers.Dense(1))(random(2, 3)),
        "has none",
    ),
    "recurrent": (lambda: Modulated(layers.LSTM(3)), "ModulatedLSTM"),
    "fixed activation": (
        lambda: Modulated(WithFixedActivation(), modulator=layers.Dense(1)),
        "must be a linear map but for its activation",
    ),
    "activation in a wrapper": (
        lambda: Modulated(
            layers.SpectralNormalization(layers.Dense(3, "tanh")),
            modulator=layers.Dense(1),
        ),
        "'tanh' inside, in Dense 'dense.*pass activation='tanh' to `Modulated`",
    ),
    "activation in a model": (
        lambda: Modulated(
            keras.Sequential(
                [layers.TimeDistributed(layers.Dense(3, "relu")), layers.Dropout(0.5)]
            ),
            modulator=layers.Dense(1),
        ),
        "'relu' inside, in Dense",
    ),
    "two contracted axes": (
        lambda: Modulated(layers.EinsumDense("abc,bcd->ad", 4)),
        "sums over b, c. Pass a layer as `modulator`",
    ),
    "no axis for the bias": (
        lambda: Modulated(
            layers.EinsumDense("abc,c->ab", (None,)), modulator_use_bias=True
        ),
        "modulator_use_bias=False",
    ),
    "unknown size": (
        lambda: Modulated(layers.Dense(3))(keras.Input((4, None))),
        "needs the number of input features",
    ),
    "unknown contracted size": (
        lambda: Modulated(layers.EinsumDense("abc,bd->adc", (4, None)))(
            keras.Input((None, 5))
        ),
        "needs the number of input features",
    ),
    "unknown size of the context": (
        lambda: Modulated(layers.Dense(3))(
            keras.Input((4,)), context=keras.Input((None,))
        ),
        "needs the number of input features",
    ),
    "context of another size": (
        lambda: Modulated(layers.Conv2D(3, 3))(
            random(2, 6, 6, 1), context=random(2, 5, 5, 1)
        ),
        r"signal of shape \(2, 3, 3, 1\) does not fit its output of shape "
        r"\(2, 4, 4, 3\)",
    ),
    "modulator of another size": (
        lambda: Modulated(layers.Dense(3), modulator=layers.Dense(2))(random(2, 4)),
        "does not fit",
    ),
    "modulator of other axes": (
        lambda: Modulated(layers.Dense(3), modulator=layers.Flatten())(random(2, 4, 2)),
        "does not fit",
    ),
    "arguments of a given modulator": (
        lambda: Modulated(
            layers.Dense(3), modulator=layers.Dense(1), modulator_use_bias=False
        ),
        "`modulator_use_bias` is for a modulator that is made here",
    ),
    "not built": (
        lambda: Modulated(layers.Dense(3)).modulation(random(2, 4)),
        "no modulator before it is built",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_refused_layer_is_left_as_it_was() -> None:
    layer = layers.Dense(3, activation="tanh", activity_regularizer="l2")
    for arguments in (
        {"modulator": "gate"},
        {"modulator_activation": 3},
        {"modulator_kernel_initializer": "no_such_name"},
        {"no_such_argument": 1},
    ):
        with pytest.raises((ValueError, TypeError)):
            Modulated(layer, **arguments)
    assert layer.activation is keras.activations.tanh
    assert layer.activity_regularizer is not None


def test_context_that_does_not_fit_leaves_the_wrapper_usable() -> None:
    wrapper = Modulated(layers.Conv2D(3, 3))
    x = random(2, 6, 6, 1)
    with pytest.raises(ValueError, match="does not fit"):
        wrapper(x, context=random(2, 5, 5, 2))
    assert not wrapper.built
    assert tuple(wrapper(x, context=random(2, 6, 6, 2)).shape) == (2, 4, 4, 3)


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


def test_activation_that_is_a_layer() -> None:
    layer = layers.Dense(3, activation=layers.LeakyReLU(0.5))
    x = random(2, 4)
    wrapper = Modulated(layer)
    outputs = as_float64(wrapper(x))
    integrated = x @ as_float64(layer.kernel)
    product = as_float64(wrapper.modulation(x)) * integrated
    expected = np.where(product > 0, product, 0.5 * product)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


class Sine(layers.Layer):
    """A layer that does not say what shape it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def build(self, input_shape: Any) -> None:
        self.dense.build(input_shape)

    def call(self, x: Any) -> Any:
        return keras.ops.sin(self.dense(x))


def test_modulator_that_does_not_say_its_shape() -> None:
    x = random(2, 5)
    wrapper = Modulated(layers.Dense(4), modulator=Sine())
    assert tuple(wrapper(x).shape) == (2, 4)
    assert tuple(wrapper.modulation(x).shape) == (2, 1)
