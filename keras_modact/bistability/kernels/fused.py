"""The path "fused": BRC as one kernel for the whole sequence, by Triton on torch."""

from __future__ import annotations

import importlib
from typing import Any

from keras import ops

from keras_modact.bistability.brc import BRCCell
from keras_modact.recurrence import paths
from keras_modact.recurrence.call import Call, OutputsAndStates, keeps_the_step


def why_not(call: Call) -> str | None:
    """Why a call cannot run as one kernel, or None if it can."""
    if not keeps_the_step(call.cell, BRCCell):
        return f"{type(call.cell).__name__} has no fused kernel"
    reason: str | None = _triton().why_not(call.dtype, call.device)
    return reason


def run(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    cell: Any = call.cell
    states = _triton().scan(
        # Under `torch.autocast` a product may have another dtype, and the kernel
        # carries the state in that of what it is given.
        ops.cast(cell.project(call.sequences), call.dtype),
        call.states[0],
        ops.cast(cell.recurrent_kernel, call.dtype),
        recurrent_mask=call.recurrent_mask,
        valid=call.mask,
    )
    last = states[:, -1]
    return states if call.return_sequences else states[:, -1:], [last]


def _triton() -> Any:
    return importlib.import_module("keras_modact.bistability.kernels.triton_scan")


paths.register("fused", torch=paths.Path(why_not, run))
