"""The layer that `Modulated` wraps: left as it was, saved, read, quantized."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.gradients import as_float64
from tests.modulation.wrappers import OF_EVERY_KIND, Modulated, random


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


def test_activation_that_is_a_layer() -> None:
    layer = layers.Dense(3, activation=layers.LeakyReLU(0.5))
    x = random(2, 4)
    wrapper = Modulated(layer)
    outputs = as_float64(wrapper(x))
    integrated = x @ as_float64(layer.kernel)
    product = as_float64(wrapper.modulation(x)) * integrated
    expected = np.where(product > 0, product, 0.5 * product)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
