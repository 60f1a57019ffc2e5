"""Vector-Jacobian products by the automatic differentiation of each backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_modact.utils.validation import Tensor

Function = Callable[..., Sequence[Tensor]]
Pull = Callable[..., list[Any]]
"""From the gradients of the results, None for those without one, and the places of
some arguments to the gradients of these; None, or zeros, where nothing is read."""


def vjp(function: Function, arguments: Sequence[Tensor]) -> tuple[list[Tensor], Pull]:
    """Calls a function, to be differentiated once.

    Args:
        function: From tensors to a list of tensors. Of what it closes over nothing
            is differentiated.
        arguments: The tensors that it is called on.

    Returns:
        The results, and a function `pull(gradients, wanted)`.
    """
    return _BACKENDS[keras.backend.backend()](function, arguments)


def _torch(
    function: Function, arguments: Sequence[Tensor]
) -> tuple[list[Tensor], Pull]:
    import torch

    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in arguments]
        results = function(*leaves)

    def pull(gradients: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        pairs = [
            (result, gradient)
            for result, gradient in zip(results, gradients, strict=True)
            if gradient is not None and result.requires_grad
        ]
        if not pairs:
            return [None] * len(wanted)
        return list(
            torch.autograd.grad(
                [result for result, _ in pairs],
                [leaves[place] for place in wanted],
                [gradient for _, gradient in pairs],
                allow_unused=True,
            )
        )

    return [result.detach() for result in results], pull


def _tensorflow(
    function: Function, arguments: Sequence[Tensor]
) -> tuple[list[Tensor], Pull]:
    import tensorflow as tf

    # Copies, so that an argument given twice has two gradients.
    sources = [tf.identity(x) for x in arguments]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)
        results = list(function(*sources))

    def pull(gradients: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
        pairs = [
            (result, gradient)
            for result, gradient in zip(results, gradients, strict=True)
            if gradient is not None
        ]
        pulled: list[Any] = tape.gradient(
            [result for result, _ in pairs],
            [sources[place] for place in wanted],
            [gradient for _, gradient in pairs],
        )
        return pulled

    return results, pull


_BACKENDS: dict[str, Callable[..., tuple[list[Tensor], Pull]]] = {
    "torch": _torch,
    "tensorflow": _tensorflow,
}
