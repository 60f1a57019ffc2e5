"""The arithmetic of a step and of its derivatives, in few operations.

torch runs one operation after the other, each through the whole of its arguments,
and `keras.ops` converts what goes into each, which takes longer than a small
operation itself: a step has a dozen, and a sequence a thousand steps. So on torch
these are its own operations, and those among them that do the work of several.
TensorFlow was measured to gain nothing by that, and XLA merges operations by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import keras
from keras import ops

from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor

if keras.backend.backend() == "torch":
    import torch

    sigmoid = torch.sigmoid
    tanh = torch.tanh
    stack = torch.stack
    unstack = torch.unbind
    reshape = torch.reshape

    def split(x: Tensor, parts: int) -> Sequence[Tensor]:
        """Equal blocks of the last axis."""
        return torch.chunk(x, parts, -1)

    def split_at(x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Blocks of these sizes of the last axis."""
        return torch.split(x, list(sizes), -1)

    def concatenate(tensors: Sequence[Tensor]) -> Tensor:
        """The tensors side by side, along the last axis."""
        return torch.cat(list(tensors), -1)

    def transpose(matrix: Tensor) -> Tensor:
        """The transposed matrix."""
        return matrix.T

    def multiply_add(x: Tensor, y: Tensor, z: Tensor, scale: float = 1) -> Tensor:
        """`scale * x * y + z`."""
        return torch.addcmul(z, x, y, value=scale)

    def interpolate(x: Tensor, y: Tensor, share: Tensor) -> Tensor:
        """`(1 - share) * x + share * y`."""
        # Under `torch.autocast` the three may differ, which `lerp` does not take.
        return torch.lerp(x, y.type_as(x), share.type_as(x))

    def before_sigmoid(y: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by x, from that by y = sigmoid(x)."""
        return torch.ops.aten.sigmoid_backward(gradient, y)

    def before_tanh(y: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by x, from that by y = tanh(x)."""
        return torch.ops.aten.tanh_backward(gradient, y)

    def sum_but_last(x: Tensor) -> Tensor:
        """The sum over all axes but the last."""
        return x.sum(tuple(range(x.ndim - 1)))

    def rows(x: Tensor) -> Tensor:
        """All axes but the last as one."""
        return x.reshape(-1, x.shape[-1])

else:
    sigmoid = ops.sigmoid
    tanh = numerics.tanh
    stack = ops.stack
    unstack = ops.unstack
    reshape = ops.reshape
    transpose = ops.transpose

    def split(x: Tensor, parts: int) -> Sequence[Tensor]:
        """Equal blocks of the last axis."""
        return ops.split(x, parts, axis=-1)

    def split_at(x: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
        """Blocks of these sizes of the last axis."""
        # Slices would each have a gradient of the whole size, to be added up.
        return ops.split(x, list(accumulate(sizes))[:-1], axis=-1)

    def concatenate(tensors: Sequence[Tensor]) -> Tensor:
        """The tensors side by side, along the last axis."""
        return ops.concatenate(tensors, axis=-1)

    def multiply_add(x: Tensor, y: Tensor, z: Tensor, scale: float = 1) -> Tensor:
        """`scale * x * y + z`."""
        return (x if scale == 1 else scale * x) * y + z

    def interpolate(x: Tensor, y: Tensor, share: Tensor) -> Tensor:
        """`(1 - share) * x + share * y`."""
        return (1 - share) * x + share * y

    def before_sigmoid(y: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by x, from that by y = sigmoid(x)."""
        return gradient * y * (1 - y)

    def before_tanh(y: Tensor, gradient: Tensor) -> Tensor:
        """The gradient by x, from that by y = tanh(x)."""
        return gradient * (1 - y * y)

    def sum_but_last(x: Tensor) -> Tensor:
        """The sum over all axes but the last."""
        return ops.sum(x, axis=tuple(range(len(x.shape) - 1)))

    def rows(x: Tensor) -> Tensor:
        """All axes but the last as one."""
        return ops.reshape(x, (-1, x.shape[-1]))


def matmul_transposed(x: Tensor, kernel: Tensor) -> Tensor:
    """The matrix product of a tensor and a transposed weight, in the dtype of x."""
    return x @ transpose(numerics.weight_like(kernel, x))


def outer_sum(x: Tensor, y: Tensor) -> Tensor:
    """The sum of the outer products of the last axes, `(size of x, size of y)`."""
    return transpose(rows(x)) @ rows(y)


def activate(activation: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """activation(x) in the dtype of x."""
    if activation is keras.activations.sigmoid:
        return sigmoid(x)
    if activation is keras.activations.tanh:
        return tanh(x)
    return numerics.activate(activation, x)
