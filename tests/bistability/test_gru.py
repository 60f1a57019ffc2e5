"""nBRC as Keras' GRU and back: the same outputs, states and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64, differentiate

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def randomized(layer: Any) -> Any:
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return layer


def nbrc(**arguments: Any) -> Any:
    layer = keras_modact.NBRC(
        5, return_sequences=True, return_state=True, name="memory", **arguments
    )
    layer.build(X.shape)
    return randomized(layer)


def gru(**arguments: Any) -> Any:
    layer = keras.layers.GRU(5, return_sequences=True, **arguments)
    layer.build(X.shape)
    randomized(layer)
    recurrent = as_float64(layer.cell.recurrent_kernel)
    recurrent[:, 10:] = 2 * np.eye(5)
    layer.cell.recurrent_kernel.assign(recurrent)
    if layer.use_bias and layer.reset_after:
        bias = as_float64(layer.cell.bias)
        bias[1, 10:] = 0
        layer.cell.bias.assign(bias)
    return layer


CASES: dict[str, dict[str, Any]] = {
    "gate_biases": {},
    "candidate_bias": {"use_candidate_bias": True},
    "no_bias_backwards": {"use_bias": False, "go_backwards": True},
}


@pytest.mark.parametrize("case", CASES)
def test_a_gru_of_an_nbrc_computes_the_same(case: str) -> None:
    """And the GRU's gradients are the nBRC's, by the chain rule."""
    layer = nbrc(**CASES[case])
    converted = layer.to_gru()
    assert type(converted) is keras.layers.GRU
    assert (converted.name, converted.reset_after) == ("memory", True)
    random = np.random.default_rng(2)
    h = random.normal(size=(3, 5)).astype("float32")
    cotangents = [random.normal(size=s) for s in ((3, 6, 5), (3, 5))]
    want = differentiate(layer, [X, h], cotangents)
    got = differentiate(converted, [X, h], cotangents)
    for a, b in zip(got.outputs + got.inputs, want.outputs + want.inputs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)

    def as_nbrc(columns: np.ndarray, blocks: int) -> np.ndarray:
        update, reset, drive = np.split(columns, 3, axis=-1)
        return np.concatenate([2 * reset, update, drive][:blocks], axis=-1)

    kernel, recurrent, *bias = got.weights
    pairs = [(as_nbrc(kernel, 3), want.weights[0])]
    pairs.append((as_nbrc(recurrent, 2), want.weights[1]))
    if bias:
        blocks = 3 if layer.cell.use_candidate_bias else 2
        pairs.append((as_nbrc(bias[0][0], blocks), want.weights[2]))
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_there_and_back_changes_no_digit(case: str) -> None:
    layer = nbrc(**CASES[case])
    again = keras_modact.NBRC.from_gru(layer.to_gru())
    for name in ("use_bias", "use_candidate_bias", "go_backwards", "return_state"):
        assert again.get_config()[name] == layer.get_config()[name], name
    for got, want in zip(again.get_weights(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("use_bias", [False, True])
def test_an_nbrc_of_a_gru_computes_the_same(use_bias: bool) -> None:
    layer = gru(use_bias=use_bias)
    converted = keras_modact.NBRC.from_gru(layer)
    assert converted.cell.use_candidate_bias == use_bias
    np.testing.assert_allclose(
        as_float64(converted(X)), as_float64(layer(X)), rtol=1e-4, atol=1e-5
    )


def test_carried_states_come_along() -> None:
    layer = keras_modact.NBRC(5, stateful=True)
    layer.build(X.shape)
    converted = randomized(layer).to_gru()
    first = as_float64(layer(X))
    later = layer.to_gru()
    assert np.abs(as_float64(layer(X)) - first).max() > 1e-3
    # From the states that the layer had when it was converted.
    np.testing.assert_allclose(as_float64(converted(X)), first, atol=1e-5)
    np.testing.assert_allclose(as_float64(later.states[0]), first, atol=1e-5)


def with_weight(name: str, place: tuple[int, ...]) -> Callable[[], Any]:
    def make() -> Any:
        layer = gru()
        weight = as_float64(getattr(layer.cell, name))
        weight[place] += 0.25
        getattr(layer.cell, name).assign(weight)
        return layer

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gru(reset_after=False), "reset_after=False, must be True"),
        (lambda: gru(activation="relu"), "activation='relu', must be 'tanh'"),
        (
            lambda: gru(recurrent_activation="hard_sigmoid", reset_after=False),
            "recurrent_activation='hard_sigmoid', must be 'sigmoid'; reset_after=False",
        ),
        (lambda: gru(recurrent_dropout=0.5), "recurrent_dropout=0.5"),
        (with_weight("recurrent_kernel", (1, 13)), r"must be 2 I.*off by 0\.25"),
        (with_weight("bias", (1, 13)), r"recurrent bias must be 0.* is 0\.25"),
        (lambda: keras.layers.GRU(5), "has none yet"),
        (lambda: keras.layers.LSTM(5), "takes a `GRU` itself.*`LSTM`"),
        (lambda: "gru", "takes a `GRU` itself, received 'gru'"),
    ],
)
def test_a_gru_that_is_no_nbrc(make: Callable[[], Any], message: str) -> None:
    layer = make()
    with pytest.raises(ValueError, match=message):
        keras_modact.NBRC.from_gru(layer)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nbrc(recurrent_dropout=0.25), r"recurrent_dropout=0\.25.*must be 0"),
        (lambda: keras_modact.NBRC(5), "has none yet"),
    ],
)
def test_an_nbrc_that_is_no_gru(make: Callable[[], Any], message: str) -> None:
    layer = make()
    before = layer.get_weights()
    with pytest.raises(ValueError, match=message):
        layer.to_gru()
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
