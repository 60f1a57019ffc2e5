"""Running a step function over time: the reference loop.

`keras.layers.RNN` owns a loop for each backend, reached through its public
`inner_loop`. Here it carries any step function, with masks of our own:

* a masked step leaves every state as it was, and the output is the first state,
  so before the first valid step the output is the initial state (Keras gives
  zeros there on some backends and not on others);
* the input at a masked step is replaced by zero before it is used, so that a
  NaN in the padding reaches neither an output nor a gradient;
* the mask travels as one more feature of the sequence, so that every loop
  (symbolic, unrolled) pairs the right mask with the right step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_modact.arguments import Tensor

Step = Callable[[Tensor, Sequence[Tensor]], list[Tensor]]
"""From the input of one step and the states to the new states."""


class _StepAsCell:
    """What `keras.layers.RNN` asks of a cell, around one step function."""

    def __init__(self, step: Step) -> None:
        self.step = step

    def __call__(
        self, inputs: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        new_states = self.step(inputs, list(states))
        return new_states[0], new_states


@dataclass(frozen=True)
class _Runner:
    """The attributes that `keras.layers.RNN.inner_loop` reads of its layer.

    A layer made for each call would do as well, but `torch.compile` cannot
    trace the making of a layer.
    """

    cell: _StepAsCell
    unroll: bool
    return_sequences: bool
    go_backwards: bool = False
    stateful: bool = False
    zero_output_for_mask: bool = False


def run(
    step: Step,
    sequences: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None = None,
    *,
    go_backwards: bool = False,
    unroll: bool = False,
    return_sequences: bool = True,
) -> tuple[Tensor, list[Tensor]]:
    """Runs `step` over the time axis of `sequences`.

    Args:
        step: From the inputs of one step `(batch, features)` and the list of
            states to the list of new states, the first of which is the output.
        sequences: Tensor `(batch, time, features)`.
        states: List of tensors, the states before the first step.
        mask: Boolean tensor `(batch, time)`, False where a step is skipped.
        go_backwards: Run from the last step to the first; outputs come in the
            order in which they are computed.
        unroll: Write the loop out, for a static number of steps.
        return_sequences: Keep the output of every step.

    Returns:
        The outputs `(batch, time, units)`, or `(batch, 1, units)` without
        `return_sequences`, and the list of the last states.
    """
    if go_backwards:
        # Keras' own reverse loop cannot be exported to ONNX on JAX, and with a
        # free batch on torch.
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    if mask is not None:
        column = ops.cast(ops.expand_dims(mask, -1), sequences.dtype)
        sequences = ops.concatenate([sequences, column], axis=-1)

    def masked_step(inputs: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        valid = inputs[:, -1:] > 0
        features = inputs[:, :-1]
        features = ops.where(valid, features, ops.zeros_like(features))
        return [
            ops.where(ops.reshape(valid, (-1,) + (1,) * (len(old.shape) - 1)), new, old)
            for new, old in zip(step(features, states), states, strict=True)
        ]

    cell = _StepAsCell(step if mask is None else masked_step)
    runner = _Runner(cell, unroll, return_sequences)
    _, outputs, last_states = keras.layers.RNN.inner_loop(
        runner, sequences, list(states), mask=None
    )
    return outputs, list(last_states)


def zero_masked(outputs: Tensor, mask: Tensor, go_backwards: bool) -> Tensor:
    """`outputs` with zeros at masked steps.

    Args:
        outputs: Tensor `(batch, time, units)`, in the order of computation.
        mask: Boolean tensor `(batch, time)`, in the order of the inputs.
        go_backwards: Whether the two orders are opposite.
    """
    if go_backwards:
        mask = ops.flip(mask, axis=1)
    return ops.where(ops.expand_dims(mask, -1), outputs, ops.zeros_like(outputs))


def as_mask(mask: Any) -> Tensor:
    """A mask as Keras passes it (nested, with a last axis of 1) as `(batch, time)`."""
    mask = keras.tree.flatten(mask)[0]
    mask = ops.convert_to_tensor(mask, dtype="bool")
    return ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask
