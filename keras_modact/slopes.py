"""The derivatives of activations, for cells that state their own derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from keras import activations, ops

from keras_modact.arguments import Tensor

Slope = Callable[[Tensor, Tensor], Tensor]
"""From x and y = tau(x), of one dtype, to tau'(x)."""
Known = tuple[Callable[[Tensor], Tensor], Slope]


def of_relu(x: Tensor) -> Tensor:
    """1 where x is above 0, else 0."""
    return ops.cast(x > 0, x.dtype)


# Not a dictionary: a callable of a user's own need not be hashable. Only tanh's is
# from y, which may have lost digits to a 1 that was added and taken away again.
KNOWN: tuple[Known, ...] = (
    (activations.tanh, lambda x, y: 1 - y * y),
    (activations.sigmoid, lambda x, y: ops.sigmoid(x) * ops.sigmoid(-x)),
    (activations.linear, lambda x, y: ops.ones_like(x)),
    (activations.relu, lambda x, y: of_relu(x)),
    (activations.softplus, lambda x, y: ops.sigmoid(x)),
)


def slope_of(activation: Any, further: Iterable[Known] = ()) -> Slope | None:
    """The derivative of an activation, None where it is not known.

    Args:
        activation: Any callable.
        further: Activations that are known to the caller, with their slopes.
    """
    return next((s for tau, s in (*KNOWN, *further) if tau is activation), None)


def why_unknown(
    argument: str, activation: Any, further: Iterable[Known] = ()
) -> str | None:
    """Why there is no derivative of an activation, or None if there is one.

    Args:
        argument: The name of the argument that the activation came in.
        activation: As in `slope_of`.
        further: As in `slope_of`.
    """
    further = tuple(further)
    if slope_of(activation, further) is not None:
        return None
    name = getattr(activation, "__name__", type(activation).__name__)
    known = ", ".join(tau.__name__ for tau, _ in (*KNOWN, *further))
    return f"`{argument}` is {name}, and known are the derivatives of {known}"
