"""BRC and nBRC against the paper's equations and against their identities."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.bistability import oracle
from tests.gradients import as_float64, differentiate
from tests.oracle import central_differences

LAYERS = [keras_modact.BRC, keras_modact.NBRC]
BIASES: dict[str, dict[str, bool]] = {
    "bias": {},
    "no_bias": {"use_bias": False},
    "candidate_bias": {"use_candidate_bias": True},
}


def built(
    cls: type, units: int, features: int, random: Any, scale: float = 1.0, **kwargs: Any
) -> tuple[Any, list[np.ndarray]]:
    """A layer with random weights, and those weights in float64."""
    layer = cls(units, return_sequences=True, **kwargs)
    layer.build((None, None, features))
    layer.set_weights([random.normal(0, scale, w.shape) for w in layer.weights])
    return layer, [as_float64(w) for w in layer.weights]


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("cls", LAYERS)
def test_sizes_of_one(cls: type, bias: str) -> None:
    """In float32; a size of one is where broadcasting hides a wrong axis."""
    batch, time, features, units = 1, 3, 1, 1
    random = np.random.default_rng(0)
    layer, weights = built(cls, units, features, random, 1.0, **BIASES[bias])
    x = random.normal(size=(batch, time, features)).astype("float32")
    h = random.uniform(-1, 1, (batch, units)).astype("float32")
    np.testing.assert_allclose(
        as_float64(layer(x, initial_state=h)),
        oracle.run(x.astype("float64"), h.astype("float64"), weights),
        atol=2e-5,
    )


@pytest.mark.float64
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("cls", LAYERS)
def test_outputs_and_gradients_in_float64(
    cls: type, bias: str, go_backwards: bool
) -> None:
    """By weights, inputs and initial state, with masked steps in between."""
    random = np.random.default_rng(3)
    layer, weights = built(
        cls, 3, 2, random, dtype="float64", go_backwards=go_backwards, **BIASES[bias]
    )
    x = random.normal(size=(3, 5, 2))
    h = random.uniform(-1, 1, (3, 3))
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [1, 1, 1, 0, 0]], bool)
    cotangent = random.normal(size=(3, 5, 3))

    def loss(arrays: list[np.ndarray]) -> float:
        *of_weights, sequences, state = arrays
        outputs = oracle.run(sequences, state, of_weights, mask, go_backwards)
        return float((outputs * cotangent).sum())

    result = differentiate(layer, [x, h], [cotangent], mask=mask)
    expected = oracle.run(x, h, weights, mask, go_backwards)
    np.testing.assert_allclose(result.outputs[0], expected, atol=1e-13)
    by_differences = central_differences(loss, [*weights, x, h])
    for exact, estimate in zip(
        result.weights + result.inputs, by_differences, strict=True
    ):
        np.testing.assert_allclose(exact, estimate, atol=1e-8)


@pytest.mark.parametrize("cls", LAYERS)
def test_gradients_in_float32(cls: type) -> None:
    random = np.random.default_rng(4)
    layer, weights = built(cls, 3, 2, random)
    x = random.normal(size=(2, 6, 2)).astype("float32")
    cotangent = random.normal(size=(2, 6, 3))
    result = differentiate(layer, [x], [cotangent])

    def loss(arrays: list[np.ndarray]) -> float:
        *of_weights, sequences = arrays
        outputs = oracle.run(sequences, np.zeros((2, 3)), of_weights)
        return float((outputs * cotangent).sum())

    for exact, estimate in zip(
        result.weights + result.inputs,
        central_differences(loss, [*weights, x]),
        strict=True,
    ):
        np.testing.assert_allclose(exact, estimate, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("cls", LAYERS)
def test_the_carried_state_is_never_dropped(cls: type) -> None:
    """Without input no unit falls to 0 at once."""
    x = np.zeros((64, 6, 3), "float32")
    layer = cls(4, recurrent_dropout=0.5, seed=3, return_sequences=True)
    h = np.full((64, 4), 0.9, "float32")
    assert as_float64(layer(x, initial_state=h, training=True)).min() > 0


@pytest.mark.parametrize("cls", [keras_modact.BRCCell, keras_modact.NBRCCell])
def test_gates(cls: type) -> None:
    random = np.random.default_rng(5)
    cell = cls(4)
    x = random.normal(size=(2, 3)).astype("float32")
    h = random.uniform(-1, 1, (2, 4)).astype("float32")
    cell.build(x.shape)
    cell.set_weights([random.normal(size=w.shape) for w in cell.weights])
    weights = [as_float64(w) for w in cell.weights]
    for state in (h, [h]):
        for gate, expected in zip(
            cell.gates(x, state), oracle.gates(x, h, weights), strict=True
        ):
            np.testing.assert_allclose(as_float64(gate), expected, atol=1e-6)


def test_brc_is_an_nbrc_with_diagonal_matrices() -> None:
    random = np.random.default_rng(6)
    brc, (kernel, recurrent, bias) = built(keras_modact.BRC, 4, 3, random)
    nbrc, _ = built(keras_modact.NBRC, 4, 3, random)
    diagonals = [np.diag(recurrent[:4]), np.diag(recurrent[4:])]
    nbrc.set_weights([kernel, np.concatenate(diagonals, axis=1), bias])
    x = random.normal(size=(2, 7, 3)).astype("float32")
    np.testing.assert_allclose(as_float64(nbrc(x)), as_float64(brc(x)), atol=1e-6)


@pytest.mark.parametrize(
    "dtype",
    ["float32", pytest.param("float64", marks=pytest.mark.float64)],
)
def test_nbrc_is_a_gru(dtype: str) -> None:
    """1 + tanh(p) = 2 sigmoid(2p): a Keras GRU with candidate matrix 2 I."""
    random = np.random.default_rng(7)
    units = 4
    nbrc, weights = built(
        keras_modact.NBRC, units, 3, random, dtype=dtype, use_candidate_bias=True
    )
    gru = keras.layers.GRU(units, return_sequences=True, dtype=dtype)
    gru.build((None, None, 3))
    kernel, recurrent, bias = weights
    a, c = np.split(recurrent, 2, axis=1)
    u_a, u_c, u = np.split(kernel, 3, axis=1)
    b_a, b_c, b = np.split(bias, 3)
    # Keras' columns: update, reset, candidate; its second bias acts inside reset.
    gru.set_weights(
        [
            np.concatenate([u_c, 2 * u_a, u], axis=1),
            np.concatenate([c, 2 * a, 2 * np.eye(units)], axis=1),
            np.stack([np.concatenate([b_c, 2 * b_a, b]), np.zeros(3 * units)]),
        ]
    )
    x = random.normal(size=(2, 7, 3)).astype(dtype)
    cotangent = random.normal(size=(2, 7, units)).astype(dtype)
    ours = differentiate(nbrc, [x], [cotangent])
    theirs = differentiate(gru, [x], [cotangent])
    # Keras' GRU itself computes float64 in part in float32 outside TensorFlow.
    strict = dtype == "float64" and keras.backend.backend() == "tensorflow"
    tolerance = 1e-12 if strict else 2e-5
    np.testing.assert_allclose(ours.outputs[0], theirs.outputs[0], atol=tolerance)
    np.testing.assert_allclose(ours.inputs[0], theirs.inputs[0], atol=tolerance)
    of_c, of_2a, _ = np.split(theirs.weights[1], 3, axis=1)
    expected = np.concatenate([2 * of_2a, of_c], axis=1)
    np.testing.assert_allclose(ours.weights[1], expected, atol=tolerance)


@pytest.mark.parametrize(
    ("cls", "count"),
    [
        (keras_modact.BRC, 50_689),
        (keras_modact.NBRC, 115_713),
        (keras.layers.GRU, 149_505),
        (keras.layers.LSTM, 198_273),
    ],
)
def test_counts_of_the_papers_networks(cls: type, count: int) -> None:
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            cls(128, return_sequences=True),
            cls(128),
            keras.layers.Dense(1),
        ]
    )
    assert model.count_params() == count


def test_initial_weights() -> None:
    """Each gate's block is drawn by itself, as the authors' code draws it."""
    units, features = 32, 8
    brc = keras_modact.BRCCell(units)
    brc.build((None, features))
    kernel, recurrent, bias = (as_float64(w) for w in brc.weights)
    limit = np.sqrt(6 / (features + units))
    for block in np.split(kernel, 3, axis=1):
        assert 0.9 * limit < np.abs(block).max() <= limit
    np.testing.assert_array_equal(recurrent, 1)
    np.testing.assert_array_equal(bias, 0)
    nbrc = keras_modact.NBRCCell(units)
    nbrc.build((None, features))
    for block in np.split(as_float64(nbrc.recurrent_kernel), 2, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(units), atol=1e-5)


def test_an_impulse_is_kept_by_a_bistable_unit_only() -> None:
    """With strong feedback the state stays away from 0 long after the input."""
    x = np.zeros((1, 300, 1), "float32")
    x[:, :5] = 2.0
    last = {}
    for bias in (-2.0, 2.0):
        layer = keras_modact.BRC(1, recurrent_initializer="zeros")
        layer.build(x.shape)
        layer.set_weights([np.array([[0, 0, 1]]), np.zeros(2), np.array([bias, 0])])
        last[bias] = as_float64(layer(x)).item()
    fixed = keras_modact.bistability.dynamics.fixed_points(1 + np.tanh(2.0))
    assert abs(last[-2.0]) < 1e-6
    assert last[2.0] == pytest.approx(fixed.points[-1], abs=1e-5)
