"""Keras quantizes some of its own layers; those of the package say what to do."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64
from tests.layer_table import Row, first_rows, row_id

# A wrapper's layers are quantized by themselves, and no kernel is no loss.
QUANTIZED = (keras_modact.Modulated,)
WITHOUT_KERNEL = (
    keras_modact.ConvAct,
    keras_modact.Gamma,
    keras_modact.GORUBias,
    keras_modact.MixLU,
    keras_modact.NegLU,
)
REFUSING = [
    row
    for row in first_rows()
    if not issubclass(row.cls, (*QUANTIZED, *WITHOUT_KERNEL))
]


@pytest.mark.parametrize("row", REFUSING, ids=row_id)
def test_refused(row: Row) -> None:
    layer = row.make(row.arguments)
    layer.built = True
    name = type(layer).__name__
    message = f"{name} '{layer.name}' keeps its weights as floats.*to ONNX and quantize"
    with pytest.raises(NotImplementedError, match=message):
        layer.quantize("int8")


def test_a_model_is_quantized_around_them(tmp_path: Path) -> None:
    model = keras.Sequential(
        [
            keras.Input((5, 3)),
            keras_modact.NBRC(4),
            keras_modact.AdaptiveDense(4, around_one=True),
            keras.layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    before = as_float64(model(x))
    with pytest.warns(UserWarning, match="quantize") as caught:
        model.quantize("int8")
    told = [str(warning.message) for warning in caught]
    for part in ("NBRCCell 'cell'", "AdaptationPolicy 'policy'"):
        assert any(f"{part} keeps its weights as floats" in text for text in told)
    expected = as_float64(model(x))
    np.testing.assert_allclose(expected, before, atol=0.05)
    assert model.layers[-1].quantization_mode == "int8"
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(as_float64(again(x)), expected, rtol=1e-6)
