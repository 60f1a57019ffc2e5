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

from keras_modact.recurrence.call import Call, OutputsAndStates
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.utils.validation import Tensor

Step = Callable[[Tensor, Sequence[Tensor]], list[Tensor]]
"""From the input of one step and the states to the new states."""
OutputAndStates = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, Sequence[Tensor]]]
"""From the input and the states to an output and the new states."""


@dataclass(frozen=True)
class _Runner:
    """The attributes that `keras.layers.RNN.inner_loop` reads of its layer.

    A layer made for each call would do as well, but `torch.compile` cannot
    trace the making of a layer.
    """

    cell: OutputAndStates
    unroll: bool
    return_sequences: bool
    go_backwards: bool = False
    stateful: bool = False
    zero_output_for_mask: bool = False


def over(
    function: OutputAndStates,
    sequences: Tensor,
    states: Sequence[Tensor],
    *,
    unroll: bool = False,
    return_sequences: bool = True,
) -> tuple[Tensor, list[Tensor]]:
    """Keras' own loop: `function` over the time axis of `sequences`.

    Args:
        function: From `(batch, features)` and the list of states to an output
            and the new states.
        sequences: Tensor `(batch, time, features)`.
        states: List of tensors, the states before the first step.
        unroll: If `True`, unrolls the time loop; for short, static sequences.
        return_sequences: Keep the output of every step.

    Returns:
        The outputs `(batch, time, ...)`, or `(batch, 1, ...)` without
        `return_sequences`, and the list of the last states.
    """
    runner: Any = _Runner(function, unroll, return_sequences)
    _, outputs, last_states = keras.layers.RNN.inner_loop(
        runner, sequences, list(states), mask=None
    )
    return outputs, list(last_states)


def run(
    step: Step,
    sequences: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None = None,
    *,
    unroll: bool = False,
    return_sequences: bool = True,
    wrap: Callable[[OutputAndStates], OutputAndStates] | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Runs `step` over the time axis of `sequences`.

    Args:
        step: From the inputs of one step `(batch, features)` and the list of
            states to the list of new states, the first of which is the output.
        sequences: Tensor `(batch, time, features)`.
        states: List of tensors, the states before the first step.
        mask: Boolean tensor `(batch, time)`, False where a step is skipped.
        unroll: If `True`, unrolls the time loop; for short, static sequences.
        return_sequences: Keep the output of every step.
        wrap: What the body of the loop, a step with its mask, goes through.

    Returns:
        The outputs `(batch, time, units)`, or `(batch, 1, units)` without
        `return_sequences`, and the list of the last states.
    """
    if mask is not None:
        sequences = with_mask(sequences, mask)
    elif keras.backend.backend() == "torch":
        # The caller may overwrite the sequences before the backward pass.
        sequences = ops.copy(sequences)

    def output_and_states(
        inputs: Tensor, states: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        states = list(states)
        if mask is None:
            new = step(inputs, states)
        else:
            inputs, valid = without_mask(inputs)
            new = where_valid(valid, step(inputs, states), states)
        return new[0], new

    outputs, last = over(
        wrap(output_and_states) if wrap else output_and_states,
        sequences,
        states,
        unroll=unroll,
        return_sequences=return_sequences,
    )
    if keras.backend.backend() == "tensorflow":
        # So that there is a gradient of the outputs, whichever of both is used:
        # `tf.vectorized_map` cannot make zeros of what Keras' loop collects.
        last = [outputs[:, -1], *last[1:]]
    return outputs, last


def run_call(
    call: Call, wrap: Callable[[OutputAndStates], OutputAndStates] | None = None
) -> OutputsAndStates:
    """The path "loop", which is always available."""
    cell = call.cell
    return run(
        lambda inputs, states: cell.next_states(
            cell.project(inputs), states, call.recurrent_mask
        ),
        call.sequences,
        call.states,
        call.mask,
        unroll=call.unroll,
        return_sequences=call.return_sequences,
        wrap=wrap,
    )


def with_mask(sequences: Tensor, mask: Tensor) -> Tensor:
    """The sequences with their mask as one more feature."""
    column = ops.cast(ops.expand_dims(mask, -1), sequences.dtype)
    return ops.concatenate([sequences, column], axis=-1)


def without_mask(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """The features, zero where a step is masked, and the mask apart."""
    valid = inputs[..., -1] > 0
    features = inputs[..., :-1]
    return where_valid(valid, [features], [ops.zeros_like(features)])[0], valid


def where_valid(
    valid: Tensor, yes: Sequence[Tensor], no: Sequence[Tensor]
) -> list[Tensor]:
    """The tensors of one list where a step is valid, else those of the other.

    Args:
        valid: Boolean tensor, of the first axes of all the others.
        yes: List of tensors.
        no: List of tensors of the same shapes.
    """
    axes = len(valid.shape)
    return [
        ops.where(ops.expand_dims(valid, axis=list(range(axes, len(a.shape)))), a, b)
        for a, b in zip(yes, no, strict=True)
    ]


def zero_masked(outputs: Tensor, mask: Tensor) -> Tensor:
    """`outputs` `(batch, time, units)` with zeros at masked steps."""
    return where_valid(mask, [outputs], [ops.zeros_like(outputs)])[0]


def as_mask(mask: Any) -> Tensor:
    """A mask as Keras passes it (nested, with a last axis of 1) as `(batch, time)`."""
    mask = keras.tree.flatten(mask)[0]
    mask = ops.convert_to_tensor(mask, dtype="bool")
    return ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask


def with_weights(cell: RecurrentCell, values: Sequence[Tensor]) -> keras.StatelessScope:
    """A scope in which the cell's weights are these tensors.

    By the time of a backward pass the variables may hold others, and of these
    alone a backend knows what was made of them.
    """
    return keras.StatelessScope(list(zip(cell.weights, values, strict=True)))
