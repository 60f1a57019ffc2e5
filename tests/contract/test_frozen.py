"""Frozen layers stay frozen: the parts inside them, in clones and files too.

Only here shows: a part inside a layer that trains although the layer is frozen.
"""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from tests.layer_table import ROWS, Row, row_id

LAYERS = [row for row in ROWS if row.count and not row.is_cell]


def trainable_paths(model: keras.Model) -> list[str]:
    """The trainable weights of a row's model but for its last layer."""
    last = model.layers[-1].weights
    return [w.path for w in model.trainable_weights if not any(w is v for v in last)]


@pytest.mark.parametrize("row", LAYERS, ids=row_id)
def test_frozen_layers_stay_frozen(row: Row, tmp_path: Path) -> None:
    """Keras' setter reaches the parts inside a layer, its constructor does not."""
    model = row.model()
    layer = model.layers[1]
    assert len(trainable_paths(model)) == len(layer.trainable_weights) > 0
    layer.trainable = False
    model.save(tmp_path / "model.keras")
    for frozen in (
        row.model(trainable=False),
        keras.models.clone_model(model),
        keras.models.load_model(tmp_path / "model.keras"),
    ):
        assert trainable_paths(frozen) == []
    frozen.layers[1].trainable = True
    assert len(trainable_paths(frozen)) > 0
