"""MixLU against the thesis: which units, which elements, which gradient."""

from __future__ import annotations

import warnings
from pathlib import Path
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

SHAPES = [(3, 8), (2, 5, 8), (2, 3, 4, 8), (2, 2, 3, 2, 8)]


def channels_to(data_format: str, x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def batch(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("gradient", ["exact", "published"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@given(
    shape=st.sampled_from(SHAPES),
    fraction=st.sampled_from([0.0, 0.125, 0.3, 0.5, 1.0]),
    seed=st.integers(0, 100),
)
def test_units(
    gradient: str,
    data_format: str,
    shape: tuple[int, ...],
    fraction: float,
    seed: int,
) -> None:
    x = batch(shape, seed)
    cotangent = batch(shape, seed + 1).astype("float64")
    layer = keras_modact.MixLU(
        fraction, gradient=gradient, data_format=data_format, seed=seed
    )
    layer.build(channels_to(data_format, x).shape)
    negative = as_float64(layer.negative_units) > 0
    assert negative.sum() == round(fraction * 8)
    result = differentiate(
        layer, [channels_to(data_format, x)], [channels_to(data_format, cotangent)]
    )
    expected = oracle.mixlu(x, negative)
    derivative = oracle.mixlu_derivative(x, negative, gradient)
    if gradient == "published":
        derivative = np.where(negative, derivative, x > 0)
    np.testing.assert_array_equal(result.outputs[0], channels_to(data_format, expected))
    np.testing.assert_allclose(
        result.inputs[0], channels_to(data_format, derivative * cotangent), rtol=1e-6
    )


@pytest.mark.parametrize("training", [False, True])
def test_units_are_the_same_in_training(training: bool) -> None:
    x = batch((3, 8))
    layer = keras_modact.MixLU(0.5, seed=1)
    outputs = [as_float64(layer(x, training=training)) for _ in range(3)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    negative = as_float64(layer.negative_units) > 0
    np.testing.assert_array_equal(outputs[0], oracle.mixlu(x, negative))


@pytest.mark.parametrize("gradient", ["exact", "published"])
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.3, 1.0])
def test_elements_in_training(fraction: float, gradient: str) -> None:
    """Exactly round(p * size) of the whole batch, others at each call."""
    x = batch((7, 5, 11))
    layer = keras_modact.MixLU(fraction, "elements", gradient, seed=2)
    layer.build(x.shape)
    result = differentiate(layer, [x], [np.ones(x.shape)], training=True)
    negative = result.outputs[0] != np.maximum(x, 0)
    assert negative.sum() == round(fraction * x.size)
    np.testing.assert_array_equal(result.outputs[0], oracle.mixlu(x, negative))
    np.testing.assert_array_equal(
        result.inputs[0], oracle.mixlu_derivative(x, negative, gradient)
    )


def test_elements_are_drawn_anew_over_the_whole_batch() -> None:
    x = batch((7, 5, 11))
    layer = keras_modact.MixLU(0.3, "elements", seed=2)
    chosen = [as_float64(layer(x, training=True)) != np.maximum(x, 0) for _ in range(3)]
    assert (chosen[0] != chosen[1]).mean() > 0.2
    assert (chosen[1] != chosen[2]).mean() > 0.2
    # Over the batch and over the units alike.
    assert (np.mean(chosen, axis=(0, 1, 2)) > 0.15).all()
    assert (np.mean(chosen, axis=(0, 2, 3)) > 0.15).all()


def test_elements_outside_training_are_the_expected_value() -> None:
    x = batch((3, 8))
    layer = keras_modact.MixLU(0.25, "elements")
    expected = 0.75 * np.maximum(x, 0) + 0.25 * np.minimum(x, 0)
    np.testing.assert_allclose(as_float64(layer(x)), expected, atol=1e-7)
    drawn = [as_float64(layer(x, training=True)) for _ in range(400)]
    np.testing.assert_allclose(np.mean(drawn, axis=0), expected, atol=0.2)


def test_elements_of_a_free_batch_in_a_compiled_model() -> None:
    """Every batch size has its own exact number."""
    counted = []
    inputs = keras.Input((10,))
    mixed = keras_modact.MixLU(0.24, "elements", seed=0)(inputs)
    # The identity, since `fit` wants a weight to train.
    outputs = keras.layers.Dense(10, use_bias=False, kernel_initializer="identity")(
        mixed
    )
    model = keras.Model(inputs, outputs)
    model.compile(
        keras.optimizers.SGD(0.0),
        lambda y, z: keras.ops.mean(keras.ops.sign(z), axis=-1),
    )
    for size in (1, 4, 6):
        model.reset_metrics()
        loss = model.train_on_batch(np.ones((size, 10)), np.zeros((size, 10)))
        counted.append(float(loss))
    # Of 10, 40 and 60 elements: 2.4, 9.6 and 14.4.
    assert counted == pytest.approx([1 - 2 / 10, 1 - 10 / 40, 1 - 14 / 60])


@pytest.mark.float64
@pytest.mark.parametrize("activation", ["relu", "softplus", "gelu"])
def test_base_activation_in_float64(activation: str) -> None:
    x = batch((4, 6)).astype("float64")
    cotangent = batch((4, 6), 1).astype("float64")
    layer = keras_modact.MixLU(0.5, activation=activation, seed=5, dtype="float64")
    layer.build(x.shape)
    negative = as_float64(layer.negative_units) > 0
    base = keras.activations.get(activation)

    def function(x: np.ndarray) -> np.ndarray:
        return np.where(negative, np.minimum(0, x), as_float64(base(x)))

    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(result.outputs[0], function(x), atol=1e-12)
    (expected,) = central_differences(lambda a: (function(a[0]) * cotangent).sum(), [x])
    np.testing.assert_allclose(result.inputs[0], expected, atol=1e-7)


@pytest.mark.parametrize("scope", ["units", "elements"])
@pytest.mark.parametrize("training", [False, True])
def test_ends_are_the_base_and_neglu(scope: str, training: bool) -> None:
    x = batch((3, 8))
    base = keras_modact.MixLU(0, scope, activation="tanh")
    np.testing.assert_allclose(
        as_float64(base(x, training=training)), np.tanh(x), atol=1e-6
    )
    negative = keras_modact.MixLU(1, scope)
    np.testing.assert_array_equal(
        as_float64(negative(x, training=training)), as_float64(keras_modact.NegLU()(x))
    )


def test_seed_chooses_the_units() -> None:
    def units(seed: int | None) -> tuple:
        layer = keras_modact.MixLU(0.5, seed=seed)
        layer.build((None, 32))
        return tuple(as_float64(layer.negative_units))

    assert units(1) == units(1)
    assert len({units(seed) for seed in (1, 2, 3, None, None)}) == 5


def test_units_survive_files_of_weights_into_another_model(tmp_path: Path) -> None:
    def model() -> keras.Model:
        return keras.Sequential([keras.Input((32,)), keras_modact.MixLU(0.5)])

    first, second = model(), model()
    x = batch((2, 32))
    assert (first.predict(x, verbose=0) != second.predict(x, verbose=0)).any()
    first.save_weights(tmp_path / "model.weights.h5")
    second.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(
        first.predict(x, verbose=0), second.predict(x, verbose=0)
    )


@pytest.mark.parametrize(
    ("fraction", "units", "count"),
    [(0.05, 500, 25), (0.005, 500, 2), (0.25, 10, 2), (0.35, 10, 4), (0.5, 1, 0)],
)
def test_rounding_is_half_to_even(fraction: float, units: int, count: int) -> None:
    layer = keras_modact.MixLU(fraction)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        layer.build((None, units))
    assert as_float64(layer.negative_units).sum() == count


def test_a_fraction_that_rounds_to_no_unit_warns_with_the_smallest_that_does() -> None:
    with pytest.warns(UserWarning, match=r"0\.01 of 20 units.*just above 0\.025"):
        keras_modact.MixLU(0.01).build((None, 20))
    layer = keras_modact.MixLU(0.0251)
    layer.build((None, 20))
    assert as_float64(layer.negative_units).sum() == 1


def refuses(message: str, call: Any) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_shapes() -> None:
    layer = keras_modact.MixLU(0.5)
    refuses(r"size of the channel axis.*\(None, 4, None\)", lambda: layer(
        keras.Input((4, None))))  # fmt: skip
    refuses("at least 2 axes", lambda: layer(np.ones(3, "float32")))
    assert not layer.weights
    first = keras_modact.MixLU(0.5, data_format="channels_first")
    refuses("the second", lambda: first(keras.Input((None, 4))))
    layer(np.ones((2, 8), "float32"))
    refuses("built for 8 channels", lambda: layer(np.ones((2, 6), "float32")))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("gradient", ["exact", "published"])
@pytest.mark.parametrize("scope", ["units", "elements"])
@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_infinities_at_the_ends(
    fraction: float, scope: str, gradient: str, training: bool
) -> None:
    x = np.array([[np.inf, -np.inf, 2.0, -2.0]], "float32")
    layer = keras_modact.MixLU(fraction, scope, gradient)
    layer.build(x.shape)
    result = differentiate(layer, [x], [np.ones(x.shape)], training=training)
    expected = oracle.neglu(x) if fraction else np.maximum(x, 0)
    np.testing.assert_array_equal(result.outputs[0], expected)
    derivative = (x < 0) if fraction and gradient == "exact" else (x > 0)
    # Published, the value 0 at inf comes from a difference that has no slope there.
    at = slice(1, None) if fraction and gradient == "published" else slice(None)
    np.testing.assert_array_equal(result.inputs[0][:, at], derivative[:, at])
    assert not np.isnan(result.inputs[0]).any()


def test_elements_drawn_outside_training_as_published() -> None:
    x = batch((7, 5, 11))
    layer = keras_modact.MixLU(0.3, "elements", seed=2, draw_at_inference=True)
    chosen = []
    for _ in range(2):
        outputs = as_float64(layer(x))
        negative = outputs != np.maximum(x, 0)
        assert negative.sum() == round(0.3 * x.size)
        np.testing.assert_array_equal(outputs, oracle.mixlu(x, negative))
        chosen.append(negative)
    assert (chosen[0] != chosen[1]).mean() > 0.2
    with pytest.raises(ValueError, match="`draw_at_inference` is for scope='elements'"):
        keras_modact.MixLU(0.3, draw_at_inference=True)


def test_no_activation_is_linear(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8,)), keras_modact.MixLU(0.5, seed=1)])
    model.layers[0].activation = None
    x = batch((3, 8))
    expected = np.where(as_float64(model.layers[0].negative_units), np.minimum(x, 0), x)
    np.testing.assert_array_equal(as_float64(model(x)), expected)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_float64(loaded(x)), expected)


def test_a_nan_stays_a_nan() -> None:
    x = np.array([[np.nan] * 4], "float32")
    for scope in ("units", "elements"):
        layer = keras_modact.MixLU(0.5, scope)
        assert np.isnan(as_float64(layer(x, training=True))).all()
