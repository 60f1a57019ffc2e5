"""The adjoint on TensorFlow: a loop of the graph over blocks, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from keras import ops

from keras_modact.recurrence.block import Block, Body, block_of
from keras_modact.recurrence.call import Call, OutputsAndStates
from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor

STEPS_IN_A_BLOCK = 8
"""Measured on a CPU: each operation is run by itself, and one for several steps saves
the time that starting it takes."""


def run(call: Call) -> OutputsAndStates:
    """Runs a call a block of steps at a time."""
    cell, count = call.cell, len(call.states)
    size = min(STEPS_IN_A_BLOCK, call.sequences.shape[1])
    make = block_of(cell)
    mask, return_sequences = call.mask, call.return_sequences
    valid = [] if mask is None else [ops.swapaxes(mask, 0, 1)]
    weights = [weight.value for weight in cell.weights]

    # The masks are closed over: they have no gradient.
    @ops.custom_gradient
    def differentiable(
        sequences: Tensor, *tensors: Tensor
    ) -> tuple[list[Tensor], Callable]:
        states, values = tensors[:count], tensors[count:]
        given = [ops.swapaxes(sequences, 0, 1), *valid]

        def block(slices: Sequence[Tensor]) -> Block:
            inputs, *valid = slices
            return make(
                cell, values, inputs, valid[0] if valid else None, call.recurrent_mask
            )

        def forward(
            states: list[Tensor], slices: list[Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            return block(slices).forward(states)

        last, stored = over_blocks(forward, states, given, states, size)

        def gradient(*upstream: Any, **_: Any) -> list[Tensor | None]:
            before = [
                ops.concatenate([ops.expand_dims(first, 0), rows[:-1]])
                for first, rows in zip(states, stored, strict=True)
            ]
            of_outputs, *of_last = upstream
            outer = []
            if return_sequences:
                outer = [ops.swapaxes(of_outputs, 0, 1)]
            else:
                of_last[0] = of_last[0] + of_outputs[:, 0]

            def backward(
                carried: list[Tensor], slices: list[Tensor]
            ) -> tuple[list[Tensor], list[Tensor]]:
                inputs, slices = slices[: len(given)], slices[len(given) :]
                gradients, of_inputs, of_weights = block(inputs).backward(
                    slices[:count],
                    slices[count] if return_sequences else None,
                    carried[:count],
                )
                sums = [
                    total
                    if gradient is None
                    else total + ops.cast(gradient, total.dtype)
                    for total, gradient in zip(carried[count:], of_weights, strict=True)
                ]
                return [*gradients, *sums], [of_inputs]

            # A sum over many blocks would lose the digits of half precision.
            zeros = [
                numerics.at_least_float32(ops.zeros_like(value)) for value in values
            ]
            carried, (of_inputs,) = over_blocks(
                backward,
                [*of_last, *zeros],
                [*given, *before, *outer],
                [sequences[:, 0]],
                size,
                reverse=True,
            )
            sums = [
                ops.cast(total, value.dtype)
                for total, value in zip(carried[count:], values, strict=True)
            ]
            return [ops.swapaxes(of_inputs, 0, 1), *carried[:count], *sums]

        if return_sequences:
            outputs = ops.swapaxes(stored[0], 0, 1)
        else:
            outputs = ops.expand_dims(last[0], 1)
        return [outputs, *last], gradient

    outputs, *last = differentiable(call.sequences, *call.states, *weights)
    return outputs, last


def over_blocks(
    body: Body,
    carried: Sequence[Tensor],
    sequences: Sequence[Tensor],
    results: Sequence[Tensor],
    size: int,
    reverse: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """A loop over blocks of the first axis, the shorter one at the end by itself.

    Args:
        body: What a block does; it gives tensors of as many steps.
        carried: Tensors, from block to block.
        sequences: Tensors `(time, ...)`.
        results: Tensors of the shapes and dtypes of what the body gives for a step.
        size: Steps in a block.
        reverse: Whether to go from the last block to the first.

    Returns:
        What is carried after the last block, and the tensors of all steps.
    """
    time = sequences[0].shape[0]
    blocks = time // size
    whole = [
        ops.reshape(x[: blocks * size], (blocks, size, *ops.shape(x)[1:]))
        for x in sequences
    ]
    rest = [x[blocks * size :] for x in sequences] if time % size else []
    carried = list(carried)
    ends: list[Tensor] = []
    if rest and reverse:
        carried, ends = body(carried, rest)
    # `keras.ops.scan` wants results of the carried tensors' shapes here.
    arrays = [
        tf.TensorArray(like.dtype, blocks, element_shape=(size, *like.shape))
        for like in results
    ]

    def turn(done: Tensor, carried: list[Tensor], arrays: list[Any]) -> Any:
        at = blocks - 1 - done if reverse else done
        carried, found = body(list(carried), [x[at] for x in whole])
        arrays = [a.write(at, x) for a, x in zip(arrays, found, strict=True)]
        return done + 1, carried, arrays

    _, carried, arrays = tf.while_loop(
        lambda done, *_: done < blocks,
        turn,
        (tf.constant(0), carried, arrays),
        maximum_iterations=blocks,
    )
    carried, stacked = list(carried), [array.stack() for array in arrays]
    if rest and not reverse:
        carried, ends = body(carried, rest)
    merged = [ops.reshape(x, (blocks * size, *ops.shape(x)[2:])) for x in stacked]
    if rest:
        merged = [ops.concatenate(both) for both in zip(merged, ends, strict=True)]
    return carried, merged
