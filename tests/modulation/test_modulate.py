"""modulate(model): what is modulated, what is carried over, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_modact
from keras_modact.modulation.identity_init import steady_bias
from keras_modact.modulation.tanhshrink import modulator_activation
from tests.gradients import as_float64
from tests.modulation.test_modulated import OF_EVERY_KIND, random

Modulated = keras_modact.Modulated
modulate = keras_modact.modulate


def network() -> keras.Model:
    """Two inputs, a shared layer, a nested model, an operation, a frozen layer."""
    left, right = keras.Input((6, 6, 2), name="left"), keras.Input((6, 6, 2))
    shared = layers.Conv2D(3, 3, activation="relu", name="shared")
    inner = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.Conv2D(4, 2, name="deep", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ],
        name="inner",
    )
    both = shared(left) - shared(right)
    y = layers.Flatten()(inner(both))
    y = layers.Dense(5, activation="tanh", name="hidden", trainable=False)(y)
    return keras.Model([left, right], layers.Dense(2, name="out")(y), name="net")


def pictures(count: int = 3) -> list[np.ndarray]:
    return [random(count, 6, 6, 2, seed=seed) for seed in (0, 1)]


def randomized(model: keras.Model) -> keras.Model:
    """The model with random weights, moving averages among them."""
    for place, weight in enumerate(model.weights):
        values = random(*weight.shape, seed=place)
        positive = "variance" in weight.name
        weight.assign(np.abs(values) + 0.5 if positive else values)
    return model


def modulated_names(model: Any) -> list[str]:
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += modulated_names(layer)
        elif isinstance(layer, Modulated):
            found.append(layer.name)
    return found


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["shared", "deep"]),
        (layers.Dense, ["hidden", "out"]),
        ("hidden", ["hidden"]),
        ([layers.Conv2D, "out"], ["shared", "deep", "out"]),
        (lambda layer: layer.name.startswith("s"), ["shared"]),
    ],
    ids=["convolutions", "class", "name", "list", "function"],
)
def test_choice_and_weights(chosen: Any, names: list[str]) -> None:
    model = randomized(network())
    before = model.get_weights()
    clone = modulate(model, chosen)
    assert sorted(modulated_names(clone)) == sorted(names)
    assert clone.name == "net"
    kept = {n.name for n in model.layers if not isinstance(n, layers.InputLayer)}
    assert kept < {layer.name for layer in clone.layers}
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    for name in ("hidden", "out", "shared"):
        layer = clone.get_layer(name)
        layer = getattr(layer, "layer", layer)
        for old, new in zip(
            model.get_layer(name).get_weights(), layer.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(old, new)
    averages = clone.get_layer("inner").layers[1].get_weights()
    for old, new in zip(
        model.get_layer("inner").layers[1].get_weights(), averages, strict=True
    ):
        np.testing.assert_array_equal(old, new)


def test_the_clone_computes_modulated_layers() -> None:
    model = keras.Sequential(
        [keras.Input((5,)), layers.Dense(4, activation="tanh", name="hidden")]
    )
    clone = modulate(model, "hidden", modulator_kernel_initializer="ones")
    x = random(3, 5)
    kernel, bias = model.get_weights()
    signal = 1 / (1 + np.exp(-x.sum(axis=1, keepdims=True)))
    np.testing.assert_allclose(
        clone.predict(x, verbose=0), np.tanh(signal * (x @ kernel + bias)), rtol=1e-5
    )


def test_a_shared_layer_has_one_modulator() -> None:
    clone = modulate(network(), "shared")
    wrapper = clone.get_layer("shared")
    assert len(wrapper.modulator.weights) == 2
    assert len(clone.weights) == len(network().weights) + 2


def test_frozen_layers_stay_frozen_and_modulators_learn() -> None:
    wrapper = modulate(network(), "hidden").get_layer("hidden")
    assert not wrapper.layer.trainable_weights
    assert len(wrapper.trainable_weights) == 2


@pytest.mark.parametrize("modulator", ["shared", "channelwise"])
@pytest.mark.parametrize(
    ("activation", "rtol"),
    [
        ("sigmoid", 0),
        ("hard_sigmoid", 0),
        ("linear", 0),
        ("softsign", 0),
        ("tanh", 1e-5),
        ("tanhshrink", 1e-5),
    ],
)
def test_start_unchanged(activation: str, rtol: float, modulator: str) -> None:
    model = randomized(network())
    clone = modulate(
        model,
        [layers.Conv2D, layers.Dense],
        activation,
        modulator,
        start_unchanged=True,
        modulator_use_bias=True,
    )
    x = pictures()
    expected = model.predict(x, verbose=0)
    assert np.abs(expected).max() > 0.1
    got = clone.predict(x, verbose=0)
    if rtol == 0:
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(got, expected, rtol=max(rtol, 1e-7), atol=rtol)


@pytest.mark.parametrize("kind", OF_EVERY_KIND)
def test_start_unchanged_of_every_kind(kind: str) -> None:
    make, shape, *_ = OF_EVERY_KIND[kind]
    inputs = keras.Input(shape[1:])
    model = randomized(keras.Model(inputs, make(activation="tanh")(inputs)))
    clone = modulate(model, lambda layer: bool(layer.weights), start_unchanged=True)
    x = random(*shape)
    expected = model.predict(x, verbose=0)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(clone.predict(x, verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("sigmoid", (0, 0.5)), ("relu", (0.5, 0.5)), ("exponential", (0, 1))],
)
def test_exact_steady_biases(activation: str, expected: tuple[float, float]) -> None:
    assert steady_bias(modulator_activation(activation)) == expected


@pytest.mark.parametrize(
    "activation", ["tanh", "softplus", "selu", "gelu", "tanhshrink"]
)
def test_found_steady_biases(activation: str) -> None:
    tau = modulator_activation(activation)
    bias, signal = steady_bias(tau)
    value = as_float64(tau(keras.ops.convert_to_tensor([bias], "float32")))[0]
    assert value == pytest.approx(signal, rel=3e-7)
    assert np.log2(signal) == int(np.log2(signal))
    # Not where tau is flat, and could not learn.
    near = as_float64(tau(keras.ops.convert_to_tensor([bias + 0.1], "float32")))[0]
    assert near - value > 0.02


def test_no_steady_bias() -> None:
    with pytest.raises(ValueError, match="Take another `modulator_activation`"):
        steady_bias(lambda x: 0 * x)


def test_saves_and_loads(tmp_path: Path) -> None:
    clone = randomized(modulate(network()))
    clone.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(pictures(), verbose=0), clone.predict(pictures(), verbose=0)
    )


def test_normalization_keeps_what_it_has_seen() -> None:
    normalization = layers.Normalization()
    normalization.adapt(random(50, 5) * 3 + 1)
    model = keras.Sequential([keras.Input((5,)), normalization, layers.Dense(2)])
    clone = modulate(model, layers.Dense, start_unchanged=True)
    x = random(4, 5)
    np.testing.assert_array_equal(
        clone.predict(x, verbose=0), model.predict(x, verbose=0)
    )


def test_model_that_was_built_by_a_call() -> None:
    model = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
    x = random(3, 5)
    expected = as_float64(model(x))
    clone = modulate(model, layers.Dense, start_unchanged=True)
    np.testing.assert_array_equal(as_float64(clone(x)), expected)


def test_model_that_is_not_built() -> None:
    clone = modulate(keras.Sequential([layers.Dense(4)]), layers.Dense)
    assert tuple(clone(random(3, 5)).shape) == (3, 4)


def test_function_makes_the_modulators() -> None:
    clone = modulate(
        network(), "hidden", modulator=lambda layer: layers.Dense(layer.units)
    )
    assert clone.get_layer("hidden").modulator.units == 5


@pytest.mark.slow
@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="quick where nothing is compiled"
)
def test_an_application_becomes_a_modulated_model_that_trains() -> None:
    """The smallest of `keras.applications`; others take minutes to compile."""
    model = keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=3)
    clone = modulate(model, start_unchanged=True)
    convolutions = [n for n in model.layers if "Conv2D" in type(n).__name__]
    assert len(modulated_names(clone)) == len(convolutions) > 50
    for layer in convolutions:
        old, new = layer.kernel, clone.get_layer(layer.name).layer.kernel
        np.testing.assert_array_equal(as_float64(new), 2 * as_float64(old))
    x = random(2, 32, 32, 3)
    np.testing.assert_allclose(
        clone.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6
    )
    # Compiled is fastest on JAX, and slowest on the others.
    jitted = keras.backend.backend() == "jax"
    clone.compile("sgd", "sparse_categorical_crossentropy", jit_compile=jitted)
    first = clone.get_layer("Conv1").modulator
    before = first.get_weights()
    clone.train_on_batch(x, np.array([0, 2]))
    assert any((a != b).any() for a, b in zip(before, first.get_weights(), strict=True))


def test_modulators_of_a_frozen_sequential_train_and_its_layers_do_not() -> None:
    def frozen() -> keras.Model:
        model = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(3, 2)])
        model.trainable = False
        return model

    nested = keras.Sequential([keras.Input((6, 6, 2)), frozen()])
    nested.trainable = False
    for clone in (modulate(frozen()), modulate(nested)):
        assert clone.trainable
        paths = [weight.path for weight in clone.trainable_weights]
        assert len(paths) == 2
        assert all("modulator" in path for path in paths)
        assert len(clone.non_trainable_weights) == 2


class Subclassed(keras.Model):
    """A model whose layers stand in its code."""

    def call(self, x: Any) -> Any:
        return x


REFUSED: dict[str, tuple[Any, str]] = {
    "subclassed": (
        lambda: modulate(Subclassed()),
        "must be a keras.Sequential or a functional model, received Subclassed",
    ),
    "no convolution": (
        lambda: modulate(keras.Sequential([keras.Input((3,)), layers.Dense(2)])),
        r"meant by layers=None, where None stands for convolutions.*Choose from dense",
    ),
    "no such name": (
        lambda: modulate(network(), "hiden"),
        "no layer named 'hiden'. Did you mean one of hidden",
    ),
    "no modulator follows": (
        lambda: modulate(network(), layers.BatchNormalization),
        "No modulator follows from BatchNormalization",
    ),
    "no choice": (lambda: modulate(network(), 3), "received layers=3"),
    "all modulated before": (
        lambda: modulate(modulate(network())),
        "for convolutions, of which this model has none but those changed before",
    ),
    "misspelt": (
        lambda: modulate(network(), modulator_use_bais=False),
        "Did you mean `modulator_use_bias`",
    ),
    "two starts": (
        lambda: modulate(
            network(), start_unchanged=True, modulator_kernel_initializer="ones"
        ),
        "received modulator_kernel_initializer with it",
    ),
    "start of a function": (
        lambda: modulate(
            network(), modulator=lambda layer: layers.Dense(1), start_unchanged=True
        ),
        "a function as `modulator`",
    ),
    "start without bias": (
        lambda: modulate(network(), "deep", "tanh", start_unchanged=True),
        "needs a bias of 0.549306 in the modulator of 'deep'",
    ),
    "start of an unbuilt model": (
        lambda: modulate(
            keras.Sequential([layers.Dense(2)]), layers.Dense, start_unchanged=True
        ),
        "Build the model",
    ),
    "start of a signal that mixes channels": (
        lambda: modulate(
            network(), modulator_activation="softmax", start_unchanged=True
        ),
        "acts on each number by itself",
    ),
    "a layer as modulator": (
        lambda: modulate(network(), modulator=layers.Dense(1)),
        "a function that makes a modulator",
    ),
    "a layer as choice": (
        lambda: modulate(network(), layers.Dense(1, name="one")),
        "received the layer 'one'. Pass its name",
    ),
    "not a truth value": (
        lambda: modulate(network(), start_unchanged="yes"),
        "`start_unchanged` must be True or False",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
