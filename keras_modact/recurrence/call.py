"""What is to be run over time: a cell, and the tensors of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keras_modact.arguments import Tensor
from keras_modact.recurrence.cell import RecurrentCell

OutputsAndStates = tuple[Tensor, list[Tensor]]
"""The outputs `(batch, time, units)`, or `(batch, 1, units)`, and the last states."""


@dataclass(frozen=True)
class Call:
    """One call of a recurrent layer, from the first step to the last."""

    cell: RecurrentCell
    sequences: Tensor
    """`(batch, time, features)`, dropped and turned around where that is asked."""
    states: Sequence[Tensor]
    """The states before the first step."""
    mask: Tensor | None = None
    """Boolean `(batch, time)`, False where a step is skipped, or None."""
    recurrent_mask: Any = None
    """What `cell.step` takes as such."""
    return_sequences: bool = True
    unroll: bool = False

    @property
    def dtype(self) -> str:
        """The dtype in which it is computed, by Keras' name."""
        return keras.backend.standardize_dtype(self.sequences.dtype)

    @property
    def has_recurrent_mask(self) -> bool:
        """Whether the state is dropped anywhere."""
        masks = keras.tree.flatten(self.recurrent_mask)
        return any(mask is not None for mask in masks)

    @property
    def device(self) -> str:
        """The kind of device it runs on: "cpu", "gpu" or another's name."""
        backend = keras.backend.backend()
        if backend == "torch":
            kind: str = self.sequences.device.type
            return "gpu" if kind == "cuda" else kind
        if backend == "jax":
            import jax

            return jax.default_backend()
        return "gpu" if tensorflow_sees_a_gpu() else "cpu"


def tensorflow_sees_a_gpu() -> bool:
    """Whether TensorFlow runs, and on a GPU."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def is_traced_by_torch() -> bool:
    """Whether torch is compiling or exporting and not computing."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def is_outdated(cell: RecurrentCell, method: str) -> bool:
    """Whether a step was written anew elsewhere, and not what follows from it.

    Args:
        cell: The cell.
        method: A method that restates `project` and `step`; it is kept in line with
            them by those who write the same package of modules, as a paper's room.
    """

    def package(name: str) -> str:
        """Where the method of a name is from."""
        classes = type(cell).__mro__
        definer = next(cls for cls in classes if name in vars(cls))
        return definer.__module__.rpartition(".")[0]

    return {package("step"), package("project")} != {package(method)}
