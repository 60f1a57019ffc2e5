"""The modulated LSTM against the paper's equations, and against Keras' LSTM."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests import oracle as shared
from tests.gradients import as_float64, differentiate
from tests.modulation import oracle
from tests.recurrent_oracle import check_in_float64

CASES: dict[str, dict[str, Any]] = {
    "sigmoid": {"modulator_activation": "sigmoid"},
    "tanhshrink": {"modulator_activation": "tanhshrink"},
    "no_bias": {"modulator_activation": "tanhshrink", "use_bias": False},
    "control_3": {"modulator_activation": "sigmoid", "modulates": "output"},
}


def one(x: Any) -> Any:
    """The modulation that does nothing."""
    return keras.ops.ones_like(x)


def built(case: str, units: int, features: int, seed: int, **arguments: Any) -> Any:
    """A layer with random weights, and those weights."""
    layer = keras_modact.ModulatedLSTM(
        units, return_sequences=True, **CASES[case], **arguments
    )
    layer.build((None, None, features))
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    return layer, [as_float64(w) for w in layer.weights]


def expected_of(
    case: str, x: np.ndarray, states: list, weights: list, **arguments: Any
) -> list[np.ndarray]:
    """Outputs and last states by the oracle."""
    signal = CASES[case]["modulator_activation"]
    modulates = CASES[case].get("modulates", "slope")
    outputs, last = shared.run(
        lambda x, s: oracle.lstm_step(x, s, weights, signal, modulates),
        x,
        states,
        **arguments,
    )
    return [outputs, *last]


@pytest.mark.parametrize("case", CASES)
def test_sizes_of_one(case: str) -> None:
    """In float32; a size of one is where broadcasting hides a wrong axis."""
    batch, time, features, units = 1, 3, 1, 1
    layer, weights = built(case, units, features, 0)
    random = np.random.default_rng(1)
    x = random.normal(size=(batch, time, features)).astype("float32")
    states = [random.normal(size=(batch, units)).astype("float32") for _ in "hc"]
    outputs, *_ = expected_of(case, x.astype("float64"), states, weights)
    got = as_float64(layer(x, initial_state=states))
    np.testing.assert_allclose(got, outputs, rtol=1e-4, atol=1e-5)


@pytest.mark.float64
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_outputs_states_and_gradients_in_float64(case: str, go_backwards: bool) -> None:
    """By weights, inputs and initial states, with masked steps in between."""
    layer, weights = built(
        case, 2, 3, 0, dtype="float64", go_backwards=go_backwards, return_state=True
    )
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 4, 3))
    states = [random.normal(size=(3, 2)) for _ in "hc"]
    mask = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        x, h, c, *weights = arrays
        return expected_of(
            case, x, [h, c], weights, mask=mask, go_backwards=go_backwards
        )

    check_in_float64(layer, x, states, weights, run, mask)


@pytest.mark.parametrize("go_backwards", [False, True])
def test_without_modulation_it_is_an_lstm(go_backwards: bool) -> None:
    """Outputs, states and gradients are those of `keras.layers.LSTM`."""
    arguments = {"return_sequences": True, "return_state": True}
    ours = keras_modact.ModulatedLSTM(
        5, modulator_activation=one, go_backwards=go_backwards, **arguments
    )
    keras_lstm = keras.layers.LSTM(5, go_backwards=go_backwards, **arguments)
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 6, 4)).astype("float32")
    ours.build(x.shape)
    keras_lstm.build(x.shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        weight = random.normal(0, 0.5, getattr(ours.cell, name).shape)
        getattr(ours.cell, name).assign(weight)
        getattr(keras_lstm.cell, name).assign(weight[..., : 4 * 5])
    cotangents = [random.normal(size=s) for s in ((3, 6, 5), (3, 5), (3, 5))]
    got = differentiate(ours, [x], cotangents)
    want = differentiate(keras_lstm, [x], cotangents)
    for a, b in zip(got.outputs + got.inputs, want.outputs + want.inputs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for a, b in zip(got.weights, want.weights, strict=True):
        np.testing.assert_allclose(a[..., : 4 * 5], b, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(a[..., 4 * 5 :], 0)


def test_modulation_of_slope_and_output_differ_as_the_paper_says() -> None:
    """With a signal of 1/2: tanh(g / 2) against tanh(g) / 2."""
    x = np.ones((1, 1, 1), "float32")
    for modulates, candidate in (
        ("slope", np.tanh(0.75)),
        ("output", np.tanh(1.5) / 2),
    ):
        layer = keras_modact.ModulatedLSTM(1, modulates=modulates, return_state=True)
        layer.build(x.shape)
        # Input and output gates open, candidate 1.5, modulator sigmoid(0).
        layer.cell.bias.assign([30.0, 0.0, 1.5, 30.0, 0.0])
        layer.cell.kernel.assign(np.zeros((1, 5)))
        _, h, c = layer(x)
        assert as_float64(c)[0, 0] == pytest.approx(candidate, rel=1e-6)
        assert as_float64(h)[0, 0] == pytest.approx(np.tanh(candidate), rel=1e-6)


@pytest.mark.parametrize(("units", "weights"), [(32, 5_120), (120, 72_000)])
def test_recurrent_weights_of_the_papers_cells(units: int, weights: int) -> None:
    layer = keras_modact.ModulatedLSTM(units)
    layer.build((None, None, 3))
    assert np.prod(layer.cell.recurrent_kernel.shape) == weights


def test_initial_weights_are_those_of_keras_lstm_gate_by_gate() -> None:
    layer = keras_modact.ModulatedLSTM(16)
    layer.build((None, None, 8))
    recurrent = as_float64(layer.cell.recurrent_kernel)
    for gate in np.split(recurrent, 5, axis=-1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(16), atol=1e-5)
    limit = np.sqrt(6 / (8 + 16))
    assert 0.9 * limit < np.abs(as_float64(layer.cell.kernel)).max() <= limit
    bias = np.split(as_float64(layer.cell.bias), 5)
    np.testing.assert_array_equal(bias[1], 1)
    for place in (0, 2, 3, 4):
        np.testing.assert_array_equal(bias[place], 0)


def test_gates_can_be_had() -> None:
    layer, weights = built("tanhshrink", 4, 3, 0)
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 6, 3)).astype("float32")
    h = random.normal(size=(2, 6, 4)).astype("float32")
    gates = layer.cell.gates(x, h)
    kernel, recurrent, bias = weights
    i, f, g, o, m = np.split(x @ kernel + h @ recurrent + bias, 5, axis=-1)
    for got, want in (
        (gates.input, shared.sigmoid(i)),
        (gates.forget, shared.sigmoid(f)),
        (gates.integration, g),
        (gates.output, shared.sigmoid(o)),
        (gates.modulation, oracle.tanhshrink(m)),
    ):
        np.testing.assert_allclose(as_float64(got), want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "state"), [((6, 4), (2, 6, 5)), ((6, 6, 4), (6, 5)), ((6, 3), (6, 5))]
)
def test_gates_of_shapes_that_do_not_fit(inputs: tuple, state: tuple) -> None:
    layer = keras_modact.ModulatedLSTM(5)
    with pytest.raises(ValueError, match="no weights before it is built"):
        layer.cell.gates(np.zeros((6, 4)), np.zeros((6, 5)))
    layer.build((None, None, 4))
    with pytest.raises(ValueError, match="one state h"):
        layer.cell.gates(np.zeros(inputs), np.zeros(state))
