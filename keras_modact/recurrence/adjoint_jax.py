"""The adjoint on JAX: the loop, of which only states and large products are kept."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax

from keras_modact.recurrence import loop
from keras_modact.recurrence.call import Call, OutputsAndStates

FEWEST_SUMMANDS = 32
"""A product that adds up as many for each number takes longer to compute again than
to keep: measured on a CPU, where one of 128 does and one of 2 does not."""


def run(call: Call) -> OutputsAndStates:
    """Runs a call; the backward pass computes each step again as far as it must."""
    # In a loop nothing merges what is computed again with what was computed first.
    checkpoint = functools.partial(jax.checkpoint, policy=is_kept, prevent_cse=False)
    return loop.run_call(call, checkpoint)


def is_kept(primitive: Any, *operands: Any, **parameters: Any) -> bool:
    """Whether the result of an operation is kept for the backward pass.

    A policy of `jax.checkpoint`.
    """
    products = jax.checkpoint_policies.dots_with_no_batch_dims_saveable
    if not products(primitive, *operands, **parameters):
        return False
    (summed, _), _ = parameters["dimension_numbers"]
    summands = math.prod(operands[0].shape[axis] for axis in summed)
    return summands >= FEWEST_SUMMANDS
