"""The cells and layers inside Keras' wrappers and models."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.gradients import as_float64
from tests.layer_table import CELL_ROWS, RECURRENT_CLASSES, STATE_FORMS, Row, row_id


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_bidirectional(row: Row) -> None:
    x = row.batch()
    mask = np.ones(x.shape[:2], bool)
    mask[1, :2] = False
    mask[2, 4:] = False
    layer = keras.layers.Bidirectional(
        row.layer(return_sequences=True, go_backwards=False)
    )
    both = as_float64(layer(x, mask=mask))
    ways = {
        "forward": row.layer(return_sequences=True, go_backwards=False),
        "backward": row.layer(return_sequences=True, go_backwards=True),
    }
    halves = []
    for name, way in ways.items():
        way.zero_output_for_mask = True
        way.build(x.shape)
        way.set_weights(getattr(layer, f"{name}_layer").get_weights())
        halves.append(as_float64(way(x, mask=mask)))
    halves[1] = halves[1][:, ::-1]
    np.testing.assert_allclose(
        both, np.concatenate(halves, axis=-1), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_bidirectional_config_round_trip(row: Row) -> None:
    layer = keras.layers.Bidirectional(row.layer(go_backwards=False))
    again = keras.layers.Bidirectional.from_config(layer.get_config())
    assert again.forward_layer.get_config() == layer.forward_layer.get_config()
    assert again.backward_layer.go_backwards


@pytest.mark.parametrize("row", CELL_ROWS, ids=row_id)
def test_stacked_cells_are_stacked_layers(row: Row) -> None:
    x = row.batch()
    cells = [row.make(row.arguments), row.make({**row.required(), "units": 8})]
    stacked = keras.layers.RNN(
        keras.layers.StackedRNNCells(cells), return_sequences=True
    )
    outputs = as_float64(stacked(x))
    below = keras.layers.RNN(cells[0], return_sequences=True)
    above = keras.layers.RNN(cells[1], return_sequences=True)
    np.testing.assert_allclose(
        outputs, as_float64(above(below(x))), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_time_distributed(row: Row) -> None:
    x = np.stack([row.batch()] * 2, axis=1)
    layer = row.layer()
    wrapped = keras.layers.TimeDistributed(layer)
    outputs = as_float64(wrapped(x))
    np.testing.assert_allclose(
        outputs[:, 1], as_float64(layer(x[:, 1])), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_encoder_and_decoder(row: Row) -> None:
    """States go from one layer to the next as symbolic tensors of a model."""
    features = row.input_shape[-1]
    source = keras.Input((None, features))
    target = keras.Input((None, features))
    encoder = row.layer(return_state=True)
    decoder = row.layer(return_sequences=True)
    _, *states = encoder(source)
    model = keras.Model([source, target], decoder(target, initial_state=states))
    x = row.batch()
    _, *states = encoder(x)
    np.testing.assert_allclose(
        model.predict([x, x[:, ::-1]], verbose=0),
        as_float64(decoder(x[:, ::-1], initial_state=states)),
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_layer_equals_its_cell_in_a_keras_rnn(row: Row) -> None:
    x = row.batch()
    layer = row.layer()
    plain = keras.layers.RNN(
        type(layer.cell).from_config(layer.cell.get_config()),
        return_sequences=layer.return_sequences,
        go_backwards=layer.go_backwards,
    )
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        as_float64(plain(x)), as_float64(layer(x)), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", RECURRENT_CLASSES[:1], ids=row_id)
def test_frozen_layer(row: Row) -> None:
    layer = row.layer(trainable=False)
    layer.build((None, *row.input_shape))
    assert not layer.trainable_weights
    assert len(layer.weights) == len(row.layer().weights) + 3
