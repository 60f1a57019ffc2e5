"""Masks, directions, initial states: the same meaning however a layer runs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests import oracle
from tests.gradients import as_float64, differentiate
from tests.layer_table import RECURRENT_CLASSES, Row, row_id

# Rows: no step masked, the first, the last, some between, all of them.
MASK = np.array(
    [
        [1, 1, 1, 1, 1, 1],
        [0, 0, 1, 1, 1, 1],
        [1, 1, 1, 0, 0, 0],
        [0, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ],
    bool,
)


def initial_state(layer: Any) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    zeros = layer.get_initial_state(len(MASK))
    return [random.uniform(-1, 1, z.shape).astype("float32") for z in zeros]


def by_hand(layer: Any, x: np.ndarray, states: list, **options: Any) -> tuple:
    """The layer's cell step by step in a Python loop."""

    def step(x_t: np.ndarray, states: list) -> list:
        arrays = [x_t, *states]
        x_t, *states = (keras.ops.convert_to_tensor(a, "float32") for a in arrays)
        return [as_float64(state) for state in layer.cell(x_t, states)[1]]

    return oracle.run(step, x, states, **options)


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
@pytest.mark.parametrize("go_backwards", [False, True])
def test_outputs_and_states(row: Row, go_backwards: bool) -> None:
    layers = {
        (unroll, zero): row.layer(
            return_sequences=True,
            return_state=True,
            go_backwards=go_backwards,
            unroll=unroll,
            zero_output_for_mask=zero,
        )
        # Zeroes are put in the outputs of both loops.
        for unroll, zero in ((False, False), (False, True), (True, True))
    }
    x = row.batch(len(MASK))
    for layer in layers.values():
        layer.build(x.shape)
        layer.set_weights(layers[False, False].get_weights())
    states = initial_state(layers[False, False])
    for (unroll, zero), layer in layers.items():
        for mask in (None, MASK) if not zero else (MASK,):
            expected, last = by_hand(
                layer,
                x,
                states,
                mask=mask,
                go_backwards=go_backwards,
                zero_output_for_mask=zero,
            )
            outputs, *new_states = layer(x, initial_state=states, mask=mask)
            message = f"unroll={unroll}, zero={zero}, masked={mask is not None}"
            np.testing.assert_allclose(
                as_float64(outputs), expected, rtol=1e-5, atol=1e-6, err_msg=message
            )
            for got, want in zip(new_states, last, strict=True):
                np.testing.assert_allclose(
                    as_float64(got), want, rtol=1e-5, atol=1e-6, err_msg=message
                )


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_last_output_is_the_last_valid_one(row: Row) -> None:
    """Also with `zero_output_for_mask`, which is about sequences of outputs."""
    x = row.batch(len(MASK))
    layer = row.layer(return_sequences=False, zero_output_for_mask=True)
    layer.build(x.shape)
    states = initial_state(layer)
    backwards = layer.go_backwards
    _, last = by_hand(layer, x, states, mask=MASK, go_backwards=backwards)
    output = layer(x, initial_state=states, mask=MASK)
    np.testing.assert_allclose(as_float64(output), last[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_a_nan_at_a_masked_step_reaches_nothing(row: Row) -> None:
    clean = row.batch(len(MASK))
    dirty = np.where(MASK[..., None], clean, np.nan).astype("float32")
    layer = row.layer(return_sequences=True)
    layer.build(clean.shape)
    cotangent = [np.ones((*MASK.shape, layer.cell.units))]
    expected = differentiate(layer, [clean], cotangent, mask=MASK)
    result = differentiate(layer, [dirty], cotangent, mask=MASK)
    np.testing.assert_array_equal(result.outputs[0], expected.outputs[0])
    for got, want in zip(
        result.weights + result.inputs,
        expected.weights + expected.inputs,
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert not result.inputs[0][~MASK].any()


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_a_nan_at_a_valid_step_is_not_hidden(row: Row) -> None:
    x = row.batch(len(MASK))
    x[0, 0] = np.nan
    layer = row.layer(return_sequences=True, go_backwards=False)
    assert np.isnan(as_float64(layer(x))[0]).all()


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_masking_layer_in_a_model(row: Row) -> None:
    """A mask travels from `Masking` through two layers, in a compiled model."""
    x = row.batch(len(MASK))
    x[~MASK] = 9.0
    first = row.layer(return_sequences=True)
    second = row.layer(return_sequences=False)
    model = keras.Sequential(
        [keras.Input((None, x.shape[-1])), keras.layers.Masking(9.0), first, second]
    )
    states = [np.zeros(z.shape) for z in first.get_initial_state(len(MASK))]
    middle, _ = by_hand(first, x, states, mask=MASK, go_backwards=first.go_backwards)
    _, last = by_hand(
        second, middle, states, mask=MASK, go_backwards=second.go_backwards
    )
    np.testing.assert_allclose(
        model.predict(x, verbose=0), last[0], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_mask_of_three_axes_and_of_numbers(row: Row) -> None:
    x = row.batch(len(MASK))
    layer = row.layer(return_sequences=True)
    expected = as_float64(layer(x, mask=MASK))
    for mask in (MASK[..., None], MASK.astype("float32")):
        np.testing.assert_array_equal(as_float64(layer(x, mask=mask)), expected)


@pytest.mark.parametrize(
    "layer",
    [
        keras_modact.MinMaxout(4),
        keras_modact.ConvAct(),
        keras_modact.MixLU(0.5),
        keras_modact.NegLU(),
        keras_modact.Gamma(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_that_act_step_by_step_pass_the_mask_on(layer: Any) -> None:
    tokens = np.array([[1, 2, 3, 0, 0]])
    embedding = keras.layers.Embedding(9, 4, mask_zero=True)
    recurrent = keras_modact.GammaRNN(4)
    padded = recurrent(layer(embedding(tokens)))
    alone = recurrent(layer(embedding(tokens[:, :3])))
    np.testing.assert_allclose(as_float64(padded), as_float64(alone), rtol=1e-5)
