"""A modulated LSTM whose modulator is a layer, or is driven from elsewhere."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests import oracle as shared
from tests.gradients import as_float64
from tests.modulation import oracle
from tests.recurrent_oracle import check_in_float64


@keras.saving.register_keras_serializable(package="tests")
class Deep(keras.layers.Layer):
    """A hidden layer of squares, unless it has no units, and a linear one.

    Keras' `Dense` on torch, and its `tanh` on JAX, compute float64 in float32.
    """

    def __init__(self, units: int, hidden: int = 3, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units
        self.hidden = hidden

    def build(self, input_shape: Any) -> None:
        sizes = [input_shape[-1], *([self.hidden] if self.hidden else []), self.units]
        self.maps = [
            (self.add_weight(shape=shape), self.add_weight(shape=shape[1:]))
            for shape in itertools.pairwise(sizes)
        ]

    def call(self, x: Any) -> Any:
        for place, (kernel, bias) in enumerate(self.maps):
            x = (x * x if place else x) @ kernel.value + bias.value
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "hidden": self.hidden}


# The modulator's units, its hidden ones, the context's features, and more arguments.
CASES: dict[str, tuple[int, int, int, dict[str, Any]]] = {
    "deeper": (2, 3, 0, {"modulator_activation": "tanhshrink"}),
    "one_for_all": (1, 0, 0, {}),
    "context": (2, 3, 1, {}),
    "one_context": (1, 0, 2, {"modulates": "output"}),
}


@pytest.mark.float64
@pytest.mark.parametrize("acceleration", ["loop", "adjoint"])
@pytest.mark.parametrize("case", CASES)
def test_outputs_states_and_gradients_in_float64(case: str, acceleration: str) -> None:
    """By the modulator's weights too, backwards, with masked steps in between."""
    units, hidden, context, arguments = CASES[case]
    layer: Any = keras_modact.ModulatedLSTM(
        2,
        modulator=Deep(units, hidden, dtype="float64"),
        context_features=context,
        return_sequences=True,
        return_state=True,
        go_backwards=True,
        dtype="float64",
        **arguments,
    )
    layer.acceleration = acceleration
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 4, 4))
    layer.build(x.shape)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    weights = [as_float64(weight) for weight in layer.weights]
    states = [random.normal(size=(3, 2)) for _ in "hc"]
    mask = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)
    signal = arguments.get("modulator_activation", "sigmoid")
    modulates = arguments.get("modulates", "slope")

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        x, h, c, *weights = arrays
        outputs, last = shared.run(
            lambda x, s: oracle.driven_lstm_step(
                x, s, weights, signal, modulates, context
            ),
            x,
            [h, c],
            mask=mask,
            go_backwards=True,
        )
        return [outputs, *last]

    check_in_float64(layer, x, states, weights, run, mask)
    assert layer.last_path == acceleration


def test_a_dense_layer_is_the_fifth_gate() -> None:
    """With its columns of kernel, recurrent kernel and bias, outputs and gates."""
    gated: Any = keras_modact.ModulatedLSTM(4)
    driven: Any = keras_modact.ModulatedLSTM(4, modulator=keras.layers.Dense(4))
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 5, 3)).astype("float32")
    h = random.normal(size=(2, 5, 4)).astype("float32")
    gated.build(x.shape)
    driven.build(x.shape)
    weights = [random.normal(0, 0.5, w.shape) for w in gated.weights]
    gated.set_weights(weights)
    (kernel, of_k), (recurrent, of_r), (bias, of_b) = (
        np.split(w, [16], axis=-1) for w in weights
    )
    driven.set_weights(
        [kernel, recurrent, bias, np.concatenate([of_k, of_r], axis=0), of_b]
    )
    np.testing.assert_allclose(as_float64(driven(x)), as_float64(gated(x)), atol=1e-6)
    for got, want in zip(driven.cell.gates(x, h), gated.cell.gates(x, h), strict=True):
        np.testing.assert_allclose(as_float64(got), as_float64(want), atol=1e-5)


def test_context_comes_along_in_wrappers_and_copies() -> None:
    """In `Bidirectional` and from a config, with weights of their own."""
    layer = keras_modact.ModulatedLSTM(
        4, modulator=Deep(4), context_features=2, return_sequences=True
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    both = keras.layers.Bidirectional(layer)
    assert both(x).shape == (2, 5, 8)
    ways = (both.forward_layer, both.backward_layer)
    kept = {id(w) for way in ways for w in way.cell.modulator.weights}
    assert len(kept) == 8
    outputs = layer(x)
    copy = keras_modact.ModulatedLSTM.from_config(layer.get_config())
    copy.build(x.shape)
    copy.set_weights(layer.get_weights())
    np.testing.assert_allclose(as_float64(copy(x)), as_float64(outputs), atol=1e-6)


def test_the_gates_do_not_read_the_context() -> None:
    """With a slope that is the context itself, and closed at 0."""
    identity = keras.layers.Dense(1, kernel_initializer="ones")
    layer: Any = keras_modact.ModulatedLSTM(
        3, "linear", modulator=identity, context_features=1, unit_forget_bias=False
    )
    x = np.ones((2, 4, 3), "float32")
    x[..., -1] = 0
    np.testing.assert_array_equal(as_float64(layer(x)), 0)
    assert layer.cell.kernel.shape == (2, 12)
    x[..., -1] = 1
    plain = keras.layers.LSTM(3, unit_forget_bias=False)
    plain.build((2, 4, 2))
    plain.set_weights(layer.get_weights()[:3])
    np.testing.assert_allclose(
        as_float64(layer(x)), as_float64(plain(x[..., :2])), atol=1e-6
    )


def test_a_frozen_layer_freezes_its_modulator() -> None:
    layer = keras_modact.ModulatedLSTM(
        3, modulator=keras.layers.Dense(3), trainable=False
    )
    layer.build((None, None, 2))
    assert not layer.trainable_weights
    assert not layer.cell.modulator.trainable


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"context_features": 2}, "no such layer.*Dense\\(3\\)"),
        ({"modulator": keras.layers.Dropout(0.5)}, "'.*' draws random numbers"),
        (
            {"modulator": keras.Sequential([keras.layers.BatchNormalization()])},
            "keeps statistics",
        ),
        (
            {"modulator": keras.layers.Dense(3, activity_regularizer="l2")},
            "has an activity regularizer",
        ),
    ],
)
def test_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keras_modact.ModulatedLSTM(3, **arguments)


def test_refused_when_it_is_built() -> None:
    make = keras_modact.ModulatedLSTM
    with pytest.raises(ValueError, match=r"\(None, 3\) or \(None, 1\).*\(None, 2\)"):
        make(3, modulator=keras.layers.Dense(2)).build((None, None, 4))
    layer = make(3, modulator=keras.layers.Dense(3), context_features=4)
    with pytest.raises(ValueError, match="leaves none to the gates"):
        layer.build((None, None, 4))
    lstm = keras.layers.LSTM(3)
    lstm.build((None, None, 4))
    with pytest.raises(ValueError, match="assign it the kernel"):
        make.from_lstm(lstm, modulator=keras.layers.Dense(3))
