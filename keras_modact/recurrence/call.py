"""What is to be run over time: a cell, and the tensors of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.utils.validation import Tensor

OutputsAndStates = tuple[Tensor, list[Tensor]]
"""The outputs `(batch, time, units)`, or `(batch, 1, units)`, and the last states."""


@dataclass(frozen=True)
class Call:
    """One call of a recurrent layer, from the first step to the last."""

    cell: RecurrentCell
    sequences: Tensor
    """`(batch, time, features)`, after input dropout and time reversal."""
    states: Sequence[Tensor]
    """The states before the first step."""
    mask: Tensor | None = None
    """Boolean `(batch, time)`, False where a step is skipped, or None."""
    recurrent_mask: Any = None
    """What `cell.step` takes as such."""
    return_sequences: bool = True
    unroll: bool = False
    training: bool = False
    """Whether a gradient is sure to be asked for."""

    @property
    def batch(self) -> int | None:
        """How many sequences, or None where that is no number yet.

        As in a graph of TensorFlow's with a free batch, and while a model is exported.
        """
        size = self.sequences.shape[0]
        return size if type(size) is int else None

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
    weights = [weight.value for weight in call.cell.weights]
    return any(
        # There is no public way to see `torch.func.grad`, `vmap` and their like.
        torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        or torch.autograd.forward_ad.unpack_dual(tensor).tangent is not None
        for tensor in (call.sequences, *call.states, *weights)
    )


def keeps_the_step(cell: RecurrentCell, of: type[RecurrentCell]) -> bool:
    """Whether a cell is of a class, and computes all that it computes as it does.

    What is written for the step of one class is then right for the cell, which may
    be of a subclass.
    """
    if not isinstance(cell, of):
        return False
    classes = of.__mro__[: of.__mro__.index(RecurrentCell) + 1]
    own = {name for cls in classes for name in vars(cls) if not name.startswith("__")}
    return all(
        getattr(type(cell), name) is getattr(of, name)
        for name in own - {"build", "get_config"}
        if callable(getattr(of, name))
    )
