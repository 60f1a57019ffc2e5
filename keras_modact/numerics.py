"""Functions of `keras.ops` that keep the dtype of their first argument.

Keras promotes dtypes by a table that has no float64 outside TensorFlow, so some
of its functions compute float64 arguments in float32 and say nothing (3.15:
`ops.tanh` on JAX, `ops.matmul` on torch; keras-team/keras#23704). A layer of
dtype float64 would be right to seven digits only. The operators of a backend's
own tensors keep float64; those of a Keras variable do not.
"""

from __future__ import annotations

from keras import ops

from keras_modact.arguments import Tensor


def weight_like(weight: Tensor, x: Tensor) -> Tensor:
    """A weight as a tensor of the dtype of x.

    Keras casts the weights of a mixed dtype policy by itself inside a layer's
    `__call__` only, and a cell's methods are called outside of it as well.
    """
    return ops.cast(weight, x.dtype)


def matmul(x: Tensor, kernel: Tensor) -> Tensor:
    """The matrix product of a tensor and a weight, in the dtype of x."""
    return x @ weight_like(kernel, x)


def tanh(x: Tensor) -> Tensor:
    """tanh(x) in the dtype of x."""
    y = ops.tanh(x)
    if y.dtype == x.dtype:
        return y
    # Beyond 20 tanh is 1 to the last digit of a float64, and there the
    # difference below would lose it.
    x = ops.clip(x, -20.0, 20.0)
    return x - ops.tanh_shrink(x)
