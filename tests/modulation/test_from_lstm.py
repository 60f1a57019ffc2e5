"""A modulated LSTM made of Keras' LSTM: the same until it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def lstm(**arguments: Any) -> Any:
    layer = keras.layers.LSTM(
        5, return_sequences=True, return_state=True, name="memory", **arguments
    )
    layer.build(X.shape)
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return layer


class WithStates(keras.layers.Layer):
    """A layer of its sequences and initial states, all differentiated."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer
        self.built = True

    def call(self, sequences: Any, *states: Any) -> Any:
        return self.layer(sequences, initial_state=list(states))


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], float]] = {
    "sigmoid": ({}, {}, 0.5),
    "no_bias_backwards": ({"use_bias": False, "go_backwards": True}, {}, 0.5),
    "activations": (
        {"activation": "softsign", "recurrent_activation": "hard_sigmoid"},
        {},
        0.5,
    ),
    "tanhshrink": ({}, {"modulator_activation": "tanhshrink"}, 0.5),
    "one": ({}, {"modulator_activation": "exponential"}, 1.0),
    "output": (
        {"go_backwards": True},
        {"modulator_activation": "tanhshrink", "modulates": "output"},
        1.0,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_computes_the_same(case: str) -> None:
    """Outputs, states and the gradients of all that both have."""
    of_lstm, given, signal = CASES[case]
    layer = lstm(**of_lstm)
    before = layer.get_weights()
    converted = keras_modact.ModulatedLSTM.from_lstm(layer, **given)
    assert converted.name == "memory"
    random = np.random.default_rng(2)
    states = [random.normal(size=(3, 5)).astype("float32") for _ in "hc"]
    cotangents = [random.normal(size=s) for s in ((3, 6, 5), (3, 5), (3, 5))]
    want = differentiate(WithStates(layer), [X, *states], cotangents)
    got = differentiate(WithStates(converted), [X, *states], cotangents)
    for a, b in zip(got.outputs + got.inputs, want.outputs + want.inputs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for a, b in zip(got.weights, want.weights, strict=True):
        i, f, g, o, m = np.split(a, 5, axis=-1)
        same = np.concatenate([i, f, g / signal, o], axis=-1)
        np.testing.assert_allclose(same, b, rtol=1e-4, atol=1e-4)
        assert np.abs(m).max() > 1e-3, "the modulator would never learn"
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_arguments_and_carried_states_come_along() -> None:
    layer = lstm(stateful=True, dropout=0.25, kernel_regularizer="l2", seed=3)
    layer(X)
    converted = keras_modact.ModulatedLSTM.from_lstm(layer, name="other")
    assert converted.name == "other"
    config = converted.get_config()
    for name in ("dropout", "seed", "stateful", "return_state", "kernel_regularizer"):
        assert config[name] == layer.get_config()[name], name
    for ours, theirs in zip(converted.states, layer.states, strict=True):
        np.testing.assert_array_equal(as_float64(ours), as_float64(theirs))


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (lambda: keras.layers.LSTM(5), {}, "has none yet"),
        (lambda: keras.layers.GRU(5), {}, "takes a `LSTM` itself.*`GRU`"),
        (lambda: lstm().cell, {}, "takes a `LSTM` itself.*`LSTMCell`"),
        (lstm, {"use_bias": False}, "sets `use_bias`.*received use_bias=False"),
        (lstm, {"modulates": "output"}, r"gives 1, and there is none.*tanhshrink"),
        (
            lambda: lstm(use_bias=False),
            {"modulator_activation": "tanhshrink"},
            "needs a bias of .* 'memory' has none",
        ),
    ],
)
def test_refused(make: Callable[[], Any], given: dict[str, Any], message: str) -> None:
    layer = make()
    before = layer.get_weights()
    with pytest.raises(ValueError, match=message):
        keras_modact.ModulatedLSTM.from_lstm(layer, **given)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
