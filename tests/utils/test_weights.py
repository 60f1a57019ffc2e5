"""Initializers, regularizers and constraints act on the weight that they name."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest

from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)
from tests.gradients import as_float64
from tests.layer_table import ROWS, Row, first_rows, row_id

ACTIVE_ROWS = [
    row
    for row in first_rows()
    if "activity_regularizer" in inspect.signature(row.cls).parameters
]


def named(row: Row, kind: str) -> list[str]:
    """The weights of which the row's class takes an argument of a kind."""
    if isinstance(row.arguments.get("modulator"), partial):
        return []
    parameters = inspect.signature(row.cls).parameters
    names = [name.removesuffix(f"_{kind}") for name in parameters if kind in name]
    if isinstance(row.arguments.get("policy"), partial):
        names = [name for name in names if not name.startswith("policy_")]
    return [name for name in names if name != "activity"]


def weights(layer: Any, name: str) -> list[Any]:
    """The weights of a layer, or of its cell or cells, that an argument names."""
    holder = getattr(layer, "cell", layer)
    if hasattr(holder, "cells"):
        return [weight for cell in holder.cells for weight in weights(cell, name)]
    if name == "kernel" and hasattr(holder, "kernels"):
        return list(holder.kernels)
    if name.startswith("modulator_"):
        holder, name = layer.modulator, name.removeprefix("modulator_")
    elif isinstance(getattr(holder, "policy", None), keras.layers.Layer):
        of_policy = name.startswith(("policy_", "adaptation"))
        holder = holder.policy if of_policy else holder
        name = name.removeprefix("policy_")
    attribute = f"{name}_kernel" if hasattr(holder, f"{name}_kernel") else name
    made = getattr(holder, attribute, None)
    return [] if made is None else [made]


def without_unit_forget_bias(row: Row) -> dict[str, bool]:
    """The argument that leaves a bias to its initializer, where there is one."""
    name = "unit_forget_bias"
    return {name: False} if name in inspect.signature(row.cls).parameters else {}


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_initializers(row: Row) -> None:
    names = named(row, "initializer")
    values = {name: 0.125 * (place + 1) for place, name in enumerate(names)}
    layer = row.layer(
        **{
            f"{name}_initializer": keras.initializers.Constant(value)
            for name, value in values.items()
        },
        **without_unit_forget_bias(row),
    )
    layer.build((None, *row.input_shape))
    for name, value in values.items():
        for made in weights(layer, name):
            np.testing.assert_array_equal(as_float64(made), np.full(made.shape, value))


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_regularizers(row: Row) -> None:
    """The losses are those of the formulas, each with a factor of its own."""
    names = named(row, "regularizer")
    factors = {name: 0.1 * (place + 1) for place, name in enumerate(names)}
    layer = row.layer(
        **{
            f"{name}_regularizer": keras.regularizers.L2(factor)
            for name, factor in factors.items()
        }
    )
    layer.build((None, *row.input_shape))
    expected = 0.0
    for name, factor in factors.items():
        for made in weights(layer, name):
            if made.trainable:
                made.assign(np.random.default_rng(0).normal(size=made.shape))
                expected += factor * (as_float64(made) ** 2).sum()
    total = as_float64(sum(layer.losses)) if expected else 0.0
    assert total == pytest.approx(expected, 1e-5)


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_constraints_hold_after_a_step(row: Row) -> None:
    names = named(row, "constraint")
    layer = row.layer(**{f"{name}_constraint": "non_neg" for name in names})
    layer(row.batch())
    held = [w for n in names for w in weights(layer, n) if w.trainable]
    assert bool(held) == bool(names and layer.trainable_weights)
    for variable in held:
        variable.assign(np.where(np.indices(variable.shape).sum(0) % 2, 0.01, -0.5))
    if held:
        optimizer = keras.optimizers.SGD(1e-4)
        optimizer.apply([keras.ops.ones_like(w.value) for w in held], held)
    for variable in held:
        assert as_float64(variable).min() >= 0


@pytest.mark.parametrize("row", ACTIVE_ROWS, ids=row_id)
def test_activity_regularizer(row: Row) -> None:
    """As any Keras layer with the same output (some versions divide by the batch)."""
    layer = row.layer(activity_regularizer=keras.regularizers.L2(0.1))
    other = keras.layers.Activation(
        "linear", activity_regularizer=keras.regularizers.L2(0.1)
    )
    other(layer(row.batch()))
    expected = as_float64(sum(other.losses))
    assert expected > 0
    assert as_float64(sum(layer.losses)) == pytest.approx(expected, 1e-5)


def test_what_is_not_given_is_left_alone() -> None:
    layer = keras.layers.Layer()
    set_weight_arguments(layer, ["kernel"], {"kernel_initializer": "ones", "units": 3})
    assert list(weight_kwargs(layer, "kernel")) == ["initializer"]
    assert list(weight_config(layer, ["kernel"])) == ["kernel_initializer"]
