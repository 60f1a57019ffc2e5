"""Golden files: models saved once on each backend, with inputs and outputs.

They show that the file format keeps its meaning over versions and backends, so
they are made once and then only read. `tox run -e golden` makes those that are
missing, with the oldest Keras that is supported, since Keras reads files of older
versions and not of newer ones. `tox run -e golden -- --all` replaces the rest too,
which only a deliberate break of the format warrants.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.layer_table import Row

FOLDER = Path(__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")


def model_path(row: Row, backend: str) -> Path:
    """Where the model of a row, saved on a backend, lies."""
    return FOLDER / backend / f"{row.name}.keras"


def arrays_path(row: Row, backend: str) -> Path:
    """Where the inputs and outputs of that model lie."""
    return FOLDER / backend / f"{row.name}.npz"


def read_arrays(row: Row, backend: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs of a golden model and the outputs that it gave."""
    with np.load(arrays_path(row, backend)) as arrays:
        return arrays["inputs"], arrays["outputs"]
