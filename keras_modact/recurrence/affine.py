"""The derivatives of `x @ kernel + h @ recurrent_kernel + bias`.

Several cells read inputs and state in this sum alone. Given its gradient, what is
left of theirs is here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras_modact import numerics
from keras_modact.arguments import Tensor
from keras_modact.recurrence import arithmetic


def state_gradient(cell: Any, of_sum: Tensor, recurrent_mask: Tensor | None) -> Tensor:
    """The gradient of the state.

    Args:
        cell: The cell whose weights were summed up.
        of_sum: The gradient of the sum.
        recurrent_mask: As in `RecurrentCell.step`.
    """
    of_read = arithmetic.matmul_transposed(of_sum, cell.recurrent_kernel)
    return numerics.masked(of_read, recurrent_mask)


def weight_gradients(
    cell: Any,
    inputs: Tensor,
    h: Tensor,
    of_sum: Tensor,
    recurrent_mask: Tensor | None,
) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
    """What `RecurrentCell.weight_gradients` returns.

    Args:
        cell: The cell whose weights were summed up.
        inputs: The inputs of some steps, `(steps, batch, features)`.
        h: The states before these steps, `(steps, batch, units)`.
        of_sum: The gradient of the sum.
        recurrent_mask: As in `RecurrentCell.step`.
    """
    read = numerics.masked(h, recurrent_mask)
    gradients = {
        "kernel": arithmetic.outer_sum(inputs, of_sum),
        "recurrent_kernel": arithmetic.outer_sum(read, of_sum),
    }
    if cell.use_bias:
        gradients["bias"] = arithmetic.sum_but_last(of_sum)
    return partial(arithmetic.matmul_transposed, of_sum, cell.kernel), gradients
