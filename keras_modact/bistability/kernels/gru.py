"""The path "gru": nBRC on the GRU that a backend brings along."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_modact.bistability.nbrc import NBRCCell
from keras_modact.recurrence import RecurrentCell, paths
from keras_modact.recurrence.call import (
    Call,
    OutputsAndStates,
    keeps_the_step,
    tensorflow_sees_a_gpu,
)


def why_not(call: Call) -> str | None:
    """Why a call cannot run on a native GRU, or None if it can."""
    backend = keras.backend.backend()
    if not keeps_the_step(call.cell, NBRCCell):
        return f"{type(call.cell).__name__} is no GRU"
    if backend == "jax":
        return "there is no GRU in JAX itself"
    if call.mask is not None:
        return "it takes no mask"
    if call.has_recurrent_mask:
        return "it takes no recurrent dropout"
    if backend == "tensorflow" and call.device != "gpu":
        return "TensorFlow has one for GPUs only, and sees none"
    if backend == "tensorflow" and call.dtype == "float64":
        return "TensorFlow's has no float64"
    return None


def run(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    cell: Any = call.cell
    weights = cell.as_gru(call.dtype)
    return _RUNS[keras.backend.backend()](call, *weights)


def _torch(call: Call, kernel: Any, recurrent: Any, bias: Any) -> OutputsAndStates:
    import torch

    def reordered(columns: Any) -> Any:
        """Columns z, r, candidate as rows r, z, candidate."""
        update, reset, candidate = columns.chunk(3, -1)
        return torch.cat([reset, update, candidate], -1).mT.contiguous()

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


def _tensorflow(call: Call, kernel: Any, recurrent: Any, bias: Any) -> OutputsAndStates:
    # Keras reaches cuDNN by a hook of its GRU, which reads the weights of the cell.
    # The hook's GRU has none of its own: ours take their place.
    gru = keras.layers.GRU(
        call.cell.units,
        return_sequences=True,
        dtype=call.dtype,
    )
    gru.cell.kernel = kernel
    gru.cell.recurrent_kernel = recurrent
    gru.cell.bias = ops.stack([bias, ops.zeros_like(bias)])
    gru.cell.built = True
    _, outputs, states = gru.inner_loop(call.sequences, list(call.states), None)
    return outputs if call.return_sequences else outputs[:, -1:], list(states)


_RUNS = {"torch": _torch, "tensorflow": _tensorflow}


def supports_xla(cell: RecurrentCell) -> bool:
    """Whether XLA compiles it: not cuDNN's; `keras.layers.GRU` says the same."""
    return not (tensorflow_sees_a_gpu() and keeps_the_step(cell, NBRCCell))


paths.register("gru", paths.Path(why_not, run, supports_xla=supports_xla))
