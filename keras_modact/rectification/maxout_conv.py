"""Min-Maxout units on convolutions (Maharaj 2015, section 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.rectification.channels import (
    check_channels,
    for_each_axis,
    known_channels,
    share_of_units,
)
from keras_modact.rectification.maxout import MinMaxoutBase
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor, constructor_arguments


@keras.saving.register_keras_serializable(package="keras_modact")
class MinMaxoutConv(MinMaxoutBase):
    """Convolution of Min-Maxout units: the minimum or maximum of several filters.

    The convolutional form of `MinMaxout`, which says how it reads the thesis. It
    convolves over every axis between the batch and the channels: one for
    sequences, two for images, three for volumes; grayscale images need a channel
    axis of size 1. No further activation is applied.

    Filter i has k = `num_pieces` kernels, compared at each position:

        z_ij = conv(x, W_ij) + b_ij                    j = 1 ... k
        y_i  = min_j z_ij     for the first round(min_fraction * filters) filters
        y_i  = max_j z_ij     for the others

    The rounding is half to even. `min_fraction=0` is the convolutional Maxout of
    Goodfellow et al. (2013), `min_fraction=1` its mirror image.

    Weights: `kernel` (kernel_size..., channels, k filters), k blocks of channels
    with the filters in order within each; `bias` (k filters), alike. Each block
    is initialized separately, as the kernel of a `Conv` layer of its size.

    Args:
        filters: Positive integer, the number of output channels.
        kernel_size: Positive integer, or a tuple of one for each spatial axis.
        strides: Positive integer, or a tuple of one for each spatial axis.
            Defaults to 1.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        dilation_rate: Positive integer, or a tuple of one for each spatial axis;
            not above 1 together with `strides` above 1. Defaults to 1.
        num_pieces: Integer of at least 2, the number of pieces of each filter.
            Defaults to 2. This and the arguments below are passed by name.
        min_fraction: Float in [0, 1], the fraction of filters that output their
            smallest piece. Defaults to 0.5.
        use_bias: Boolean, whether the pieces have a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        bias_constraint: Constraint on `bias`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor with one to three spatial axes.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` with
        `data_format="channels_first"`.

    Output shape:
        `(batch, ..., filters)`, or `(batch, filters, ...)`, with the
        spatial sizes of a `Conv` layer of these arguments.

    Raises:
        ValueError: If an argument is out of its range or does not fit the
            number of spatial axes, or the channel axis has another or no known
            size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras_modact.MinMaxoutConv(8, 3, num_pieces=2, padding="same")
    assert layer(np.ones((2, 28, 28, 1), "float32")).shape == (2, 28, 28, 8)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 5.2; in
        words, without an equation number.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        *,
        num_pieces: int = 2,
        min_fraction: float = 0.5,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        filters = validation.positive_integer("filters", given.pop("filters"))
        kernel_size, strides, dilation_rate = (
            validation.positive_integers(name, given.pop(name))
            for name in ("kernel_size", "strides", "dilation_rate")
        )
        padding = validation.one_of("padding", given.pop("padding"), ("valid", "same"))
        data_format = validation.data_format(given.pop("data_format"))
        if np.max(strides) > 1 and np.max(dilation_rate) > 1:
            raise ValueError(
                "`dilation_rate` above 1 excludes `strides` above 1, received "
                f"strides={strides}, dilation_rate={dilation_rate}. Leave one at 1."
            )
        super().__init__(**given)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.data_format = data_format
        self.dilation_rate = dilation_rate

    def build(self, input_shape: Sequence[int | None]) -> None:
        name = f"MinMaxoutConv '{self.name}'"
        channels = known_channels(name, input_shape, self.data_format, 3, 5)
        axes = len(input_shape) - 2
        window = for_each_axis(name, "kernel_size", self.kernel_size, axes)
        for_each_axis(name, "strides", self.strides, axes)
        dilation = for_each_axis(name, "dilation_rate", self.dilation_rate, axes)
        spatial = input_shape[1:-1]
        if self.data_format == "channels_first":
            spatial = input_shape[2:]
        reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
        # TensorFlow would return what lay in memory.
        if self.padding == "valid" and any(
            size is not None and size < wide
            for size, wide in zip(spatial, reach, strict=True)
        ):
            raise ValueError(
                f"{name} reaches over {tuple(reach)} positions, received the shape "
                f"{tuple(input_shape)}, which has fewer. Pass padding='same', or a "
                "smaller kernel_size or dilation_rate."
            )
        self.minima = share_of_units(
            name, "min_fraction", self.min_fraction, self.filters
        )
        self.add_pieces((*window, channels), self.filters)

    def call(self, inputs: Tensor) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check(inputs.shape)
        kernel = numerics.weight_like(self.kernel, inputs)
        linear = self._convolve(inputs, kernel)
        return self.affine(linear, self.filters, self.data_format)

    def _check(self, shape: Sequence[int | None]) -> None:
        if self.built:
            name, channels = f"MinMaxoutConv '{self.name}'", self.kernel.shape[-2]
            check_channels(name, shape, channels, self.data_format)

    def _convolve(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return ops.conv(
            inputs,
            kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> tuple[int | None, ...]:
        name = f"MinMaxoutConv '{self.name}'"
        self._check(input_shape)
        channels = known_channels(name, input_shape, self.data_format, 3, 5)
        axes = len(input_shape) - 2
        window = for_each_axis(name, "kernel_size", self.kernel_size, axes)
        inputs = keras.KerasTensor(input_shape)
        kernel = keras.KerasTensor((*window, channels, self.filters))
        return tuple(self._convolve(inputs, kernel).shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }
