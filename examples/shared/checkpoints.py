"""Checkpoints from which a training goes on as if nothing had stopped it."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np


def save(
    path: pathlib.Path,
    variables: Sequence[keras.Variable],
    record: Mapping[str, Any] | None = None,
) -> None:
    """Writes the variables' values, in their order, and what JSON can hold.

    `model.variables` has the states of dropout's random numbers, which Keras'
    own files leave out.
    """
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    path.parent.mkdir(parents=True, exist_ok=True)
    # A training killed meanwhile still has the checkpoint before.
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        np.savez(file, *values, record=json.dumps(dict(record or {})))
    os.replace(unfinished, path)


def load(path: pathlib.Path, variables: Sequence[keras.Variable]) -> dict[str, Any]:
    """Gives the variables the values of a file; returns what was saved beside them."""
    with np.load(path) as saved:
        record = json.loads(str(saved["record"]))
        values = [saved[f"arr_{index}"] for index in range(len(saved.files) - 1)]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return record


def read_record(path: pathlib.Path) -> dict[str, Any]:
    """What was saved beside the variables."""
    with np.load(path) as saved:
        return json.loads(str(saved["record"]))
