"""Activations learned like weights (after Maharaj 2015, section 5.2)."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.rectification.channels import (
    channel_axis,
    channel_shape,
    check_channels,
    for_each_axis,
    known_channels,
)
from keras_modact.rectification.neglu import neglu
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

WEIGHTS = ("positive", "negative")


@keras.saving.register_keras_serializable(package="keras_modact")
class Centred(keras.initializers.Initializer):
    """Filters with one value at the center and zeros elsewhere.

    Args:
        value: The value, a float.
    """

    def __init__(self, value: float) -> None:
        self.value = validation.finite_number("value", value)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        filters = np.zeros(shape, "float32")
        filters[tuple((size - 1) // 2 for size in shape[:-1])] = self.value
        return ops.convert_to_tensor(filters, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value}


@keras.saving.register_keras_serializable(package="keras_modact")
class ConvAct(keras.layers.Layer):
    """Learned activation: a weight for each side of zero, of either sign.

    Use it in place of a fixed activation to learn, for each channel, between
    excitation and inhibition. The thesis asks for an activation whose "degree and
    sign" are "learned in the same way weights are", and for "convolutional filters
    for activation functions"; it gives no equation. **The form is ours**, the
    simplest that has both: two scalars per channel, or two filters over each
    channel's activations.

        kernel_size=1:   y = a * relu(x) + b * min(0, x)
        otherwise:       y = conv(relu(x), A) + conv(min(0, x), B)

    with a, b one scalar per channel, A, B one filter per channel, "same" zero
    padding and no bias. With a kernel of size 1, or filters that are zero except
    at their center:

        a = 1, b = 1    identity          a = 1, b = 0    ReLU
        a = 0, b = 1    NegLU             a = 1, b = -1   absolute value

    (a, b) = (1, s) is a leaky ReLU of slope s. At x = 0 the derivative is 0.

    Weights: `positive_kernel` and `negative_kernel`, each (kernel_size...,
    channels), or (channels) for `kernel_size=1`.

    Args:
        kernel_size: Positive integer, or a tuple of one for each spatial axis.
            Above 1 it needs inputs with one or two spatial axes. Defaults to 1.
        positive_initializer: A number, the center of otherwise zero filters, or
            an initializer of `positive_kernel`. Defaults to 1.0: the layer starts
            as a ReLU.
        negative_initializer: The same for `negative_kernel`. Defaults to 0.0.
        positive_regularizer: Regularizer of `positive_kernel`.
        negative_regularizer: Regularizer of `negative_kernel`.
        activity_regularizer: Regularizer of the output.
        positive_constraint: Constraint on `positive_kernel`.
        negative_constraint: Constraint on `negative_kernel`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor with at least two axes.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` with
        `data_format="channels_first"`.

    Output shape:
        Same shape as the input.

    Raises:
        ValueError: If an argument is out of its range or does not fit the
            number of spatial axes, or the channel axis has another or no known
            size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(8, 3),
        keras_modact.ConvAct(kernel_size=3),
    ])
    assert model.predict(np.ones((2, 28, 28, 1)), verbose=0).shape == (2, 26, 26, 8)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 5.2; the
        idea only.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int] = 1,
        positive_initializer: Any = 1.0,
        negative_initializer: Any = 0.0,
        positive_regularizer: Any = None,
        negative_regularizer: Any = None,
        activity_regularizer: Any = None,
        positive_constraint: Any = None,
        negative_constraint: Any = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        for name in ("positive_initializer", "negative_initializer"):
            if isinstance(given[name], numbers.Real):
                given[name] = Centred(validation.finite_number(name, given[name]))
        kernel_size = validation.positive_integers("kernel_size", kernel_size)
        data_format = validation.data_format(data_format)
        activity_regularizer = validation.regularizer(
            "activity_regularizer", activity_regularizer
        )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.kernel_size = kernel_size
        self.pointwise = bool(np.all(np.equal(kernel_size, 1)))
        # A filter would mix steps that a mask tells apart, as a convolution does.
        self.supports_masking = self.pointwise
        self.data_format = data_format
        set_weight_arguments(self, WEIGHTS, given)

    def build(self, input_shape: Sequence[int | None]) -> None:
        name = f"ConvAct '{self.name}'"
        channels = known_channels(name, input_shape, self.data_format)
        axes = len(input_shape) - 2
        window = for_each_axis(name, "kernel_size", self.kernel_size, axes)
        if not self.pointwise and axes not in (1, 2):
            raise ValueError(
                f"{name} filters activations along one or two spatial axes, received "
                f"kernel_size={self.kernel_size} and the shape {tuple(input_shape)}. "
                "Pass kernel_size=1, or merge axes with `keras.layers.Reshape`."
            )
        shape = (channels,) if self.pointwise else (*window, channels)
        self.positive_kernel = self.add_weight(
            name="positive_kernel",
            shape=shape,
            **weight_kwargs(self, "positive"),
        )
        self.negative_kernel = self.add_weight(
            name="negative_kernel",
            shape=shape,
            **weight_kwargs(self, "negative"),
        )

    def call(self, inputs: Tensor) -> Tensor:
        channels = self.positive_kernel.shape[-1]
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check(inputs.shape)
        positive = numerics.weight_like(self.positive_kernel, inputs)
        negative = numerics.weight_like(self.negative_kernel, inputs)
        if self.pointwise:
            shape = channel_shape(inputs.shape, channels, self.data_format)
            positive, negative = (ops.reshape(k, shape) for k in (positive, negative))
            return numerics.scaled(ops.relu(inputs), positive) + numerics.scaled(
                neglu(inputs), negative
            )
        axis = channel_axis(self.data_format)
        sides = ops.concatenate([ops.relu(inputs), neglu(inputs)], axis=axis)
        kernels = ops.concatenate([positive, negative], axis=-1)
        filtered = ops.depthwise_conv(
            sides,
            ops.expand_dims(kernels, -1),
            padding="same",
            data_format=self.data_format,
        )
        first, second = ops.split(filtered, 2, axis=axis)
        return first + second

    def _check(self, shape: Sequence[int | None]) -> None:
        if self.built:
            name, channels = f"ConvAct '{self.name}'", self.positive_kernel.shape[-1]
            check_channels(name, shape, channels, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = {
            "kernel_size": self.kernel_size,
            "activity_regularizer": keras.regularizers.serialize(
                self.activity_regularizer
            ),
            "data_format": self.data_format,
        }
        config |= weight_config(self, WEIGHTS)
        return {**super().get_config(), **config}
