"""Configs, files and clones of every layer in the table.

Only here shows: an argument that the config forgets or changes; a registered name
that moved; a file of an earlier version, or of another backend, that now means
something else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests import golden
from tests.layer_table import ROWS, Row, first_rows, row_id


def plain(config: Any) -> Any:
    """A config with Keras objects by class and numbers, so that `==` compares it.

    The shapes for which layers inside were built are left out.
    """

    def unbuilt(item: Any) -> Any:
        if isinstance(item, dict):
            return {k: unbuilt(v) for k, v in item.items() if k != "build_config"}
        return [unbuilt(i) for i in item] if isinstance(item, (list, tuple)) else item

    return unbuilt(keras.saving.serialize_keras_object(config))


def assert_equal_models(model: keras.Model, expected: keras.Model) -> None:
    """The layer's config and all weights, which say what a model computes."""
    configs = [plain(m.layers[1].get_config()) for m in (model, expected)]
    assert configs[0] == configs[1]
    for got, want in zip(model.weights, expected.weights, strict=True):
        assert (got.name, got.dtype) == (want.name, want.dtype)
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(want)
        )


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


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_registered_name(row: Row) -> None:
    name = keras.saving.get_registered_name(row.cls)
    assert name == f"keras_modact>{row.cls.__name__}"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_clone_and_saved_model(row: Row, tmp_path: Path) -> None:
    """That equal models compute the same is shown by the golden files."""
    model = row.model()
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    assert_equal_models(clone, model)
    model.save(tmp_path / "model.keras")
    assert_equal_models(keras.models.load_model(tmp_path / "model.keras"), model)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_golden_files(row: Row) -> None:
    """A file saved on any backend gives here what it gave there.

    The models of a row differ in their weights alone, so that one of them, which is
    compiled once, computes what each would.
    """
    paths = [golden.model_path(row, backend) for backend in golden.BACKENDS]
    models = [keras.models.load_model(path) for path in paths]
    first = models[0]
    for backend, model in zip(golden.BACKENDS, models, strict=True):
        first.set_weights(model.get_weights())
        assert_equal_models(model, first)
        inputs, outputs = golden.read_arrays(row, backend)
        np.testing.assert_allclose(
            first.predict_on_batch(inputs), outputs, rtol=1e-5, atol=1e-6
        )


def test_golden_files_are_of_rows() -> None:
    known = {golden.model_path(row, b) for row in ROWS for b in golden.BACKENDS}
    assert set(golden.FOLDER.glob("*/*.keras")) == known
