"""Symbolic and eager shapes, static and dynamic axes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.layer_table import ROWS, Row, row_id


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_symbolic_and_eager_shapes_agree(row: Row) -> None:
    layer = row.layer()
    symbolic = layer(keras.Input(row.input_shape))
    assert symbolic.shape == (None, *row.output_shape)
    assert tuple(layer(row.batch()).shape) == (3, *row.output_shape)
    shape = layer.compute_output_shape((3, *row.input_shape))
    assert tuple(shape) == (3, *row.output_shape)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_dynamic_axes(row: Row) -> None:
    """One model takes every batch size, and every length where time is first."""
    inputs = keras.Input(row.with_free_axes())
    layer = row.layer()
    model = keras.Model(inputs, layer(inputs))
    for size in (1, 3):
        x = row.batch(size)
        np.testing.assert_allclose(
            model.predict(x, verbose=0),
            keras.ops.convert_to_numpy(layer(x)),
            rtol=1e-5,
            atol=1e-6,
        )
    shorter = row.batch()[..., 1:] if row.channels_first else row.batch()[:, 1:]
    np.testing.assert_allclose(
        model.predict(shorter, verbose=0),
        keras.ops.convert_to_numpy(layer(shorter)),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_batch_rows_do_not_mix(row: Row) -> None:
    layer = row.layer()
    x = row.batch(4)
    whole = keras.ops.convert_to_numpy(layer(x))
    alone = keras.ops.convert_to_numpy(layer(x[2:3]))
    np.testing.assert_allclose(whole[2:3], alone, rtol=1e-5, atol=1e-6)
