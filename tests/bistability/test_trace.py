"""The gates of a layer over time, against the paper's equations."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.bistability import trace_gates, trace_model
from tests.bistability import oracle
from tests.gradients import as_float64

MASK = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 0, 0, 0]], bool)


def traced(cls: type, **options: Any) -> tuple[Any, np.ndarray, np.ndarray, list]:
    random = np.random.default_rng(0)
    layer = cls(4, **options)
    layer.build((3, 5, 2))
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    x = random.normal(size=(3, 5, 2)).astype("float32")
    h = random.uniform(-1, 1, (3, 4)).astype("float32")
    return layer, x, h, [as_float64(w) for w in layer.weights]


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("cls", [keras_modact.BRC, keras_modact.NBRC])
def test_gates_over_time(cls: type, go_backwards: bool) -> None:
    layer, x, h, weights = traced(cls, go_backwards=go_backwards)
    for mask in (None, MASK):
        trace = trace_gates(layer, x, mask=mask, initial_state=h)
        states = oracle.run(x, h, weights, mask, go_backwards)
        np.testing.assert_allclose(trace.states, states, atol=1e-6)
        before = np.concatenate([h[:, None], states[:, :-1]], axis=1)
        order = slice(None, None, -1) if go_backwards else slice(None)
        valid = np.ones((3, 5), bool) if mask is None else mask[:, order]
        for t in range(5):
            a, c = oracle.gates(x[:, order][:, t], before[:, t], weights)
            chosen = valid[:, t]
            np.testing.assert_allclose(trace.feedback[chosen, t], a[chosen], atol=1e-6)
            np.testing.assert_allclose(trace.update[chosen, t], c[chosen], atol=1e-6)
            assert np.isnan(trace.feedback[~chosen, t]).all()
            assert np.isnan(trace.update[~chosen, t]).all()
            assert trace.bistable_share[t] == pytest.approx((a[chosen] > 1).mean())
            assert trace.mean_update[t] == pytest.approx(c[chosen].mean(), abs=1e-6)


@pytest.mark.parametrize("cls", [keras_modact.BRC, keras_modact.NBRC])
def test_mixed_policy(cls: type) -> None:
    layer, x, _, _ = traced(cls, dtype="mixed_bfloat16", use_candidate_bias=True)
    plain = cls.from_config({**layer.get_config(), "dtype": "float32"})
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    mixed, exact = trace_gates(layer, x), trace_gates(plain, x)
    np.testing.assert_allclose(mixed.feedback, exact.feedback, atol=0.1)
    assert np.abs(mixed.feedback - exact.feedback).max() > 0


def test_step_that_is_masked_everywhere() -> None:
    layer, x, _, _ = traced(keras_modact.NBRC)
    mask = np.ones((3, 5), bool)
    mask[:, 2] = False
    trace = trace_gates(layer, x, mask=mask)
    assert np.isnan(trace.bistable_share).tolist() == [0, 0, 1, 0, 0]
    assert np.isnan(trace.mean_update).tolist() == [0, 0, 1, 0, 0]


def test_stateful_layer_with_dropout_is_left_alone() -> None:
    layer, x, _, _ = traced(keras_modact.NBRC, stateful=True, dropout=0.5)
    before = as_float64(layer.states[0])
    first, second = trace_gates(layer, x), trace_gates(layer, x)
    np.testing.assert_array_equal(first.feedback, second.feedback)
    np.testing.assert_array_equal(as_float64(layer.states[0]), before)


def test_keras_rnn_over_a_cell() -> None:
    layer, x, _, _ = traced(keras_modact.NBRC)
    wrapped = keras.layers.RNN(layer.cell)
    np.testing.assert_array_equal(
        trace_gates(wrapped, x).update, trace_gates(layer, x).update
    )


@pytest.mark.parametrize("layer", [keras.layers.GRU(3), keras_modact.NBRC(3), None])
def test_other_layers_are_refused(layer: Any) -> None:
    with pytest.raises(ValueError, match="built BRC or NBRC layer, or a"):
        trace_gates(layer, np.zeros((1, 2, 3)))


def test_wrong_shapes_are_refused() -> None:
    layer, x, h, _ = traced(keras_modact.NBRC)
    for arguments, message in (
        ({"sequences": x[0]}, r"\(batch, time, features\)"),
        ({"sequences": x[..., :1]}, "built for 2 input features"),
        ({"sequences": x, "mask": MASK[:, :3]}, r"`mask` of shape"),
        ({"sequences": x, "initial_state": h[:2]}, r"`initial_state` of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            trace_gates(layer, **arguments)


def test_mask_of_a_masking_layer() -> None:
    layer, x, _, _ = traced(keras_modact.BRC)
    x[~MASK] = 9.0
    masking = keras.layers.Masking(9.0)
    trace = trace_gates(layer, x, mask=masking.compute_mask(x))
    np.testing.assert_array_equal(np.isnan(trace.update).all(-1), ~MASK)


def test_layers_of_a_model() -> None:
    """A mask, both directions, and a model inside: as each layer by itself."""
    layer, x, _, _ = traced(keras_modact.NBRC, return_sequences=True, name="first")
    x[~MASK] = 9.0
    both = keras.layers.Bidirectional(keras_modact.BRC(3, name="brc"))
    inner = keras.Sequential(
        [keras.Input((5, 2)), keras.layers.Masking(9.0), layer, both]
    )
    model = keras.Sequential([keras.Input((5, 2)), inner])
    traces = trace_model(model, x)
    forward, backward = both.forward_layer, both.backward_layer
    assert list(traces) == ["first", forward.name, backward.name]
    first = trace_gates(layer, x, MASK)
    for name, expected in (
        ("first", first),
        (forward.name, trace_gates(forward, first.states, MASK)),
        (backward.name, trace_gates(backward, first.states, MASK)),
    ):
        for found, wanted in zip(traces[name], expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-6)
    with pytest.raises(ValueError, match="has no BRC or NBRC layer"):
        trace_model(keras.Sequential([keras.Input((5, 2)), keras.layers.GRU(2)]), x)


def test_stateful_layers_of_a_model_keep_their_states() -> None:
    layer, x, h, _ = traced(keras_modact.NBRC, stateful=True)
    layer.states[0].assign(h)
    inputs = keras.Input(batch_shape=x.shape)
    model = keras.Model(inputs, layer(inputs))
    trace = trace_model(model, x)[layer.name]
    np.testing.assert_allclose(trace.states, trace_gates(layer, x, None, h).states)
    np.testing.assert_array_equal(as_float64(layer.states[0]), h)
