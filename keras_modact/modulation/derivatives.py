"""The derivatives of the modulator activations that are known here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import activations, ops

from keras_modact import numerics
from keras_modact.arguments import Tensor
from keras_modact.modulation.tanhshrink import tanhshrink

Derivative = Callable[[Tensor, Tensor], Tensor]
"""From x and y = tau(x), of one dtype, to tau'(x)."""

KNOWN: list[tuple[Callable[[Tensor], Tensor], Derivative]] = [
    (activations.sigmoid, lambda x, y: y * (1 - y)),
    (activations.tanh, lambda x, y: 1 - y * y),
    (tanhshrink, lambda x, y: ops.square(numerics.tanh(x))),
    (activations.linear, lambda x, y: ops.ones_like(x)),
    (activations.relu, lambda x, y: ops.cast(x > 0, x.dtype)),
    (activations.softplus, lambda x, y: ops.sigmoid(x)),
]


def derivative_of(activation: Any) -> Derivative | None:
    """The derivative of an activation, None where it is not known."""
    # Not a dictionary: a callable of a user's own need not be hashable.
    return next((known for tau, known in KNOWN if tau is activation), None)
