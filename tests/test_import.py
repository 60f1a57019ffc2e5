"""What a user reads who has installed the package beside no backend."""

from __future__ import annotations

import subprocess
import sys

import keras

BACKEND = keras.backend.backend()
HIDDEN = f"""
import sys

class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] == {BACKEND!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name={BACKEND!r})

sys.meta_path.insert(0, Absent())
import keras_modact
"""


def test_a_missing_backend_is_named_with_its_extra() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f'pip install "keras-modact[{BACKEND}]"' in done.stderr
