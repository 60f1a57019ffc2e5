"""Dropout: one input mask and one recurrent mask for each sequence."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import numpy as np
import pytest

from tests.gradients import as_float64
from tests.layer_table import CELL_ROWS, RECURRENT_CLASSES, Row, row_id


def rates(row: Row) -> list[str]:
    """The arguments of a class that are rates of dropout."""
    return [name for name in inspect.signature(row.cls).parameters if "dropout" in name]


def each_rate(rows: list[Row]) -> list:
    return [
        pytest.param(row, rate, id=f"{row.name}-{rate}")
        for row in rows
        for rate in rates(row)
    ]


def mask_sizes(cell: Any) -> list[int]:
    """The sizes of the recurrent masks: h, and z where there is a policy."""
    if hasattr(cell, "cells"):
        return [size for inner in cell.cells for size in mask_sizes(inner)]
    return [cell.units, *([cell.policy_units] if hasattr(cell, "policy_units") else [])]


def call(layer: Any, x: np.ndarray, training: bool) -> np.ndarray:
    return as_float64(layer(x, training=training))


@pytest.mark.parametrize(("row", "rate"), each_rate(RECURRENT_CLASSES))
def test_acts_in_training_only_and_anew_each_call(row: Row, rate: str) -> None:
    x = row.batch(4)
    layer = row.layer(**{rate: 0.5}, seed=3)
    plain = row.layer()
    plain.build(x.shape)
    layer.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        call(layer, x, False), call(plain, x, True), rtol=1e-5, atol=1e-6
    )
    first, second = call(layer, x, True), call(layer, x, True)
    assert np.abs(first - call(plain, x, True)).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3
    again = row.layer(**{rate: 0.5}, seed=3)
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(call(again, x, True), first, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_one_mask_of_each_kind_for_the_whole_sequence(row: Row, unroll: bool) -> None:
    """The layer does what its cell does with the same masks at every step."""
    x = row.batch(4)
    layer = row.layer(
        **dict.fromkeys(rates(row), 0.5),
        seed=3,
        unroll=unroll,
        return_sequences=True,
        go_backwards=False,
    )
    layer.build(x.shape)
    outputs = call(layer, x, True)
    cell = type(layer.cell).from_config(layer.cell.get_config())
    cell.build(x.shape)
    cell.set_weights(layer.get_weights())
    input_mask, recurrent_mask = cell.dropout_masks(len(x), x.shape[-1], True)
    masks = [input_mask, *keras.tree.flatten(recurrent_mask)]
    sizes = [x.shape[-1], *mask_sizes(cell)]
    assert [tuple(mask.shape) for mask in masks] == [(len(x), n) for n in sizes]
    for mask in masks:
        assert set(np.unique(as_float64(mask))) == {0.0, 2.0}
    states = cell.with_axes(cell.get_initial_state(len(x)))
    for t in range(x.shape[1]):
        projected = cell.project(keras.ops.convert_to_tensor(x[:, t]) * input_mask)
        states = cell.step(projected, states, recurrent_mask)
        np.testing.assert_allclose(
            outputs[:, t], as_float64(states[0]), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("row", RECURRENT_CLASSES[::3], ids=row_id)
def test_sequences_of_a_batch_have_masks_of_their_own(row: Row) -> None:
    x = np.repeat(row.batch(1), 8, axis=0)
    for rate in rates(row):
        outputs = call(row.layer(**{rate: 0.5}, seed=3), x, True)
        assert len(np.unique(outputs.reshape(8, -1).round(5), axis=0)) > 2


@pytest.mark.parametrize("row", RECURRENT_CLASSES[:1], ids=row_id)
def test_saved_variables_bring_the_masks_back_without_a_seed(row: Row) -> None:
    x = row.batch(4)
    layer = row.layer(dropout=0.5)
    layer.build(x.shape)
    state = [as_float64(v) for v in layer.cell.non_trainable_variables]
    first, second = call(layer, x, True), call(layer, x, True)
    assert np.abs(first - second).max() > 1e-3
    for variable, value in zip(layer.cell.non_trainable_variables, state, strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(call(layer, x, True), first)


@pytest.mark.parametrize(("row", "rate"), each_rate(CELL_ROWS))
def test_a_bare_cell_refuses_it_in_training(row: Row, rate: str) -> None:
    x = row.batch(4)
    layer = row.layer(**{rate: 0.5})
    plain = row.layer()
    plain.build(x.shape)
    layer.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_array_equal(call(layer, x, False), call(plain, x, False))
    with pytest.raises(ValueError, match=rf"{row.cls.__name__}.*{rate}=0.5.*layer"):
        layer(x, training=True)


@pytest.mark.parametrize("row", RECURRENT_CLASSES[:1], ids=row_id)
def test_dropout_in_a_compiled_model(row: Row) -> None:
    """Each training step draws anew, where the step is compiled too."""
    x = row.batch(4)
    model = row.model(dropout=0.5, recurrent_dropout=0.5)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    y = np.zeros((4, *model.output.shape[1:]))
    losses = {round(float(model.train_on_batch(x, y)), 6) for _ in range(4)}
    assert len(losses) > 1
