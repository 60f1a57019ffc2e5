"""The adjoint on torch: a Python loop over blocks, in one autograd function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
import torch

from keras_modact.recurrence import loop
from keras_modact.recurrence.block import Block, weight_names
from keras_modact.recurrence.call import Call, OutputsAndStates


def run(call: Call, size: int) -> OutputsAndStates:
    """Runs a call, `size` steps in a block."""
    weights = [weight.value for weight in call.cell.weights]
    outputs, *last = _Adjoint.apply(call, size, call.sequences, *call.states, *weights)
    return outputs, last


class _Adjoint(torch.autograd.Function):
    """From the sequences, the first states and the weights to outputs and states."""

    @staticmethod
    def forward(
        context: Any, call: Call, size: int, sequences: torch.Tensor, *tensors: Any
    ) -> tuple[torch.Tensor, ...]:
        count = len(call.states)
        states, weights = list(tensors[:count]), tensors[count:]
        time = sequences.shape[1]
        # Without a gradient to come only the outputs are kept.
        differentiated = any(context.needs_input_grad)
        keeping = count if differentiated else int(call.return_sequences)
        # The outputs lie in memory as a caller reads them, batch first.
        stored = [
            state.new_empty((len(state), time, *state.shape[1:])).transpose(0, 1)
            for state in states[:keeping]
        ]
        with _with_weights(call, weights):
            for start in range(0, time, size):
                states, after = _block(call, sequences, start, size).forward(states)
                for rows, of_block in zip(stored, after, strict=False):
                    rows[start : start + len(of_block)] = of_block
        context.call, context.size = call, size
        context.save_for_backward(sequences, *tensors, *stored)
        if call.return_sequences:
            outputs = stored[0].transpose(0, 1)
        else:
            outputs = states[0].unsqueeze(1)
        return outputs, *(state.clone() for state in states)

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
    states, weights, stored = saved[:count], saved[count:-count], saved[-count:]
    time = sequences.shape[1]
    of_outputs, *gradients = upstream
    if not call.return_sequences:
        gradients[0] = gradients[0] + of_outputs[:, 0]
    of_sequences = None
    sums: dict[str, torch.Tensor] = {}
    with _with_weights(call, weights):
        for start in reversed(range(0, time, size)):
            steps = slice(start, min(start + size, time))
            outer = None
            if call.return_sequences:
                # A slice of all steps would be an alias, which `vmap` does not take.
                outer = of_outputs.transpose(0, 1).narrow(0, start, steps.stop - start)
            before = [
                rows[start - 1 : steps.stop - 1].contiguous()
                if start
                else torch.cat([first.unsqueeze(0), rows[: steps.stop - 1]])
                for first, rows in zip(states, stored, strict=True)
            ]
            gradients, of_inputs, of_weights = _block(
                call, sequences, start, size
            ).backward(before, outer, gradients)
            if context.needs_input_grad[2]:
                of_steps = of_inputs().transpose(0, 1)
                if of_sequences is None:
                    # Like a gradient: under `vmap` those have another axis.
                    of_sequences = of_steps.new_empty(
                        sequences.shape, dtype=sequences.dtype
                    )
                of_sequences[:, steps] = of_steps
            for name, gradient in of_weights.items():
                # A sum over many blocks would lose the digits of half precision.
                wide = torch.promote_types(gradient.dtype, torch.float32)
                sums[name] = sums.get(name, 0) + gradient.to(wide)
    gradients += [
        sums[name].to(weight.dtype) if name in sums else None
        for name, weight in zip(weight_names(call.cell), weights, strict=True)
    ]
    return None, None, of_sequences, *gradients


def _twice(context: Any, *upstream: torch.Tensor) -> tuple[Any, ...]:
    """As `_once`, by the loop, which torch can differentiate again."""
    call, count = context.call, len(context.call.states)
    sequences, *saved = context.saved_tensors
    states, weights = saved[:count], saved[count:-count]
    with _with_weights(call, weights):
        outputs, last = loop.run_call(replace(call, sequences=sequences, states=states))
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


def _block(call: Call, sequences: torch.Tensor, start: int, size: int) -> Block:
    """The block that starts at a step."""
    steps = slice(start, start + size)
    valid = None if call.mask is None else call.mask[:, steps].T
    # Several products read it, and each would copy what is not contiguous.
    inputs = sequences[:, steps].transpose(0, 1).contiguous()
    return Block(call.cell, inputs, valid, call.recurrent_mask)


def _with_weights(call: Call, values: Sequence[torch.Tensor]) -> keras.StatelessScope:
    """A scope in which the cell's weights are these tensors.

    By the time of the backward pass the variables may hold others, and only these
    tell torch when one was overwritten.
    """
    return keras.StatelessScope(list(zip(call.cell.weights, values, strict=True)))
