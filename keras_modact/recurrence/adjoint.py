"""The adjoint of a recurrent layer: states stored, most else computed again.

That is exact, needs a fraction of the memory of automatic differentiation, which
keeps a dozen tensors a step, and less time. On torch and TensorFlow the forward pass
keeps the states and nothing else, and the backward pass takes the steps a block at a
time (`Block`); JAX does as much by itself when it is told what to keep.
"""

from __future__ import annotations

import importlib

import keras

from keras_modact.recurrence.call import Call, OutputsAndStates

FEWEST_STEPS = {"tensorflow": 16}
"""Making the graph of blocks takes longer than that of one step, and a few steps do
not make up for it."""
UNKNOWN_BATCH = 100
"""The batch that TensorFlow is taken to train on where it does not say."""
FORWARD_PAYS_UP_TO = {"tensorflow": 3_000, "jax": 0}
"""Without a backward pass to come: the most numbers that a step reads for which
blocks are faster than the loop. On torch they always are."""


def why_not(call: Call) -> str | None:
    """Why a call cannot run by the adjoint, or None if it can."""
    if call.sequences.shape[1] is None:
        return "the number of time steps is not known when the loop is made"
    return None


def worth(call: Call) -> bool:
    """Whether it is faster than the loop, as far as that was measured."""
    backend = keras.backend.backend()
    if call.sequences.shape[1] < FEWEST_STEPS.get(backend, 1):
        return False
    if call.training:
        return call.device != "cpu" or reads_few(call)
    most = FORWARD_PAYS_UP_TO.get(backend)
    if most is None:
        return True
    # A model that is exported has a free batch, and exporters know the loop.
    return call.batch is not None and numbers_read(call, call.batch) <= most


def reads_few(call: Call) -> bool:
    """Whether a step is small enough for a CPU to gain by computing it again."""
    backend = keras.backend.backend()
    batch = UNKNOWN_BATCH if call.batch is None else call.batch
    most = call.cell.adjoint_pays_up_to.get(backend)
    return most is None or numbers_read(call, batch) <= most


def numbers_read(call: Call, batch: int) -> int:
    """How many numbers a step reads of its inputs and of the state."""
    features: int = call.sequences.shape[-1]
    return batch * (features + call.cell.units)


def run(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    backend = keras.backend.backend()
    module = importlib.import_module(f"keras_modact.recurrence.adjoint_{backend}")
    result: OutputsAndStates = module.run(call)
    return result
