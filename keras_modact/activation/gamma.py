"""The adaptive activation as a function (Geadah et al. 2020)."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from keras import ops

from keras_modact import numerics
from keras_modact.arguments import Tensor


def gamma(x: Tensor, gain: Any, saturation: Any) -> Tensor:
    """Adaptive activation between ReLU, softplus and sigmoid.

    With n = `gain`, s = `saturation`, and sigma the logistic sigmoid:

        gamma(x; n, s) = (1 - s) softplus(n x) / n + s sigma(n x)

    s = 0, n = 1 is softplus; s = 1 is sigma(n x); s = 0 is within ln 2 / |n| of
    ReLU for n > 0 and of min(0, x) for n < 0. With g1 = softplus(n x) / n and
    g2 = sigma(n x), the derivatives are

        d/dx = (1 - s) g2 + s n g2 (1 - g2)
        d/dn = (1 - s) (x g2 - g1) / n + s x g2 (1 - g2)
        d/ds = g2 - g1

    and automatic differentiation computes them without loss of precision: each
    is accurate to a few roundings of its largest term. (The product n x is rounded
    once, which changes a tail e^(n x) by |n x| roundings.) Where n x overflows, and
    for infinite x, values and derivatives are their limits. gamma is undefined at
    n = 0, and grows like ln 2 / n near it.

    Args:
        x: Tensor of any shape.
        gain: n, not 0. A number, or an array that broadcasts to `x`.
        saturation: s. A number, or an array that broadcasts to `x`.

    Returns:
        Tensor of the shape and dtype of `x`, `keras.config.floatx()` for integers
        and Booleans; half precision is computed in float32, with n and s in the
        dtype that they have.

    Raises:
        ValueError: If a number or NumPy array given as `gain` holds a zero or a
            value that is not finite, or one given as `saturation` the latter.

    Example:

    ```python
    import numpy as np, keras_modact

    y = keras_modact.gamma(np.array([-1.0, 0.0, 1.0], "float32"), 5.0, 0.25)
    ```

    Reference:
        Geadah, Kerg, Horoi, Wolf, Lajoie, "Advantages of biologically-inspired
        adaptive neural activation in RNNs during learning", arXiv 2006.12253,
        2020; the definition of gamma.
    """
    _check_number("gain", gain, zero=False)
    _check_number("saturation", saturation)
    x = numerics.as_float(ops.convert_to_tensor(x))
    wide = numerics.at_least_float32(x)
    gain, saturation = (
        numerics.weight_like(ops.convert_to_tensor(number), wide)
        for number in (gain, saturation)
    )
    # The chain rule multiplies x, n x's derivative by n, by the 0 that is left of
    # e^(-|n x|) where x is infinite.
    # x first in every product, so that it may be a `keras.KerasTensor`.
    u = numerics.finite(wide) * gain
    positive = u > 0
    # All comes from -|u|: `ops.softplus` is 2e-9 off above 20 on torch, in float64
    # as well, and the derivative of `ops.sigmoid`, y (1 - y), cancels near 1. With
    # the derivative +1 at 0 that the left side needs; `ops.abs` has 0.
    negative = ops.where(positive, -u, u)
    decay = ops.exp(negative)
    sigmoid = ops.where(positive, ops.ones_like(decay), decay) / (1 + decay)
    # relu(u) / n, which does not overflow where u does.
    linear = ops.where(positive, wide, ops.zeros_like(wide))
    # Not `ops.log1p(decay)`, which TensorFlow cannot export to ONNX.
    softplus = linear + ops.softplus(negative) / gain
    value = numerics.scaled(softplus, 1 - saturation) + sigmoid * saturation
    return ops.cast(value, x.dtype)


def _check_number(name: str, value: Any, zero: bool = True) -> None:
    """Refuses what is plainly wrong; a tensor's values are not looked at."""
    if not isinstance(value, (numbers.Real, np.ndarray, np.generic)):
        return
    array = np.asarray(value, "float64")
    if not np.isfinite(array).all() or (not zero and not array.all()):
        allowed = "finite" if zero else "finite and not 0, where gamma has no value"
        raise ValueError(
            f"`{name}` must be {allowed}, received {name}={value!r}. Pass a number "
            f"such as {name}=1.0."
        )
