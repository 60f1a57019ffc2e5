"""The path "gru": nBRC on the GRU that a backend brings along."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_modact.bistability.nbrc import NBRCCell
from keras_modact.recurrence import RecurrentCell, adjoint, paths
from keras_modact.recurrence.call import (
    Call,
    OutputsAndStates,
    keeps_the_step,
    tensorflow_sees_a_gpu,
)


def why_not(call: Call) -> str | None:
    """Why a call cannot run on a native GRU, or None if it can."""
    if not keeps_the_step(call.cell, NBRCCell):
        return f"{type(call.cell).__name__} is no GRU"
    if call.mask is not None:
        return "it takes no mask"
    if call.has_recurrent_mask:
        return "it takes no recurrent dropout"
    return None


def why_not_on_tensorflow(call: Call) -> str | None:
    """The same, where the GRU is cuDNN's."""
    reason = why_not(call)
    if reason is None and call.device != "gpu":
        reason = "TensorFlow has one for GPUs only, and sees none"
    if reason is None and call.dtype == "float64":
        reason = "TensorFlow's has no float64"
    return reason


FORWARD_PAYS_UP_TO = 8_000
"""Without a backward pass to come: the most numbers that a step reads for which
torch's GRU is faster on a CPU than the blocks of the adjoint."""


def worth_on_torch(call: Call) -> bool:
    """Whether it is faster than the other paths, which a large step is not."""
    if call.device != "cpu":
        return True
    if call.training:
        return adjoint.reads_few(call)
    if call.batch is None:
        return True
    return adjoint.numbers_read(call, call.batch) <= FORWARD_PAYS_UP_TO


def run_on_torch(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    import torch

    def reordered(columns: Any) -> Any:
        """Columns z, r, candidate as rows r, z, candidate."""
        update, reset, candidate = columns.chunk(3, -1)
        return torch.cat([reset, update, candidate], -1).mT.contiguous()

    cell: Any = call.cell
    kernel, recurrent, bias = cell.as_gru(call.dtype)
    of_inputs = reordered(bias.unsqueeze(0))[:, 0]
    weights = [
        reordered(kernel),
        reordered(recurrent),
        of_inputs,
        torch.zeros_like(of_inputs),
    ]
    outputs, last = torch.gru(
        call.sequences,
        call.states[0].unsqueeze(0),
        weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=True,
        bidirectional=False,
        batch_first=True,
    )
    return outputs if call.return_sequences else outputs[:, -1:], [last[0]]


def run_on_tensorflow(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not_on_tensorflow` had no reason."""
    cell: Any = call.cell
    kernel, recurrent, bias = cell.as_gru(call.dtype)
    # Keras reaches cuDNN by a hook of its GRU, which reads the weights of the cell.
    # The hook's GRU has none of its own: ours take their place.
    gru = keras.layers.GRU(
        cell.units,
        return_sequences=True,
        dtype=call.dtype,
    )
    gru.cell.kernel = kernel
    gru.cell.recurrent_kernel = recurrent
    gru.cell.bias = ops.stack([bias, ops.zeros_like(bias)])
    gru.cell.built = True
    _, outputs, states = gru.inner_loop(call.sequences, list(call.states), None)
    return outputs if call.return_sequences else outputs[:, -1:], list(states)


def supports_xla(cell: RecurrentCell) -> bool:
    """Whether XLA compiles it: not cuDNN's; `keras.layers.GRU` says the same."""
    return not (tensorflow_sees_a_gpu() and keeps_the_step(cell, NBRCCell))


paths.register(
    "gru",
    torch=paths.Path(why_not, run_on_torch, worth_on_torch),
    tensorflow=paths.Path(
        why_not_on_tensorflow, run_on_tensorflow, supports_xla=supports_xla
    ),
)
