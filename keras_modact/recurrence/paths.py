"""The chooser: how a recurrent layer runs over time, and why not otherwise.

Each path is a module's `why_not(call)` and `run(call)`. They compute the same
from the same cell; the loop is the reference that the others are tested against.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from keras_modact.recurrence import adjoint, loop
from keras_modact.recurrence.call import Call, OutputsAndStates, is_traced_by_torch
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.utils import validation

AUTOMATIC, LOOP = "auto", "loop"
VARIABLE = "KERAS_MODACT_ACCELERATION"


class Path(NamedTuple):
    """One way to run a cell over time."""

    why_not: Callable[[Call], str | None]
    """Why it cannot run a call, or None."""
    run: Callable[[Call], OutputsAndStates]
    """The outputs `(batch, time or 1, units)` and the last states."""
    worth: Callable[[Call], bool] = lambda call: True
    """Whether it is to be taken where nobody asked for it."""
    supports_xla: Callable[[RecurrentCell], bool] = lambda cell: True
    """Whether XLA compiles what it makes of a cell."""


PATHS = {
    "adjoint": Path(adjoint.why_not, adjoint.run, adjoint.worth),
    LOOP: Path(lambda call: None, loop.run_call),
}
"""Every path by its name, the one to be preferred first."""


def register(name: str, **by_backend: Path) -> None:
    """Registers a path for some cells, preferred to those that any cell has.

    Args:
        name: The path's name.
        **by_backend: What it is on each backend that has it, by the backend's name.
    """
    backend = keras.backend.backend()
    elsewhere = f"it is for {' and '.join(by_backend)}, not for {backend}"
    absent = Path(lambda call: elsewhere, loop.run_call)
    others = dict(PATHS)
    PATHS.clear()
    PATHS.update({name: by_backend.get(backend, absent), **others})


def supports_xla(cell: RecurrentCell) -> bool:
    """Whether XLA compiles a cell on every path."""
    return all(path.supports_xla(cell) for path in PATHS.values())


def checked(name: str, value: Any) -> str:
    """The name of a path, or "auto"."""
    return validation.one_of(name, value, (AUTOMATIC, *PATHS))


def why_the_loop(call: Call) -> str | None:
    """Why no path but the loop can run a call, whatever its cell, or None."""
    if call.unroll:
        return "unroll=True asks for the loop written out"
    if is_traced_by_torch(call):
        return "torch is compiling, exporting or transforming (`torch.func`)"
    return None


def choose(layer: str, acceleration: str | None, call: Call) -> str:
    """The name of the path for a call.

    Args:
        layer: What an error calls the layer.
        acceleration: "auto", the name of a path, or None for what the environment
            says.
        call: What is to be run.

    Raises:
        ValueError: If a path was asked for that cannot run the call.
    """
    asked_by = "acceleration"
    if acceleration is None:
        acceleration = checked(VARIABLE, os.environ.get(VARIABLE) or AUTOMATIC)
        asked_by = VARIABLE
    if acceleration == LOOP:
        return LOOP
    reason = why_the_loop(call)
    if acceleration == AUTOMATIC:
        if reason is not None:
            return LOOP
        return next(
            name
            for name, path in PATHS.items()
            if path.why_not(call) is None and path.worth(call)
        )
    reason = reason or PATHS[acceleration].why_not(call)
    if reason is not None:
        raise ValueError(
            f"{layer} was asked to run as {acceleration!r} by "
            f"{asked_by}={acceleration!r}, and cannot: {reason}. Set "
            f"{asked_by}={AUTOMATIC!r}, which takes what is available, or "
            "'loop', which always is."
        )
    return acceleration
