"""The adaptive layer on the channels of a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import keras

from keras_modact.parameterization.policy import (
    ARGUMENTS,
    AdaptationPolicy,
    adapted_channels,
    named,
)
from keras_modact.utils import conversion, numerics, validation
from keras_modact.utils.layers import (
    freeze_parts,
    not_quantized,
    view_with,
    with_layers,
)
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import checked_weight_arguments

Shape = Sequence[int | None]
CONVOLUTION = (
    *conversion.ANY_LAYER,
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "groups",
    "activation",
    "use_bias",
    *conversion.of_weights("kernel", "bias"),
)
"""The constructor arguments of a convolution that this one has too."""


@keras.saving.register_keras_serializable(package="keras_modact")
class AdaptiveConv2D(keras.layers.Conv2D):
    """2D convolution that adapts its kernel, by channels, to each image.

    Use it in place of `keras.layers.Conv2D` where what a filter should detect
    depends on the whole image. It goes beyond the paper, which adapts dense
    layers: it is the paper's equation 5 with channels as the features and with the
    channels' means over the image as the policy's input.

    With the convolution `conv`, the channels' means m of the image x, and "1 +"
    with `around_one` only:

        y = phi(conv(x * d_1, W) * d_2 + b * d_3)
        d_j = [1 +] tau(z @ U_j), or 1 where `adaptation` leaves it out
        z = relu(m P + p), or (m P1 + p1) * sigma(m P2 + p2)

    d_1 has one scalar per channel of x, d_2 and d_3 one per filter, shared by all
    positions of an image. With `around_one=True` the layer
    starts as the `Conv2D` with the same kernel and bias.

    Weights: `kernel` and `bias` as in `keras.layers.Conv2D`; of `layer.policy`:
    `kernel` P, `bias` p and `adaptation_kernel` (policy_units, sum of what is
    adapted), the U_j side by side.

    Args:
        filters: Positive integer, the number of filters.
        kernel_size: Integer or tuple of two, rows and columns of the window.
        strides: Integer or tuple of two. Defaults to 1.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        dilation_rate: Integer or tuple of two. Defaults to 1.
        groups: Positive integer, the number of groups into which the channels
            are split. Defaults to 1.
        activation: phi: the name of a Keras activation or a callable. Defaults
            to `None`, which is linear.
        use_bias: Boolean, whether there is a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        bias_constraint: Constraint on `bias`.
        adaptation: `"input"` (d_1), `"output"` (d_2) or `"io"` (both). Defaults
            to `"io"`. This and the arguments below are passed by name; those
            above come in the order of `keras.layers.Conv2D`.
        adapt_bias: Boolean, whether the bias is adapted, by d_3. Defaults to
            `True`.
        policy: The network for z: `"relu"`, `"glu"` (a gated linear unit), or a
            Keras layer that gives z from the means `(batch, channels)`, and
            has its own initializers and regularizers. Give each adaptive layer
            one of its own. Defaults to `"relu"`.
        policy_units: Positive integer, the size of z. Defaults to 32, or to the
            output size of a policy layer.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, whether d_j = 1 + tau(z U_j) in place of tau(z U_j),
            with U starting at zero. Defaults to `False`, as in the paper.
        policy_dropout: Float in [0, 1), fraction of z to drop in training.
        policy_kernel_initializer: Initializer of P (of P1 and P2 each). Defaults
            to `"glorot_uniform"`.
        policy_bias_initializer: Initializer of p. Defaults to `"zeros"`.
        adaptation_initializer: Initializer of U. Defaults to `None`: uniform
            in [-k, k] with k = 1 / sqrt(policy_units), or zeros with `around_one`.
        policy_kernel_regularizer: Regularizer of P.
        policy_bias_regularizer: Regularizer of p.
        adaptation_regularizer: Regularizer of U.
        seed: Integer seed of `policy_dropout`, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor of images, in `data_format`.
        training: Boolean, whether `policy_dropout` is applied.

    Input shape:
        `(batch, rows, columns, channels)`, with `"channels_first"`
        `(batch, channels, rows, columns)`.

    Output shape:
        `(batch, new_rows, new_columns, filters)`, with `"channels_first"`
        `(batch, filters, new_rows, new_columns)`.

    Raises:
        ValueError: If an argument is invalid, the number of channels is unknown
            at build time, or a policy layer's output shape is not
            `(batch, policy_units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        keras_modact.AdaptiveConv2D(8, 3, strides=2, around_one=True),
        keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ])
    assert model.predict(np.ones((5, 28, 28, 1)), verbose=0).shape == (5, 10)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equation 5,
        here on channels.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        *,
        adaptation: str = "io",
        adapt_bias: bool = True,
        policy: Any = "relu",
        policy_units: int | None = None,
        policy_activation: Any = "tanh",
        around_one: bool = False,
        policy_dropout: float = 0.0,
        policy_kernel_initializer: Any = "glorot_uniform",
        policy_bias_initializer: Any = "zeros",
        adaptation_initializer: Any = None,
        policy_kernel_regularizer: Any = None,
        policy_bias_regularizer: Any = None,
        adaptation_regularizer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        of_policy = {name: given.pop(name) for name in ARGUMENTS}
        adapted = adapted_channels(given.pop("adaptation"))
        adapt_bias = validation.truth_value("adapt_bias", given.pop("adapt_bias"))
        validation.truth_value("use_bias", use_bias)
        validation.positive_integer("filters", filters)
        for name in ("kernel_size", "strides", "dilation_rate"):
            validation.positive_integers(name, given[name])
        validation.one_of("padding", padding, ("valid", "same"))
        given["data_format"] = validation.data_format(data_format)
        if activation is not None:
            validation.activation("activation", activation)
        super().__init__(**given | checked_weight_arguments(("kernel", "bias"), given))
        self.policy = AdaptationPolicy(
            of_policy, name="policy", dtype=self.dtype_policy
        )
        self.adapted = adapted
        self.adapt_bias = adapt_bias
        freeze_parts(self)

    def build(self, input_shape: Shape) -> None:
        axis = 1 if self.data_format == "channels_first" else -1
        channels = input_shape[axis]
        if len(input_shape) != 4 or channels is None:
            raise ValueError(
                f"AdaptiveConv2D '{self.name}' needs the number of input channels of "
                "images (batch, rows, columns, channels), or with data_format="
                "'channels_first' (batch, channels, rows, columns), received the "
                f"shape {tuple(input_shape)} with data_format={self.data_format!r}. "
                "Give that axis a size, for example with `keras.Input((28, 28, 1))`."
            )
        super().build(input_shape)
        sizes = [*compress([channels, self.filters], self.adapted)]
        if self.use_bias and self.adapt_bias:
            sizes.append(self.filters)
        self.policy.sizes = tuple(sizes)
        self.policy.build((input_shape[0], channels))

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        x = numerics.as_float(inputs, self.compute_dtype)
        of_input, of_output, of_bias = self._diagonals(x, training)
        if of_input is not None:
            x = x * of_input
        x = self.convolution_op(x, numerics.weight_like(self.kernel, x))
        if of_output is not None:
            x = x * of_output
        if self.use_bias:
            bias = self._at_channels(numerics.weight_like(self.bias, x)[None])
            x = x + (bias if of_bias is None else bias * of_bias)
        return numerics.activate(self.activation, x)

    def adaptation(self, inputs: Any) -> tuple[Tensor | None, ...]:
        """Returns the diagonals for `inputs`, for inspection.

        Args:
            inputs: Tensor of images, as in a call.

        Returns:
            d_1, d_2 and d_3, each with 1 for rows and columns, or None where it
            is 1.
        """
        x = self.policy.readable(inputs)
        axis = 1 if self.data_format == "channels_first" else -1
        if len(x.shape) != 4 or x.shape[axis] != self.policy.features:
            raise ValueError(
                f"AdaptiveConv2D '{self.name}' was built for images of "
                f"{self.policy.features} channels in batches, received the shape "
                f"{tuple(x.shape)} with data_format={self.data_format!r}."
            )
        return tuple(self._diagonals(x, training=False))

    def _diagonals(self, x: Tensor, training: bool) -> list[Tensor | None]:
        positions = (2, 3) if self.data_format == "channels_first" else (1, 2)
        means = numerics.mean(x, axis=positions)
        made = iter(self.policy(means, training=training))
        adapted = (*self.adapted, self.use_bias and self.adapt_bias)
        return [self._at_channels(next(made)) if wanted else None for wanted in adapted]

    def _at_channels(self, vectors: Tensor) -> Tensor:
        """Vectors `(batch, channels)` with the axes of images."""
        if self.data_format == "channels_first":
            return vectors[:, :, None, None]
        return vectors[:, None, None, :]

    quantize = not_quantized

    def get_config(self) -> dict[str, Any]:
        layer = self
        if self.activation is None:
            # Set after construction, it is linear; Keras has no config for it.
            layer = view_with(self, activation=keras.activations.linear)
        return {
            **super(AdaptiveConv2D, layer).get_config(),
            "adaptation": named(self.adapted),
            "adapt_bias": self.adapt_bias,
            **self.policy.arguments(),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> AdaptiveConv2D:
        return cls(**with_layers(config, ("policy",), custom_objects))

    @classmethod
    def from_conv2d(
        cls, layer: keras.layers.Conv2D, adaptation: str = "io", **kwargs: Any
    ) -> AdaptiveConv2D:
        """Returns an adaptive layer that computes what a plain one does, until trained.

        It is one with `around_one=True` whose policy starts at zero, and the
        convolution's weights.

        Args:
            layer: A built `keras.layers.Conv2D`. It is not changed.
            adaptation: As in the constructor.
            **kwargs: Further arguments of the constructor, those that the layer
                does not answer; `name`, in place of the layer's own.

        Raises:
            ValueError: If the layer is no built `keras.layers.Conv2D`, or one with
                low-rank additions or quantized, or `policy_activation` is not 0 at 0.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 8, 8, 3), "float32")
        convolution = keras.layers.Conv2D(4, 3)
        outputs = convolution(x)
        layer = keras_modact.AdaptiveConv2D.from_conv2d(convolution)
        assert keras.ops.max(keras.ops.abs(layer(x) - outputs)) < 1e-5
        ```
        """
        method = "AdaptiveConv2D.from_conv2d"
        conversion.check_source(method, layer, keras.layers.Conv2D)
        given = conversion.around_one(method, layer, CONVOLUTION, kwargs)
        made = cls(adaptation=adaptation, **given)
        channels = layer.kernel.shape[-2] * layer.groups
        first = layer.data_format == "channels_first"
        sides = (None, None)
        made.build((None, channels, *sides) if first else (None, *sides, channels))
        made.kernel.assign(conversion.array(layer.kernel))
        if layer.use_bias:
            made.bias.assign(conversion.array(layer.bias))
        return made
