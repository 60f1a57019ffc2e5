"""The table of layers is complete.

Only here shows: a public class, an argument or a golden file that no test sees, and
a weight too many or too few.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tests.layer_table import ROWS, Row, first_rows, public_classes, row_id


def test_every_public_class_has_a_row() -> None:
    assert {row.cls for row in ROWS} == set(public_classes())


def test_names_are_unique() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_every_argument_is_given_another_value(row: Row) -> None:
    parameters = dict(inspect.signature(row.cls).parameters)
    parameters.pop("kwargs")
    assert row.every_argument.keys() == parameters.keys()
    same = [
        name
        for name, parameter in parameters.items()
        if row.every_argument[name] == parameter.default and name != "use_bias"
    ]
    assert not same


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_parameter_count(row: Row) -> None:
    layer = row.layer()
    layer.build((None, *row.input_shape))
    assert layer.count_params() == row.count + row.fixed
    assert sum(np.prod(w.shape) for w in layer.trainable_weights) == row.count
