"""tanhshrink(x) = x - tanh(x), without the cancellation near 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor

# x - tanh(x) = (x cosh(x) - sinh(x)) / cosh(x), and both series have positive
# coefficients only, so that no term takes away from another:
# x cosh(x) - sinh(x) = x^3 * sum of 2k / (2k + 1)! * x^(2k - 2) over k = 1, 2, ...
# Ten terms are the last digit of a float64 up to |x| = 1.
TERMS = range(1, 11)
NUMERATOR = [2 * k / math.factorial(2 * k + 1) for k in TERMS]
COSH = [1 / math.factorial(2 * k - 2) for k in TERMS]


@keras.saving.register_keras_serializable(package="keras_modact")
def tanhshrink(x: Tensor) -> Tensor:
    """Returns x - tanh(x): nearly 0 around 0, nearly x - 1 or x + 1 far from it.

        tanhshrink(x) = x - tanh(x)        derivative: tanh(x)^2

    Near 0 it is x^3 / 3. `keras.activations.tanh_shrink` subtracts two nearly
    equal numbers there and has no digit left at 1e-3 in float32; this function
    keeps them all, in its derivative too. As a `modulator_activation` it is
    known by the name `"tanhshrink"`; any other layer takes the function itself.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the same shape and dtype; floats for whole numbers.

    Example:

    ```python
    import keras_modact

    layer = keras_modact.ModulatedLSTM(32, modulator_activation="tanhshrink")
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 3.2 and table 4.
    """
    x = numerics.as_float(ops.convert_to_tensor(x))
    wide = numerics.at_least_float32(x)
    near = ops.abs(wide) < 1
    # Far from 0 the series would overflow, and 0 * inf is NaN in a derivative.
    small = ops.where(near, wide, ops.zeros_like(wide))
    square = small * small
    series = small * square * horner(NUMERATOR, square) / horner(COSH, square)
    return ops.cast(ops.where(near, series, wide - numerics.tanh(wide)), x.dtype)


def horner(coefficients: Sequence[float], x: Tensor) -> Tensor:
    """The polynomial with these coefficients, the lowest power first."""
    *rest, total = coefficients
    for coefficient in reversed(rest):
        total = total * x + coefficient
    return total


def modulator_activation(value: Any) -> Callable[[Tensor], Tensor]:
    """The function that the argument `modulator_activation` stands for."""
    if isinstance(value, str) and value == "tanhshrink":
        return tanhshrink
    return validation.activation("modulator_activation", value)
