"""modulate(): state and live objects in the clone, and what it cannot reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_modact
from tests.gradients import as_float64
from tests.modulation.test_modulated import random

Modulated = keras_modact.Modulated
modulate = keras_modact.modulate


def twice(x: Any) -> Any:
    return 2 * x


class Halves(keras.initializers.Initializer):
    """An initializer that Keras does not know by name."""

    def __call__(self, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        return 0.5 * keras.ops.ones(shape, dtype=dtype)


class Centred(layers.Layer):
    """A layer of the user's own that happens to have a method `adapt`.

    It keeps what that has found in a weight and in an attribute, which it saves.
    """

    shift: Any = 0.0

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones")

    def adapt(self, data: Any) -> None:
        self.scale.assign(1 / np.std(data, axis=0))
        self.shift = np.mean(data, axis=0)

    def save_own_variables(self, store: Any) -> None:
        store["scale"] = keras.ops.convert_to_numpy(self.scale)
        store["shift"] = self.shift

    def load_own_variables(self, store: Any) -> None:
        self.scale.assign(store["scale"])
        self.shift = store["shift"]

    def call(self, x: Any) -> Any:
        return (x - keras.ops.convert_to_tensor(self.shift)) * self.scale


def test_adapted_layers_are_copies_with_what_they_have_found() -> None:
    data = random(50, 5) * 3 + 1
    inputs = keras.Input((5,))
    normal, own = layers.Normalization(), Centred(name="own")
    x = own(normal(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    normal.adapt(data)
    own.adapt(data)
    few = random(3, 5)
    expected = as_float64(model(few))
    clone = modulate(model, "out", start_unchanged=True)
    np.testing.assert_array_equal(as_float64(clone(few)), expected)
    for layer in (normal, own):
        assert clone.get_layer(layer.name) is not layer
        layer.adapt(10 * data)
    np.testing.assert_array_equal(as_float64(clone(few)), expected)
    features = keras.Model(clone.input, clone.get_layer(normal.name).output)
    assert tuple(features(few).shape) == (3, 5)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the lookup runs in TensorFlow"
)
def test_vocabulary_and_bins_are_copied() -> None:
    lookup, bins = layers.StringLookup(), layers.Discretization(num_bins=4)
    lookup.adapt(["a", "b", "b"])
    bins.adapt(random(50, 1))
    words, numbers = keras.Input((1,), dtype="string"), keras.Input((1,))
    x = layers.Embedding(3, 4)(lookup(words)) + layers.Embedding(4, 4)(bins(numbers))
    model = keras.Model([words, numbers], layers.Dense(2)(x))
    clone = modulate(model, layers.Dense)
    copy = clone.get_layer(lookup.name)
    assert copy is not lookup
    assert copy.get_vocabulary() == lookup.get_vocabulary() == ["[UNK]", "b", "a"]
    assert clone.get_layer(bins.name).bin_boundaries == bins.bin_boundaries


def test_functions_and_objects_without_a_registered_name() -> None:
    shift = 3.0
    inputs = keras.Input((4,))
    x = layers.Dense(4, activation=twice, kernel_initializer=Halves())(inputs)
    x = layers.Dense(4, activation=lambda t: t + shift, name="shifted")(x)
    x = layers.Lambda(
        lambda t, by: keras.ops.concatenate([t, by * t]),
        output_shape=lambda shape: (shape[0], 4),
        arguments={"by": 2.0},
    )(x)
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    clone = modulate(model, layers.Dense, start_unchanged=True)
    batch = random(3, 4)
    np.testing.assert_array_equal(as_float64(clone(batch)), as_float64(model(batch)))
    assert clone.layers[1].activation is twice


def test_compiled_with_live_losses_and_metrics() -> None:
    def loss(y: Any, p: Any) -> Any:
        return keras.ops.mean((y - p) ** 2, axis=-1)

    def worst(y: Any, p: Any) -> Any:
        return keras.ops.max(keras.ops.abs(y - p), axis=-1)

    mean = keras.metrics.MeanAbsoluteError(name="mean")
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.25), loss, metrics=[worst, mean])
    x, y = random(8, 5), random(8, 2, seed=1)
    clone = modulate(model, layers.Dense, start_unchanged=True)
    got = clone.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(got, model.evaluate(x, y, verbose=0), rtol=1e-5)
    assert float(clone.optimizer.learning_rate) == 0.25
    assert clone.optimizer is not model.optimizer
    assert clone.loss is loss
    assert not any(m is mean for m in clone.metrics)
    before = model.get_weights()
    clone.fit(x, y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_nested_models_of_any_depth(depth: int) -> None:
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), layers.Conv2D(2, 3, padding="same", name="deep")]
    )
    for _ in range(depth):
        inputs = keras.Input((6, 6, 2))
        # Twice, so that what is shared stays shared.
        model = keras.Model(inputs, model(model(inputs)))
    clone = modulate(model, "deep", start_unchanged=True)
    assert len(model.weights) == 2
    assert len(clone.weights) == 4
    x = random(2, 6, 6, 2)
    np.testing.assert_allclose(as_float64(clone(x)), as_float64(model(x)), rtol=1e-5)


class Block(layers.Layer):
    """A layer of the user's own with layers inside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.one = layers.Dense(3, name="one")
        self.more = [layers.Dense(3, name="two")]

    def build(self, input_shape: Any) -> None:
        self.one.build(input_shape)
        self.more[0].build((*input_shape[:-1], 3))

    def call(self, x: Any) -> Any:
        return self.more[0](self.one(x))


