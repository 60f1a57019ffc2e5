"""Keras' layers as modules of flax, which `KERAS_NNX_ENABLED` asks for at import."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import pytest

SCRIPT = """
import numpy as np, keras
from tests.layer_table import first_rows

for row in first_rows():
    if row.name in ("NBRC", "StackedAdaptiveLSTM"):
        model = row.model()
        model.compile("sgd", "mse", run_eagerly=row.name != "NBRC")
        x = row.batch(4)
        expected = model(x)
        got = model.predict(x, verbose=0)
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
        assert model.layers[1].last_path and model.layers[1].units
        again = type(model).from_config(model.get_config())
        assert again.count_params() == model.count_params()
        if row.name == "NBRC":
            model.fit(x, np.zeros_like(got), verbose=0)
            assert np.abs(model.predict(x, verbose=0) - got).max() > 0
"""


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="flax is of JAX")
def test_layers_as_modules_of_flax() -> None:
    pytest.importorskip("flax")
    made = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_NNX_ENABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr[-2000:]
