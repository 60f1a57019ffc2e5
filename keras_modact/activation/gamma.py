"""The adaptive activation, as a function and as a layer (Geadah et al. 2020)."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.activation.adaptation import Adaptation, split_adaptation
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor, constructor_arguments


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
    check_number("gain", gain, zero=False)
    check_number("saturation", saturation)
    x = numerics.as_float(ops.convert_to_tensor(x))
    wide = numerics.at_least_float32(x)
    gain, saturation = (
        numerics.weight_like(ops.convert_to_tensor(number), wide)
        for number in (gain, saturation)
    )
    # The chain rule multiplies x, n x's derivative by n, by the 0 that is left of
    # e^(-|n x|) where x is infinite.
    finite = numerics.finite(wide)
    # x first in every product, so that it may be a `keras.KerasTensor`.
    u = numerics.finite(finite * gain)
    # A unit that is switched off passes nothing of an input that overflowed.
    passed = ops.where(saturation == 1, finite, wide)
    linear = ops.where(u > 0, passed, ops.zeros_like(passed))
    return ops.cast(blend(u, gain, saturation, linear), x.dtype)


def gamma_step(a: Tensor, gain: Any, saturation: Any) -> Tensor:
    """gamma of a cell's pre-activation, with its gain and saturation.

    Without the care for infinite inputs, which takes half as long again: the next
    product with the recurrent kernel makes a NaN of an infinite state in any case.
    """
    wide = numerics.at_least_float32(a)
    gain, saturation = (numerics.weight_like(w, wide) for w in (gain, saturation))
    return numerics.weight_like(blend(wide * gain, gain, saturation), a)


def blend(
    u: Tensor, gain: Tensor, saturation: Tensor, linear: Tensor | None = None
) -> Tensor:
    """gamma from u = n x, which is finite, and from relu(u) / n if that is known."""
    positive = ops.relu(u)
    # All comes from -|u|: `ops.softplus` is 2e-9 off above 20 on torch, in float64
    # as well, and the derivative of `ops.sigmoid`, y (1 - y), cancels near 1. With
    # the derivative +1 at 0 that the left side needs; `ops.abs` has 0.
    negative = u - positive - positive
    decay = ops.exp(negative)
    sigmoid = ops.where(u > 0, ops.ones_like(decay), decay) / (1 + decay)
    # Not `ops.log1p(decay)`, which TensorFlow cannot export to ONNX.
    rest = ops.softplus(negative)
    softplus = (positive + rest) / gain if linear is None else linear + rest / gain
    return softplus * (1 - saturation) + sigmoid * saturation


def check_number(name: str, value: Any, zero: bool = True) -> None:
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


@keras.saving.register_keras_serializable(package="keras_modact")
class Gamma(Adaptation):
    """Adaptive activation with a learned shape between ReLU, softplus and sigmoid.

    Use it in place of a fixed activation to learn its shape with the weights, or
    to adapt a trained network to changed inputs by its gains and saturations
    alone: two parameters per layer or per neuron (see the example).

    With the gain n and the saturation s, and sigma the logistic sigmoid:

        gamma(x; n, s) = (1 - s) softplus(n x) / n + s sigma(n x)

    Modes: `"static"`, one fixed pair for the layer; `"homogeneous"`, one trained
    pair for the layer; `"heterogeneous"`, one trained pair for each neuron, that
    is for each position except the batch, or for fewer with `shared_axes`.

    Weights: `gain` and `saturation`, scalars or of the shape of the neurons.
    Published initial values: a gain of 1, 2.5, 5, ..., 20 with a saturation of
    0, .25, .5, .75 or 1; or gains from 5 + 2 U(0, 1),
    `gain_initializer=keras.initializers.RandomUniform(5, 7)`, with 0. They are
    unconstrained in training unless a constraint is given. Near a gain of 0 gamma
    grows like ln 2 / n: avoid `gain_constraint="non_neg"`, which clips to 0, and
    regularizers that pull the gain to 0.

    Args:
        mode: `"static"`, `"homogeneous"` or `"heterogeneous"`. Defaults to
            `"homogeneous"`.
        gain_initializer: A number, not 0, or an initializer. Defaults to 5.0.
        saturation_initializer: A number or an initializer. Defaults to 0.0.
        gain_regularizer: Regularizer of `gain`.
        saturation_regularizer: Regularizer of `saturation`.
        activity_regularizer: Regularizer of the output.
        gain_constraint: Constraint on `gain`.
        saturation_constraint: Constraint on `saturation`.
        shared_axes: Axes along which neurons share their pair, as in
            `keras.layers.PReLU`, counted with the batch as axis 0: `[1, 2]` for
            one pair a channel of images `(batch, height, width, channels)`,
            `[2, 3]` for `(batch, channels, height, width)`, `[1]` for one a feature
            of sequences. For mode `"heterogeneous"` only.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor of any shape.

    Input shape:
        Any; in mode `"heterogeneous"` every axis except the batch and the shared
        ones must have a known size.

    Output shape:
        Same shape as the input.

    Raises:
        ValueError: If an argument is out of its range, the gain starts at 0, a
            shared axis is not an axis of the input, or one that is not shared has
            another or no known size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((8,)),
        keras.layers.Dense(16),
        keras_modact.Gamma("heterogeneous", gain_initializer=2.5),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 8)), verbose=0).shape == (2, 1)

    # Train gain and saturation alone (the paper's transfer setting), then compile.
    for w in model.trainable_weights: w.trainable = w.name in ("gain", "saturation")
    model.compile("adam", "mse")
    assert sum(w.shape[0] for w in model.trainable_weights) == 32
    ```

    Reference:
        Geadah, Kerg, Horoi, Wolf, Lajoie, "Advantages of biologically-inspired
        adaptive neural activation in RNNs during learning", arXiv 2006.12253,
        2020; the definition of gamma.
    """

    def __init__(
        self,
        mode: str = "homogeneous",
        gain_initializer: Any = 5.0,
        saturation_initializer: Any = 0.0,
        gain_regularizer: Any = None,
        saturation_regularizer: Any = None,
        activity_regularizer: Any = None,
        gain_constraint: Any = None,
        saturation_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        _, adaptation = split_adaptation(constructor_arguments(locals()))
        shared_axes = checked_shared_axes(shared_axes, mode)
        activity_regularizer = validation.regularizer(
            "activity_regularizer", activity_regularizer
        )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.set_adaptation(adaptation)
        self.shared_axes = shared_axes
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        self.add_adaptation(self._neurons(input_shape))

    def _neurons(self, input_shape: Sequence[int | None]) -> tuple[int, ...]:
        """One size for every axis but the batch, 1 along the shared ones."""
        if self.mode != "heterogeneous":
            return ()
        name, shape = f"Gamma '{self.name}'", tuple(input_shape)
        shared = self.shared_axes or []
        if any(axis >= len(shape) for axis in shared):
            raise ValueError(
                f"{name} has shared_axes={shared}, received the shape {shape}, which "
                f"has the axes 1 to {len(shape) - 1} beside the batch. Pass some of "
                "those."
            )
        sizes = [1 if axis in shared else shape[axis] for axis in range(1, len(shape))]
        known = tuple(size for size in sizes if size is not None)
        if len(known) < len(sizes):
            raise ValueError(
                f"{name} has a gain for every neuron and needs the size of every axis "
                f"that is not shared, received the shape {shape}. Give those axes a "
                "size in `keras.Input`, or share them, for example "
                "shared_axes=[1] for one pair a feature of sequences."
            )
        return known

    def call(self, inputs: Tensor) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check_neurons(numerics.static_shape(inputs.shape))
        return gamma(inputs, self.gain, self.saturation)

    def _check_neurons(self, shape: Sequence[int | None]) -> None:
        if self.mode != "heterogeneous" or not self.built:
            return
        built_for = tuple(self.gain.shape)
        fits = len(shape) == len(built_for) + 1 and all(
            size in (1, None) or given in (size, None)
            for size, given in zip(built_for, shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(
                f"Gamma '{self.name}' was built for neurons of shape {built_for}, "
                f"received the shape {tuple(shape)}. Pass inputs of that shape behind "
                "the batch (1 stands for a shared axis), or make a new layer."
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check_neurons(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            **self.adaptation_config(),
            "activity_regularizer": keras.regularizers.serialize(
                self.activity_regularizer
            ),
            "shared_axes": self.shared_axes,
        }


def checked_shared_axes(
    shared_axes: int | Sequence[int] | None, mode: str
) -> list[int] | None:
    """`shared_axes` as a list, if they are axes behind the batch."""
    if shared_axes is None:
        return None
    if mode != "heterogeneous":
        raise ValueError(
            f"`shared_axes` needs mode='heterogeneous', received mode={mode!r}, "
            f"shared_axes={shared_axes!r}. In the other modes the whole layer shares "
            "one pair: leave `shared_axes` out."
        )
    axes: Any = shared_axes if isinstance(shared_axes, Sequence) else [shared_axes]
    for axis in axes:
        whole = isinstance(axis, numbers.Integral) and not isinstance(axis, bool)
        if not whole or axis < 1:
            raise ValueError(
                "`shared_axes` must be axes behind the batch, 1 or more, received "
                f"shared_axes={shared_axes!r}. Pass for example shared_axes=[1, 2]."
            )
    return [int(axis) for axis in axes]
