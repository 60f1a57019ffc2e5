"""The adjoint of a recurrent layer: states stored, everything else recomputed.

The forward pass keeps the states and nothing else; the backward pass takes the
steps a block at a time, from the last to the first (`Block`). That is exact, needs
a fraction of the memory of automatic differentiation, which keeps a dozen tensors
a step, and less time.
"""

from __future__ import annotations

import importlib
import math

import keras

from keras_modact.recurrence.call import Call, OutputsAndStates

STEPS_IN_A_BLOCK = {"torch": 16, "tensorflow": 8, "jax": 1}
"""Measured on CPUs. torch and TensorFlow run each operation by itself, and save by
doing several steps in one; XLA compiles a single step best."""
NUMBERS_IN_A_BLOCK = {"torch": 200_000}
"""Of the states: a block of more does not stay in a CPU's cache, and is slower than
one of fewer steps."""
FEWEST_STEPS = {"tensorflow": 16}
"""Making the graph of blocks takes longer than that of one step, and a few steps do
not make up for it."""
FEWEST_SEQUENCES = {"jax": 16}
"""XLA makes a slow product of the gradients of a few."""
UNKNOWN_BATCH = 100
"""The batch that TensorFlow is taken to train on where it does not say."""
FORWARD_PAYS_UP_TO = {"tensorflow": 3_000, "jax": 0}
"""Without a backward pass to come: the most numbers that a step reads for which
blocks are faster than the loop. On torch they always are."""
LOOPS = {
    "torch": "keras_modact.recurrence.adjoint_torch",
    "tensorflow": "keras_modact.recurrence.adjoint_scan",
    "jax": "keras_modact.recurrence.adjoint_scan",
}
"""The loop over blocks of each backend."""


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
    if batch < FEWEST_SEQUENCES.get(backend, 1):
        return False
    most = call.cell.adjoint_pays_up_to.get(backend)
    return most is None or numbers_read(call, batch) <= most


def numbers_read(call: Call, batch: int) -> int:
    """How many numbers a step reads of its inputs and of the state."""
    features: int = call.sequences.shape[-1]
    return batch * (features + call.cell.units)


def run(call: Call) -> OutputsAndStates:
    """Runs a call for which `why_not` had no reason."""
    loop = importlib.import_module(LOOPS[keras.backend.backend()])
    result: OutputsAndStates = loop.run(call, steps_in_a_block(call))
    return result


def steps_in_a_block(call: Call) -> int:
    """How many steps of a call are done in one operation where that is possible."""
    backend = keras.backend.backend()
    steps = min(STEPS_IN_A_BLOCK[backend], call.sequences.shape[1])
    most = NUMBERS_IN_A_BLOCK.get(backend)
    if most is None or call.device != "cpu" or call.batch is None:
        return steps
    of_a_step = sum(math.prod(state.shape) for state in call.states)
    return min(steps, max(2, most // max(1, of_a_step)))
