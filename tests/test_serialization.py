"""Configs, files and clones of every layer in the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests import golden
from tests.layer_table import ROWS, Row, first_rows, row_id


def plain(config: Any) -> Any:
    """A config with Keras objects by class and numbers, so that `==` compares it."""
    return keras.saving.serialize_keras_object(config)


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_config_holds_every_constructor_argument(row: Row) -> None:
    made = row.make({**row.every_argument, "name": "a_name", "dtype": "mixed_bfloat16"})
    config = made.get_config()
    assert "cell" not in config
    assert row.every_argument.keys() <= config.keys()
    for name, value in row.every_argument.items():
        # A number may stand for an initializer.
        if isinstance(value, (int, float)) and "initializer" not in name:
            assert config[name] == value, name
    again = row.cls.from_config(config)
    assert plain(again.get_config()) == plain(config)
    assert again.name == "a_name"
    assert again.dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_config_round_trip_of_the_defaults(row: Row) -> None:
    made = row.make(row.required())
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(made)
    )
    assert type(again) is row.cls
    assert plain(again.get_config()) == plain(made.get_config())


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_registered_name(row: Row) -> None:
    name = keras.saving.get_registered_name(row.cls)
    assert name == f"keras_modact>{row.cls.__name__}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_clone_has_the_config_and_new_weights(row: Row) -> None:
    model = row.model()
    clone = keras.models.clone_model(model)
    assert plain(clone.layers[1].get_config()) == plain(model.layers[1].get_config())
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]
    clone.set_weights(model.get_weights())
    x = row.batch()
    np.testing.assert_allclose(
        clone.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_saved_model_gives_equal_outputs(row: Row, tmp_path: Path) -> None:
    model = row.model()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = row.batch()
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0)
    )


@pytest.mark.parametrize("row", ROWS, ids=row_id)
@pytest.mark.parametrize("backend", golden.BACKENDS)
def test_golden_file(row: Row, backend: str) -> None:
    """A file saved on any backend gives here what it gave there."""
    model = keras.models.load_model(golden.model_path(row, backend))
    inputs, outputs = golden.read_arrays(row, backend)
    np.testing.assert_allclose(
        model.predict(inputs, verbose=0), outputs, rtol=1e-5, atol=1e-6
    )


def test_golden_files_are_of_rows() -> None:
    known = {golden.model_path(row, b) for row in ROWS for b in golden.BACKENDS}
    assert set(golden.FOLDER.glob("*/*.keras")) == known
