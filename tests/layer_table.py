"""The table of layers, from which the tests that hold for every layer run.

A new public class gets a row in its room's `rows.py` and is tested by every such
module; a test fails as long as it has none. `tox run -e golden` makes its golden
files.
"""

from __future__ import annotations

import inspect

import keras

import keras_modact
from tests.activation import rows as activation
from tests.baselines import rows as baselines
from tests.bistability import rows as bistability
from tests.modulation import rows as modulation
from tests.parameterization import rows as parameterization
from tests.rectification import rows as rectification
from tests.row import Row

ROWS = [
    *bistability.ROWS,
    *activation.ROWS,
    *rectification.ROWS,
    *modulation.ROWS,
    *parameterization.ROWS,
    *baselines.ROWS,
]
RECURRENT_ROWS = [row for row in ROWS if row.is_recurrent]


def public_classes() -> list[type]:
    """Every layer and cell class that a user reaches by a public name.

    But for the base classes, which compute nothing.
    """
    found = (getattr(keras_modact, name) for name in keras_modact.__all__)
    return [
        item
        for item in found
        if inspect.isclass(item)
        and issubclass(item, keras.layers.Layer)
        and not item.__module__.startswith("keras_modact.recurrence.")
    ]


def first_rows() -> list[Row]:
    """The first row of each class, the one with `every_argument`."""
    rows: dict[type, Row] = {}
    for row in ROWS:
        rows.setdefault(row.cls, row)
    return list(rows.values())


# For what belongs to a class, or to what all recurrent layers share, and not to
# the options of a row.
LAYER_ROWS = [row for row in first_rows() if not row.is_cell]
RECURRENT_CLASSES = [row for row in LAYER_ROWS if row.is_recurrent]
# One for each form of states: one, two, one of several axes, and those of a stack.
# What the base does with states it does for all classes of a form alike.
STATE_FORMS = [
    row
    for row in RECURRENT_CLASSES
    if row.name in ("NBRC", "ModulatedLSTM", "ARUN", "StackedAdaptiveLSTM")
]
CELL_ROWS = [row for row in ROWS if row.is_cell]


def row_id(row: Row) -> str:
    return row.name
