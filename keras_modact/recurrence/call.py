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


def torch_is_exporting() -> bool:
    """Whether torch writes down what is computed, for use without Python."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    return torch.jit.is_tracing() or torch.compiler.is_exporting()


def is_traced_by_torch(call: Call) -> bool:
    """Whether torch is compiling, exporting or transforming, and not computing."""
    if keras.backend.backend() != "torch":
        return False
    import torch

    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return True
    # There is no public way to see `torch.func.grad`, `vmap` and their like.
    weights = [weight.value for weight in call.cell.weights]
    return any(
        torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        for tensor in (call.sequences, *call.states, *weights)
    )


NOT_IN_A_STEP = (
    "build",
    "call",
    "dropout_masks",
    "fused_kernels",
    "gates",
    "get_config",
    "get_initial_state",
    "slow_adjoint_on",
)
"""What a subclass may have otherwise while the derivatives of its step stay."""


def is_outdated(cell: RecurrentCell, method: str) -> bool:
    """Whether a step was written anew elsewhere, and not what follows from it.

    Args:
        cell: The cell.
        method: A method that restates `project` and `step`; it is kept in line with
            them by those who write the same package of modules, as a paper's room.
    """
    classes = type(cell).__mro__

    def definer(name: str) -> type:
        """The class whose method of a name it is."""
        return next(cls for cls in classes if name in vars(cls))

    def package(cls: type) -> str:
        return cls.__module__.rpartition(".")[0]

    restated = definer(method)
    if {package(definer("step")), package(definer("project"))} != {package(restated)}:
        return True
    # A step calls other methods, and any of those may be another one now.
    return any(
        hasattr(restated, name)
        for cls in classes[: classes.index(restated)]
        if package(cls) != package(restated)
        for name in vars(cls)
        if not name.startswith("__") and name not in NOT_IN_A_STEP
    )