def test_warns_of_layers_that_cannot_be_reached() -> None:
    inputs = keras.Input((4, 3))
    normed = layers.SpectralNormalization(layers.Dense(3, name="each"), name="norm")
    x = Block(name="block")(layers.Dense(3, name="out")(normed(inputs)))
    model = keras.Model(inputs, x)
    with pytest.warns(UserWarning, match="Not modulated") as caught:
        clone = modulate(model, layers.Dense)
    (warning,) = [w for w in caught if "Not modulated" in str(w.message)]
    text = str(warning.message)
    for hidden in ("'each' in SpectralNormalization 'norm'", "'one' in Block 'block'"):
        assert text.count(hidden) == 1
    assert "'two' in Block 'block'" in text
    assert "'out'" not in text
    assert isinstance(clone.get_layer("out"), Modulated)
    # Nothing is warned of where the choice leaves them out.
    modulate(model, "out")


class Gained(layers.Conv2D):
    """A convolution with arguments and a config of its own."""

    def __init__(self, gain: float, **kwargs: Any) -> None:
        super().__init__(2, 3, **kwargs)
        self.gain = gain

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "gain": self.gain}


class Forgetful(Gained):
    """One whose config does not give the arguments of its constructor."""

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


class Normed(layers.Conv2D):
    """One that divides by its kernel's size, so that no factor gets through."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        norm = keras.ops.sqrt(keras.ops.sum(kernel**2))
        return super().convolution_op(inputs, kernel / norm)


def pictures_to(layer: Any) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 2)), layer])


def test_subclass_with_a_config_of_its_own() -> None:
    model = pictures_to(Gained(2.0, name="gained"))
    clone = modulate(model, start_unchanged=True)
    assert clone.get_layer("gained").gain == 2.0
    x = random(2, 6, 6, 2)
    np.testing.assert_array_equal(as_float64(clone(x)), as_float64(model(x)))
    with pytest.raises(ValueError, match=r"Forgetful 'bad' cannot be constructed"):
        modulate(pictures_to(Forgetful(2.0, name="bad")))


@pytest.mark.parametrize(
    ("layer", "overridden"),
    [
        (lambda: keras_modact.AdaptiveConv2D(2, 3), "build, call of Conv2D"),
        (lambda: Normed(2, 3), "convolution_op of Conv2D"),
    ],
    ids=["call", "convolution_op"],
)
def test_start_unchanged_refuses_what_is_not_known(layer: Any, overridden: str) -> None:
    with pytest.raises(ValueError, match=f"overrides {overridden}"):
        modulate(pictures_to(layer()), start_unchanged=True)


@pytest.mark.parametrize(
    "activation",
    [
        lambda: layers.PReLU(alpha_initializer=keras.initializers.Constant(0.3)),
        lambda: keras_modact.Gamma("heterogeneous"),
    ],
    ids=["PReLU", "Gamma"],
)
def test_start_unchanged_with_an_activation_that_learns(activation: Any) -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, activation())])
    x = random(6, 5)
    # Its weights exist from the first call on.
    model.predict(x, verbose=0)
    own = model.layers[0].weights[2:]
    assert own
    for place, weight in enumerate(own):
        weight.assign(weight + 0.1 * np.abs(random(*weight.shape, seed=place)))
    expected = model.predict(x, verbose=0)
    clone = modulate(model, layers.Dense, start_unchanged=True)
    np.testing.assert_allclose(clone.predict(x, verbose=0), expected, rtol=1e-6)
    for old, new in zip(own, clone.layers[0].layer.weights[2:], strict=True):
        np.testing.assert_array_equal(as_float64(old), as_float64(new))


def test_the_packages_own_layers_are_copied() -> None:
    """An argument may have the name of a method, as `adaptation` has."""
    inputs = keras.Input((5,))
    x = keras_modact.AdaptiveDense(4, trainable=False, name="adaptive")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    clone = modulate(model, "out", start_unchanged=True)
    batch = random(3, 5)
    np.testing.assert_allclose(
        as_float64(clone(batch)), as_float64(model(batch)), rtol=1e-6
    )
    assert clone.get_layer("adaptive").trainable_weights == []
    assert len(clone.trainable_weights) == 4


def test_one_modulator_for_two_layers_is_refused() -> None:
    gate = layers.Dense(1, name="gate")
    model = keras.Sequential([keras.Input((5,)), layers.Dense(5), layers.Dense(5)])
    with pytest.raises(ValueError, match=r"'gate' for 'dense.*Return a new layer"):
        modulate(model, layers.Dense, modulator=lambda layer: gate)


def test_name_and_trainable() -> None:
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2, name="out")])
    with pytest.raises(ValueError, match="keeps its name"):
        modulate(model, "out", name="clone")
    assert modulate(model, "out", trainable=False).trainable_weights == []


def test_a_model_that_has_modulators_gets_more(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, "tanh", name="a"), layers.Dense(2)]
    )
    first = modulate(model, "a")
    second = modulate(first, layers.Dense)
    x = random(3, 5)
    wrapper = second.get_layer("a")
    np.testing.assert_allclose(
        as_float64(wrapper(x)), as_float64(first.get_layer("a")(x)), rtol=1e-6
    )
    second.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_float64(again(x)), as_float64(second(x)))
