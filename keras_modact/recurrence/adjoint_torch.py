"""The adjoint on torch: a Python loop over blocks, in one autograd function."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from keras_modact.recurrence import loop
from keras_modact.recurrence.block import Block, block_of
from keras_modact.recurrence.call import Call, OutputsAndStates
from keras_modact.recurrence.loop import with_weights
from keras_modact.utils.validation import Tensor

STEPS_IN_A_BLOCK = 16
NUMBERS_IN_A_BLOCK = 200_000
"""Of the states: a block of more does not stay in a CPU's cache, and is slower than
one of fewer steps."""


def run(call: Call) -> OutputsAndStates:
    """Runs a call a block of steps at a time."""
    size = steps_in_a_block(call)
    weights = [weight.value for weight in call.cell.weights]
    sequences = call.sequences.transpose(0, 1)
    tensors = [sequences, *call.states, *weights]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        # A copy: the caller may overwrite the sequences before the backward pass.
        sequences = sequences.clone(memory_format=torch.contiguous_format)
        outputs, *last = _Adjoint.apply(call, size, sequences, *call.states, *weights)
        return outputs, last
    outputs, last, _ = _forward(call, size, sequences, call.states, weights, False)
    return outputs, last


def steps_in_a_block(call: Call) -> int:
    """How many steps of a call are done in one operation where that is possible."""
    if call.device != "cpu" or call.batch is None:
        return STEPS_IN_A_BLOCK
    of_a_step = sum(math.prod(state.shape) for state in call.states)
    return min(STEPS_IN_A_BLOCK, max(2, NUMBERS_IN_A_BLOCK // max(1, of_a_step)))


def _forward(
    call: Call,
    size: int,
    sequences: Tensor,
    states: Sequence[Tensor],
    weights: Sequence[Tensor],
    storing: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Outputs, last states and, if it is storing, the states before each step."""
    first, states = states, list(states)
    time, batch = sequences.shape[:2]
    outputs = None
    if call.return_sequences:
        outputs = states[0].new_empty((batch, time, *states[0].shape[1:]))
    stored = [state.new_empty((time, *state.shape)) for state in states if storing]
    for rows, state in zip(stored, first, strict=False):
        rows[0] = state
    for start, block in _blocks(call, size, sequences, weights):
        states, after = block.forward(states)
        end = start + len(after[0])
        for rows, of_block in zip(stored, after, strict=False):
            rows[start + 1 : end + 1] = of_block[: time - start - 1]
        if outputs is not None:
            # What is stored must not be a caller's to overwrite.
            outputs[:, start:end] = after[0].transpose(0, 1)
    if outputs is None:
        outputs = states[0].unsqueeze(1)
    return outputs, [state.clone() for state in states], stored


class _Adjoint(torch.autograd.Function):
    """From the sequences, time first, the first states and the weights to outputs
    and states."""

    @staticmethod
    def forward(
        context: Any, call: Call, size: int, sequences: torch.Tensor, *tensors: Any
    ) -> tuple[torch.Tensor, ...]:
        count = len(call.states)
        outputs, last, stored = _forward(
            call, size, sequences, tensors[:count], tensors[count:], True
        )
        context.call, context.size = call, size
        context.save_for_backward(sequences, *tensors, *stored)
        return outputs, *last

    @staticmethod
    def backward(context: Any, *upstream: torch.Tensor) -> tuple[Any, ...]:
        # torch's `create_graph=True`: the gradient will be differentiated itself.
        once = not torch.is_grad_enabled()
        return (_once if once else _twice)(context, *upstream)


def _once(context: Any, *upstream: torch.Tensor) -> tuple[Any, ...]:
    """The gradients of all arguments of `forward`."""
    call, size = context.call, context.size
    count = len(call.states)
    sequences, *saved = context.saved_tensors
    weights, stored = saved[count:-count], saved[-count:]
    of_outputs, *gradients = upstream
    if not call.return_sequences:
        gradients[0] = gradients[0] + of_outputs[:, 0]
    of_sequences = None
    sums: list[Any] = [None] * len(weights)
    for start, block in reversed(list(_blocks(call, size, sequences, weights))):
        steps = len(block.inputs)
        outer = None
        if call.return_sequences:
            # A slice of all steps would be an alias, which `vmap` does not take.
            outer = of_outputs.transpose(0, 1).narrow(0, start, steps)
        gradients, of_inputs, of_weights = block.backward(
            [rows[start : start + steps] for rows in stored],
            outer,
            gradients,
            context.needs_input_grad[2],
        )
        if of_inputs is not None:
            if of_sequences is None:
                # Like a gradient: under `vmap` those have another axis.
                of_sequences = of_inputs.new_zeros(
                    sequences.shape, dtype=sequences.dtype
                )
            of_sequences[start : start + steps] = of_inputs
        for place, gradient in enumerate(of_weights):
            if gradient is None:
                continue
            # A sum over many blocks would lose the digits of half precision.
            wide = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
            total = sums[place]
            sums[place] = wide if total is None else total + wide
    gradients += [
        None if total is None else total.to(weight.dtype)
        for total, weight in zip(sums, weights, strict=True)
    ]
    return None, None, of_sequences, *gradients


def _twice(context: Any, *upstream: torch.Tensor) -> tuple[Any, ...]:
    """As `_once`, by the loop, which torch can differentiate again."""
    call, count = context.call, len(context.call.states)
    sequences, *saved = context.saved_tensors
    states, weights = saved[:count], saved[count:-count]
    with with_weights(call.cell, weights):
        outputs, last = loop.run_call(
            replace(call, sequences=sequences.transpose(0, 1), states=states)
        )
    wanted = context.needs_input_grad[2:]
    tensors = [sequences, *states, *weights]
    gradients = iter(
        torch.autograd.grad(
            [outputs, *last],
            [tensor for tensor, to in zip(tensors, wanted, strict=True) if to],
            upstream,
            create_graph=True,
            allow_unused=True,
        )
    )
    return None, None, *(next(gradients) if to else None for to in wanted)


def _blocks(
    call: Call, size: int, sequences: Tensor, weights: Sequence[Tensor]
) -> Iterator[tuple[int, Block]]:
    """The first step of each block, and the block."""
    mask = None if call.mask is None else call.mask.T
    make = block_of(call.cell)
    for start in range(0, len(sequences), size):
        steps = slice(start, start + size)
        valid = None if mask is None else mask[steps]
        # Several products read it, and each would copy what is not contiguous.
        inputs = sequences[steps].contiguous()
        yield start, make(call.cell, weights, inputs, valid, call.recurrent_mask)
