"""States carried from batch to batch."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.gradients import as_float64
from tests.layer_table import RECURRENT_CLASSES, STATE_FORMS, Row, row_id


def stateful_model(row: Row, time: int | None = None) -> keras.Model:
    features = row.input_shape[-1]
    sequences = keras.Input((time, features), batch_size=4)
    options = {"stateful": True, "go_backwards": False, "return_sequences": True}
    outputs = row.layer(**options)(row.layer(**options)(sequences))
    return keras.Model(sequences, outputs)


@pytest.mark.parametrize(
    ("row", "jit_compile"),
    # Without XLA the states are carried by the layer's base, for all classes alike.
    [(RECURRENT_CLASSES[0], False), *((row, "auto") for row in STATE_FORMS)],
    ids=lambda value: value.name if isinstance(value, Row) else None,
)
def test_two_predictions_carry_the_state(row: Row, jit_compile: bool | str) -> None:
    x = row.batch(4, 8)
    model = stateful_model(row)
    model.compile("sgd", "mse", jit_compile=jit_compile)
    whole = model.predict(x, batch_size=4, verbose=0)
    for layer in model.layers[1:]:
        layer.reset_state()
    halves = [
        model.predict(half, batch_size=4, verbose=0) for half in np.split(x, 2, axis=1)
    ]
    np.testing.assert_allclose(
        np.concatenate(halves, axis=1), whole, rtol=1e-5, atol=1e-6
    )
    again = model.predict(x, batch_size=4, verbose=0)
    assert np.abs(again - whole).max() > 1e-3


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_training_carries_the_state(row: Row) -> None:
    """Truncated backpropagation: each batch starts where the last one ended."""
    x = row.batch(4, 8)
    model = stateful_model(row)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    target = np.zeros((4, 4, model.output.shape[-1]))
    for half in np.split(x, 2, axis=1):
        model.train_on_batch(half, target)
    layer = row.layer(return_sequences=True, return_state=True, go_backwards=False)
    layer.build(x.shape)
    layer.set_weights(model.layers[1].get_weights())
    _, *states = layer(x)
    carried = keras.tree.flatten(model.layers[1].states)
    for got, want in zip(carried, states, strict=True):
        np.testing.assert_allclose(
            as_float64(got), as_float64(want), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_states_are_no_weights(row: Row, tmp_path: Path) -> None:
    """A stateful model takes the weights and the file of one without states."""
    model = row.model()
    stateful = row.model(batch_size=3, stateful=True)
    assert stateful.count_params() == model.count_params()
    stateful.set_weights(model.get_weights())
    x = np.ones((3, *row.input_shape), "float32")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(
        stateful.predict(x, batch_size=3, verbose=0), expected, rtol=1e-5, atol=1e-6
    )
    other = row.model(batch_size=3, stateful=True)
    model.save_weights(tmp_path / "plain.weights.h5")
    other.load_weights(tmp_path / "plain.weights.h5")
    np.testing.assert_allclose(
        other.predict(x, batch_size=3, verbose=0), expected, rtol=1e-5, atol=1e-6
    )
    other.save(tmp_path / "stateful.keras")
    loaded = keras.models.load_model(tmp_path / "stateful.keras")
    np.testing.assert_allclose(
        loaded.predict(x, batch_size=3, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", STATE_FORMS, ids=row_id)
def test_each_state_has_a_path_of_its_own(row: Row) -> None:
    """Keras makes all states under one path, and one hides the others."""
    model = row.model(batch_size=3, stateful=True)
    model.compile("sgd", "mse")
    states = model.layers[1].states
    assert len({state.path for state in states}) == len(states)
    kept = keras.tree.flatten(model.get_state_tree()["non_trainable_variables"])
    model.predict(row.batch(3), batch_size=3, verbose=0)
    assert all(np.abs(as_float64(state)).max() > 0 for state in states)
    shapes = sorted(tuple(value.shape) for value in kept)
    assert shapes == sorted(
        tuple(variable.shape) for variable in model.non_trainable_variables
    )
    if keras.backend.backend() == "torch":
        held = {id(parameter) for parameter in model.parameters()}
        assert held >= {id(state.value) for state in states}
        names = [name for name in model.state_dict() if "carried_states" in name]
        assert len({name.rpartition("/")[2] for name in names}) == len(states)


def test_smaller_last_batch() -> None:
    """Keras on TensorFlow traces a free batch, and returned more rows than came."""
    x = RECURRENT_CLASSES[0].batch(6)
    for jit_compile in (False, True):
        if jit_compile and keras.backend.backend() == "torch":
            continue
        model = RECURRENT_CLASSES[0].model(batch_size=4, stateful=True)
        model.compile("sgd", "mse", jit_compile=jit_compile)
        with pytest.raises(Exception, match=r"takes no other batch|not compatible"):
            model.predict(x, batch_size=4, verbose=0)


@pytest.mark.parametrize("row", RECURRENT_CLASSES[:1], ids=row_id)
def test_batch_size_must_be_static_and_constant(row: Row) -> None:
    with pytest.raises(ValueError, match="batch size must be static"):
        row.model(stateful=True)
    layer = row.layer(stateful=True)
    layer(row.batch(4, 8))
    before = [as_float64(s) for s in layer.states]
    with pytest.raises(ValueError, match="batch size"):
        layer(row.batch(4, 8)[:2])
    for old, new in zip(before, layer.states, strict=True):
        np.testing.assert_array_equal(as_float64(new), old)
