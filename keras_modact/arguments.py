"""Constructor arguments, checked before anything is built from them.

Every error names the argument, says what came and what is allowed, and how to
mend it.
"""

from __future__ import annotations

import math
import numbers
from typing import Any

import keras

Tensor = Any
"""A tensor of the backend in use, or a `keras.KerasTensor`."""


def positive_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is a whole number above 0."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value <= 0:
        raise ValueError(
            f"`{name}` must be a positive integer, received {name}={value!r}. "
            f"Pass a whole number such as {name}=128."
        )
    return int(value)


def dropout_rate(name: str, value: Any) -> float:
    """`value` as a float, if it is a share of units in [0, 1)."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value < 1:
        raise ValueError(
            f"`{name}` is the share of elements that are dropped and must lie in "
            f"[0, 1), received {name}={value!r}. Pass {name}=0 for no dropout."
        )
    return float(value)


def random_seed(name: str, value: Any) -> int | None:
    """`value`, if it is None or a whole number."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if value is not None and not whole:
        raise ValueError(
            f"`{name}` must be an integer or None, received {name}={value!r}. "
            f"Pass a whole number such as {name}=0."
        )
    return None if value is None else int(value)


def finite_number(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite real number."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        raise ValueError(
            f"`{name}` must be a finite number, received {name}={value!r}. "
            f"Pass a float such as {name}=1.0."
        )
    return float(value)


def truth_value(name: str, value: Any) -> bool:
    """`value`, if it is True or False (an array or a string is a slip)."""
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` must be True or False, received {name}={value!r}.")
    return value


def initializer(name: str, value: Any) -> Any:
    """The Keras initializer that `value` stands for."""
    if value is None:
        raise ValueError(
            f"`{name}` must say how the weight starts, received {name}=None. "
            f"Pass for example {name}='zeros'."
        )
    return _keras_object(name, value, "initializers", "'glorot_uniform'")


def regularizer(name: str, value: Any) -> Any:
    """The Keras regularizer that `value` stands for, or None."""
    return _keras_object(name, value, "regularizers", "'l2'")


def constraint(name: str, value: Any) -> Any:
    """The Keras constraint that `value` stands for, or None."""
    return _keras_object(name, value, "constraints", "'max_norm'")


def _keras_object(name: str, value: Any, module: str, example: str) -> Any:
    try:
        found = getattr(keras, module).get(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`{name}` must be the name of a class in `keras.{module}`, an "
            f"instance of one, its config or a callable, received "
            f"{name}={value!r}. Pass for example {name}={example}."
        ) from error
    # A class counts as a callable for Keras and would only fail in `build`.
    return found() if isinstance(found, type) else found
