"""Functions that `keras.ops` has with fewer digits, or not in every dtype.

Keras promotes dtypes by a table that has no float64 outside TensorFlow, so some
of its functions compute float64 arguments in float32 and say nothing (3.15:
`ops.tanh` on JAX, `ops.matmul` and `ops.mean` on torch; keras-team/keras#23704).
A layer of dtype float64 would be right to seven digits only. The operators of a
backend's own tensors keep float64; those of a Keras variable do not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
from keras import ops

from keras_modact.utils.validation import Tensor

LARGEST = {
    "float16": 65504.0,
    "bfloat16": (2 - 2.0**-7) * 2.0**127,
    "float32": (2 - 2.0**-23) * 2.0**127,
    "float64": (2 - 2.0**-52) * 2.0**1023,
}
"""The largest number of each dtype."""


def weight_like(weight: Tensor, x: Tensor) -> Tensor:
    """A weight as a tensor of the dtype of x.

    Keras casts the weights of a mixed dtype policy by itself inside a layer's
    `__call__` only, and a cell's methods are called outside of it as well.
    """
    tensor = weight.value if isinstance(weight, keras.Variable) else weight
    # `ops.cast` costs microseconds even where there is nothing to be cast.
    return tensor if tensor.dtype == x.dtype else ops.cast(tensor, x.dtype)


def as_float(x: Tensor, dtype: str | None = None) -> Tensor:
    """x, cast to a float dtype (Keras' default one) if it holds whole numbers.

    Keras casts the inputs of a layer only if they are floats already.
    """
    if keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        return x
    return ops.cast(x, dtype or keras.config.floatx())


def matmul(x: Tensor, kernel: Tensor) -> Tensor:
    """The matrix product of a tensor and a weight, in the dtype of x."""
    return x @ weight_like(kernel, x)


def masked(x: Tensor, factors: Tensor | None) -> Tensor:
    """x times the factors, if there are any."""
    return x if factors is None else x * factors


def tanh(x: Tensor) -> Tensor:
    """tanh(x) in the dtype of x."""
    y = ops.tanh(x)
    if y.dtype == x.dtype:
        return y
    # Beyond 20 tanh is 1 to the last digit of a float64, and there the
    # difference below would lose it.
    x = ops.clip(x, -20.0, 20.0)
    return x - ops.tanh_shrink(x)


def cos_and_sin(x: Tensor) -> tuple[Tensor, Tensor]:
    """cos(x) and sin(x) in the dtype of x."""
    cosine = ops.cos(x)
    if cosine.dtype == x.dtype:
        return cosine, ops.sin(x)
    # Only JAX comes here, whose own operators make complex numbers of real ones.
    turned = ops.exp(1j * x)
    return ops.real(turned), ops.imag(turned)


def mean(x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """The mean over axes in the dtype of x."""
    if keras.backend.standardize_dtype(x.dtype) == "float64":
        return ops.sum(x, axis=axis) / ops.sum(ops.ones_like(x), axis=axis)
    return ops.mean(x, axis=axis)


def activate(activation: Callable[[Tensor], Tensor] | None, x: Tensor) -> Tensor:
    """activation(x) in the dtype of x, with all digits where that is tanh.

    None is linear, as for any layer of Keras whose `activation` is set to it.
    """
    if activation is None:
        return x
    if activation is keras.activations.tanh:
        return tanh(x)
    return ops.cast(activation(x), x.dtype)


def static_shape(shape: Sequence[object]) -> tuple[int | None, ...]:
    """A shape with None for every size that is no number, to be checked.

    While torch traces, its sizes are tensors: to compare one warns, and makes
    what is traced look as if it depended on it.
    """
    return tuple(size if isinstance(size, int) else None for size in shape)


def at_least_float32(x: Tensor) -> Tensor:
    """x, in float32 if its dtype is narrower or no float at all."""
    wide = keras.backend.standardize_dtype(x.dtype) in ("float32", "float64")
    return x if wide else ops.cast(x, "float32")


def finite(x: Tensor) -> Tensor:
    """x, or the largest number of its sign where x is infinite."""
    largest = LARGEST[keras.backend.standardize_dtype(x.dtype)]
    # Not `ops.clip`, whose bounds are float32 on torch.
    return ops.nan_to_num(x, nan=math.nan, posinf=largest, neginf=-largest)


def scaled(x: Tensor, factor: Tensor | float) -> Tensor:
    """x times a factor, and 0 where the factor is 0 and x is infinite.

    A unit that is switched off passes nothing of an input that overflowed, and
    its gradients are no NaN.
    """
    if isinstance(factor, (int, float)):
        return (x if factor else finite(x)) * factor
    return ops.where(factor == 0, finite(x), x) * factor
