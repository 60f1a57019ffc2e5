"""The Gamma layer: modes, shared axes, weights, and adapting it alone."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_modact
from tests.activation import oracle
from tests.gradients import as_float64, differentiate
from tests.oracle import central_differences

# Input without the batch, shared axes, shape of the gain.
SHARED = [
    ((4,), None, (4,)),
    ((5, 4), None, (5, 4)),
    ((5, 4), 1, (1, 4)),
    ((5, 6, 4), [1, 2], (1, 1, 4)),
    ((4, 5, 6), [2, 3], (4, 1, 1)),
    ((5, 4), [1, 2], (1, 1)),
]


@given(
    case=st.sampled_from(SHARED),
    seed=st.integers(0, 1000),
)
def test_heterogeneous(case: tuple, seed: int) -> None:
    shape, shared_axes, neurons = case
    random = np.random.default_rng(seed)
    x = random.normal(size=(3, *shape)).astype("float32")
    layer = keras_modact.Gamma("heterogeneous", shared_axes=shared_axes)
    layer.build(x.shape)
    layer.set_weights([random.uniform(0.5, 3, neurons), random.normal(size=neurons)])
    gain, saturation = (as_float64(w) for w in layer.weights)
    np.testing.assert_allclose(
        as_float64(layer(x)), oracle.gamma(x, gain, saturation), rtol=1e-4, atol=1e-6
    )


@pytest.mark.float64
@pytest.mark.parametrize("mode", ["homogeneous", "heterogeneous"])
def test_gradients_in_float64(mode: str) -> None:
    random = np.random.default_rng(1)
    x, cotangent = random.normal(size=(4, 5, 3)), random.normal(size=(4, 5, 3))
    shared = {"shared_axes": [1]} if mode == "heterogeneous" else {}
    layer = keras_modact.Gamma(mode, dtype="float64", **shared)
    layer.build(x.shape)
    layer.set_weights(
        [random.choice([-1, 1], w.shape) * random.uniform(1, 3, w.shape)
         for w in layer.weights]
    )  # fmt: skip
    weights = [as_float64(w) for w in layer.weights]
    result = differentiate(layer, [x], [cotangent])
    np.testing.assert_allclose(result.outputs[0], oracle.gamma(x, *weights), atol=1e-14)
    estimates = central_differences(
        lambda a: float((oracle.gamma(a[2], a[0], a[1]) * cotangent).sum()),
        [*weights, x],
    )
    for exact, estimate in zip(result.weights + result.inputs, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, atol=1e-8)


@pytest.mark.parametrize(
    ("mode", "trained", "fixed"),
    [("static", 0, 2), ("homogeneous", 2, 0), ("heterogeneous", 8, 0)],
)
def test_modes_and_their_numbers(mode: str, trained: int, fixed: int) -> None:
    layer = keras_modact.Gamma(mode, gain_initializer=2.5, saturation_initializer=0.25)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(
        as_float64(layer(x)), oracle.gamma(x, 2.5, 0.25), rtol=1e-5, atol=1e-7
    )
    assert sum(int(np.prod(w.shape)) for w in layer.trainable_weights) == trained
    assert sum(int(np.prod(w.shape)) for w in layer.non_trainable_weights) == fixed
    assert [w.name for w in layer.weights] == ["gain", "saturation"]


def test_published_random_gains() -> None:
    layer = keras_modact.Gamma(
        "heterogeneous", gain_initializer=keras.initializers.RandomUniform(5, 7)
    )
    layer.build((None, 400))
    gain = as_float64(layer.gain)
    assert 5 <= gain.min() < 5.1
    assert 6.9 < gain.max() <= 7


def test_a_tiny_gain_keeps_its_digits_in_a_mixed_policy() -> None:
    """In float16 itself 1e-6 would be off by one percent."""
    layer = keras_modact.Gamma(
        gain_initializer=1e-5, saturation_initializer=0.99, dtype="mixed_float16"
    )
    x = np.array([[-1.0, 0.0, 1.0]], "float16")
    expected = oracle.gamma(x.astype("float64"), np.float32(1e-5), np.float32(0.99))
    np.testing.assert_allclose(as_float64(layer(x)), expected, rtol=2**-10)


def test_transfer_trains_gain_and_saturation_alone() -> None:
    """The documented line, then `fit`: nothing else moves, and these two do."""
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            keras_modact.GammaRNN(5, return_sequences=True, mode="heterogeneous"),
            keras_modact.GammaRNN(5, mode="static"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(4),
            keras_modact.Gamma(),
        ]
    )
    for w in model.trainable_weights:
        w.trainable = w.name in ("gain", "saturation")
    model.compile(keras.optimizers.Adam(0.01), "mse")
    before = [as_float64(w) for w in model.weights]
    random = np.random.default_rng(0)
    model.fit(random.normal(size=(8, 6, 3)), random.normal(size=(8, 4)), verbose=0)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 2 * 5 + 2
    for old, weight in zip(before, model.weights, strict=True):
        moved = np.abs(as_float64(weight) - old).max() > 1e-4
        adapted = weight.name in ("gain", "saturation") and weight.trainable
        assert moved == (adapted or "moving" in weight.name), weight.path


@pytest.mark.parametrize("shape", [(None, 4), (5, None)])
def test_neurons_of_unknown_number(shape: tuple) -> None:
    layer = keras_modact.Gamma("heterogeneous")
    with pytest.raises(ValueError, match="needs the size of every axis"):
        layer(keras.Input(shape))
    assert not layer.weights


def refused(message: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    layer = keras_modact.Gamma(**arguments)
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
    assert not layer.weights


def test_shared_axes_that_do_not_fit() -> None:
    refused(
        r"shared_axes=\[2\].*axes 1 to 1",
        {"mode": "heterogeneous", "shared_axes": 2},
        (3, 4),
    )
    with pytest.raises(ValueError, match="needs mode='heterogeneous'"):
        keras_modact.Gamma("homogeneous", shared_axes=[1])


def test_other_neurons_than_built_for() -> None:
    layer = keras_modact.Gamma("heterogeneous", shared_axes=[1])
    layer(np.zeros((2, 5, 4), "float32"))
    layer(np.zeros((2, 7, 4), "float32"))
    for shape in ((2, 5, 3), (2, 4), (2, 5, 4, 4)):
        with pytest.raises(ValueError, match=r"built for neurons of shape \(1, 4\)"):
            layer(np.zeros(shape, "float32"))
