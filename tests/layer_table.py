"""The table of layers, from which the tests that hold for every layer run.

A new public class gets a row here and is tested by every such module; a test
fails as long as it has none. `tox run -e golden` makes its golden files.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

import keras_modact


@dataclass(frozen=True)
class Row:
    """One public class, built in one way."""

    name: str
    cls: type
    arguments: dict[str, Any]
    """Constructor arguments of the layer under test, chosen to be small."""
    input_shape: tuple[int, ...]
    """Shape of an input without the batch."""
    output_shape: tuple[int, ...]
    """Shape of the output without the batch."""
    count: int
    """Number of trainable parameters."""
    every_argument: dict[str, Any] = field(default_factory=dict)
    """A value that is not the default, for every constructor argument."""

    @property
    def is_cell(self) -> bool:
        return "states" in inspect.signature(self.cls.call).parameters

    @property
    def is_recurrent(self) -> bool:
        return issubclass(self.cls, keras.layers.RNN)

    def batch(self, size: int = 3, time: int | None = None) -> np.ndarray:
        """A random batch, with `time` steps in place of the row's own."""
        shape = self.input_shape if time is None else (time, *self.input_shape[1:])
        random = np.random.default_rng(0)
        return random.normal(size=(size, *shape)).astype("float32")

    def layer(self, **overrides: Any) -> keras.layers.Layer:
        """A new layer; a cell comes in `keras.layers.RNN`."""
        made = self.cls(**{**self.arguments, **overrides})
        return keras.layers.RNN(made, return_sequences=True) if self.is_cell else made

    def model(self, batch_size: int | None = None, **overrides: Any) -> keras.Model:
        """A new functional model: input, layer, `Dense(2)`."""
        inputs = keras.Input(self.input_shape, batch_size=batch_size)
        outputs = keras.layers.Dense(2)(self.layer(**overrides)(inputs))
        return keras.Model(inputs, outputs)


CELL_ARGUMENTS: dict[str, Any] = {
    "units": 5,
    "use_bias": True,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "random_normal",
    "bias_initializer": "random_uniform",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "non_neg",
    "bias_constraint": "non_neg",
    "dropout": 0.25,
    "recurrent_dropout": 0.125,
    "seed": 7,
}
LAYER_ARGUMENTS: dict[str, Any] = {
    **CELL_ARGUMENTS,
    "activity_regularizer": "l2",
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
}
BISTABLE = {"use_candidate_bias": True}

ROWS = [
    Row(
        name="BRC",
        cls=keras_modact.BRC,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 4 * 4,
        every_argument={**LAYER_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="BRC_last_output",
        cls=keras_modact.BRC,
        arguments={"units": 4, "use_candidate_bias": True, "go_backwards": True},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 3 * 4 + 5 * 4,
    ),
    Row(
        name="NBRC",
        cls=keras_modact.NBRC,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 4,
        every_argument={**LAYER_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="NBRC_last_output",
        cls=keras_modact.NBRC,
        arguments={"units": 4, "use_bias": False},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 3 * 4 + 2 * 4 * 4,
    ),
    Row(
        name="BRCCell",
        cls=keras_modact.BRCCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 4 * 4,
        every_argument={**CELL_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="NBRCCell",
        cls=keras_modact.NBRCCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 4,
        every_argument={**CELL_ARGUMENTS, **BISTABLE},
    ),
]
RECURRENT_ROWS = [row for row in ROWS if row.is_recurrent]


def public_classes() -> list[type]:
    """Every layer and cell class that a user reaches by a public name."""
    found = (getattr(keras_modact, name) for name in keras_modact.__all__)
    return [
        item
        for item in found
        if inspect.isclass(item) and issubclass(item, keras.layers.Layer)
    ]


def first_rows() -> list[Row]:
    """The first row of each class, the one with `every_argument`."""
    rows: dict[type, Row] = {}
    for row in ROWS:
        rows.setdefault(row.cls, row)
    return list(rows.values())


def row_id(row: Row) -> str:
    return row.name
