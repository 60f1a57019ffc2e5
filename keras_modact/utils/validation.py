"""Constructor arguments, checked before anything is built from them.

Every error names the argument, says what came and what is allowed, and how to
mend it.
"""

from __future__ import annotations

import difflib
import inspect
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

Tensor = Any
"""A tensor of the backend in use, or a `keras.KerasTensor`."""


def constructor_arguments(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, from its `locals()`.

    A constructor states its arguments in full, once, and passes them on with
    this, in place of a second list of the same names.
    """
    refuse_misspelt(type(scope["self"]), scope["kwargs"])
    own = {k: v for k, v in scope.items() if k not in ("self", "__class__", "kwargs")}
    return {**own, **scope["kwargs"]}


def refuse_misspelt(
    cls: Any, unknown: Mapping[str, Any], known: Iterable[str] | None = None
) -> None:
    """Rejects unknown keywords that resemble known ones.

    Args:
        cls: The class that is constructed.
        unknown: What its constructor passes on.
        known: The names of its arguments, if not those that its `__init__` names.
    """
    if known is None:
        # Not `inspect.signature(cls)`, which is that of flax where Keras runs on NNX.
        known = inspect.signature(cls.__init__).parameters
    known = list(known)
    for name, value in unknown.items():
        if name in known:
            continue
        meant = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
        if meant:
            raise ValueError(
                f"{cls.__name__} has no argument `{name}`, received "
                f"{name}={value!r}. Did you mean `{meant[0]}`?"
            )


def positive_integer(name: str, value: Any) -> int:
    """`value` as an int, if it is a whole number above 0."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value <= 0:
        raise ValueError(
            f"`{name}` must be a positive integer, received {name}={value!r}. "
            f"Pass a whole number such as {name}=128."
        )
    return int(value)


def non_negative_integer(name: str, value: Any) -> int:
    """0 or a positive whole number; NumPy's integers count, booleans do not."""
    integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integer or value < 0:
        raise ValueError(
            f"`{name}` must be 0 or a positive integer, received {name}={value!r}."
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


def fraction(name: str, value: Any) -> float:
    """`value` as a float, if it lies in [0, 1]."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` is a share and must lie in [0, 1], received {name}={value!r}. "
            f"Pass for example {name}=0.05 for five percent."
        )
    return float(value)


def one_of(name: str, value: Any, allowed: Sequence[str]) -> str:
    """`value`, if it is one of the allowed words."""
    if not isinstance(value, str) or value not in allowed:
        words = ", ".join(map(repr, allowed))
        raise ValueError(f"`{name}` must be one of {words}, received {name}={value!r}.")
    return value


def positive_integers(name: str, value: Any) -> int | tuple[int, ...]:
    """`value`, if it is a positive integer or a sequence of one to three of them."""
    single = not isinstance(value, (tuple, list))
    items = [value] if single else value
    whole = all(
        isinstance(item, numbers.Integral)
        and not isinstance(item, bool)
        and int(item) > 0
        for item in items
    )
    if not whole or not 1 <= len(items) <= 3:
        raise ValueError(
            f"`{name}` must be a positive integer, or a tuple of one for each of one "
            f"to three spatial axes, received {name}={value!r}. Pass for example "
            f"{name}=3, or {name}=(3, 3) for images."
        )
    return int(value) if single else tuple(map(int, items))


def data_format(value: Any) -> str:
    """`value`, or for None what Keras is configured for."""
    if value is None:
        return keras.config.image_data_format()
    return one_of("data_format", value, ("channels_last", "channels_first"))


def activation(name: str, value: Any) -> Any:
    """The function that an activation's name or config, or a callable, stands for."""
    found = None
    if value is not None:
        found = _keras_object(name, value, "activations", "'relu'")
    if not callable(found):
        raise ValueError(
            f"`{name}` must be the name of an activation or a callable, received "
            f"{name}={value!r}. Pass for example {name}='relu'."
        )
    return found


def activation_config(activation: Any) -> Any:
    """An activation for `get_config`; one that was set to None is linear."""
    return "linear" if activation is None else keras.activations.serialize(activation)


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


def positive_number(name: str, value: Any) -> float:
    """`value` as a float, if it is a finite number above 0."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(
            f"`{name}` must be a finite number above 0, received {name}={value!r}. "
            f"Pass a number such as {name}=100."
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
