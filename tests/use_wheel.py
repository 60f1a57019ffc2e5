"""Uses the installed wheel, beside one backend and nothing else.

Run by `tox run -e release`, outside the checkout, so that what is imported is what
was installed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import tempfile
from pathlib import Path

import keras
import numpy as np

import keras_modact

assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
folder = Path(keras_modact.__file__).parent
assert "site-packages" in folder.parts, folder
assert (folder / "py.typed").exists()
assert importlib.metadata.version("keras-modact") == keras_modact.__version__
backends = {"tensorflow", "jax", "torch"} - {keras.backend.backend()}
for absent in (*backends, "matplotlib", "tensorflow_datasets", "pytest"):
    assert importlib.util.find_spec(absent) is None, absent

model = keras.Sequential(
    [
        keras.Input((None, 1)),
        keras_modact.NBRC(8, return_sequences=True),
        keras.layers.RNN(keras_modact.BRCCell(8)),
        keras.layers.Dense(1),
    ]
)
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(8, 5, 1))
model.fit(x, x[:, 0], verbose=0)
with tempfile.TemporaryDirectory() as place:
    model.save(Path(place) / "model.keras")
    loaded = keras.models.load_model(Path(place) / "model.keras")
np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
print(f"keras_modact {keras_modact.__version__} works from its wheel")
