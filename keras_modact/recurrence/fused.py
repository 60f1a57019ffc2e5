"""A kernel that runs the whole sequence at once, where a cell has one."""

from __future__ import annotations

import importlib

import keras
from keras import ops

from keras_modact.recurrence.call import Call, OutputsAndStates, is_outdated


def why_not(call: Call) -> str | None:
    """Why a call cannot run as one kernel, or None if it can."""
    backend = keras.backend.backend()
    module = call.cell.fused_kernels.get(backend)
    if module is None or is_outdated(call.cell, "fused_weights"):
        return f"{type(call.cell).__name__} has no fused kernel for {backend}"
    reason: str | None = importlib.import_module(module).why_not(
        call.dtype, call.device
    )
    return reason


def run(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    kernel = importlib.import_module(call.cell.fused_kernels[keras.backend.backend()])
    states = kernel.scan(
        # Under `torch.autocast` a product may have another dtype, and the kernel
        # carries the state in that of what it is given.
        ops.cast(call.cell.project(call.sequences), call.dtype),
        call.states[0],
        *call.cell.fused_weights(call.dtype),
        recurrent_mask=call.recurrent_mask,
        valid=call.mask,
    )
    last = states[:, -1]
    return states if call.return_sequences else states[:, -1:], [last]
