"""Mixed linear units (Maharaj 2015, section 4.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_modact.rectification.channels import (
    channel_shape,
    check_channels,
    known_channels,
    share_of_units,
)
from keras_modact.rectification.neglu import neglu
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
class MixLU(keras.layers.Layer):
    """Mixed linear units: a few NegLUs among many ReLUs.

    Use it in place of a layer's ReLU against overfitting: in the thesis a few
    percent of negative rectifiers raise the training error and barely the test
    error. With p = `fraction`:

        y = min(0, x)       for a fraction p of the units (or elements)
        y = relu(x)         for the others (or another base activation)

    `scope="units"`, as in the thesis' text, selects round(p * units) of the units
    (half to even) at random when the layer is built. The selection is a
    non-trainable weight, `negative_units`, Boolean `(units,)`, and is saved with the
    model.

    `scope="elements"`, as in the thesis' program, selects exactly
    round(p * size) elements of the whole tensor, batch included, anew at each
    training step. At inference every element is the expected value
    (1 - p) relu(x) + p min(0, x). With `draw_at_inference=True` elements are drawn
    at inference too, as in the program; outputs are then random. Use this scope
    where p * units is less than one. Drawing an exact number needs a shuffle,
    which is slower than dropout.

    `gradient="published"` reproduces an error of that program: the backward pass
    gives NegLU units the derivative of ReLU, 1 where x > 0, although their value
    is min(0, x). The default, `"exact"`, is the derivative 1 where x < 0.

    `fraction=0` is the base activation, `fraction=1` is `NegLU`.

    Args:
        fraction: Float in [0, 1], the fraction of NegLUs. A positive one that
            rounds to no unit raises a warning.
        scope: `"units"` or `"elements"`. Defaults to `"units"`.
        gradient: `"exact"` or `"published"`. Defaults to `"exact"`.
        activation: The activation of the other units: the name of a Keras
            activation or a callable. Defaults to `"relu"`.
        data_format: `"channels_last"` or `"channels_first"`, the axis of the
            units. Defaults to `keras.config.image_data_format()`.
        seed: Integer seed of the selection, or `None`. Two layers of the same
            width with the same seed select the same units.
        draw_at_inference: Boolean, whether `scope="elements"` draws at inference
            too, instead of computing the expected value. Defaults to `False`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor with at least two axes (one for `scope="elements"`).
        training: Boolean, whether the layer should behave in training mode
            (drawing elements) or in inference mode.

    Input shape:
        `(batch, ..., channels)`, or `(batch, channels, ...)` with
        `data_format="channels_first"`, any number of axes in between.

    Output shape:
        Same shape as the input.

    Raises:
        ValueError: If an argument is out of its range, or `scope="units"` meets
            fewer than two axes or a channel axis of unknown size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        keras.layers.Conv2D(20, 5),
        keras_modact.MixLU(0.05, seed=0),
    ])
    y = model.predict(np.ones((2, 28, 28, 1)), verbose=0)
    assert y.shape == (2, 24, 24, 20)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 4.4;
        in words, without an equation number.
    """

    def __init__(
        self,
        fraction: float,
        scope: str = "units",
        gradient: str = "exact",
        activation: Any = "relu",
        data_format: str | None = None,
        seed: int | None = None,
        draw_at_inference: bool = False,
        **kwargs: Any,
    ) -> None:
        validation.refuse_misspelt(type(self), kwargs)
        fraction = validation.fraction("fraction", fraction)
        scope = validation.one_of("scope", scope, ("units", "elements"))
        gradient = validation.one_of("gradient", gradient, ("exact", "published"))
        activation = validation.activation("activation", activation)
        data_format = validation.data_format(data_format)
        seed = validation.random_seed("seed", seed)
        draw_at_inference = validation.truth_value(
            "draw_at_inference", draw_at_inference
        )
        if draw_at_inference and scope == "units":
            raise ValueError(
                "`draw_at_inference` is for scope='elements', since the units are "
                "drawn once, received draw_at_inference=True and scope='units'. Pass "
                "scope='elements', or leave it out."
            )
        super().__init__(**kwargs)
        self.draw_at_inference = draw_at_inference
        self.fraction = fraction
        self.scope = scope
        self.gradient = gradient
        self.activation = activation
        self.data_format = data_format
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        if self.scope == "elements":
            return
        name = f"MixLU '{self.name}'"
        channels = known_channels(name, input_shape, self.data_format)
        count = share_of_units(name, "fraction", self.fraction, channels)

        def draw(shape: Sequence[int], dtype: Any = None) -> Tensor:
            return exactly(count, shape[0], self.seed_generator)

        self.negative_units = self.add_weight(
            name="negative_units",
            shape=(channels,),
            dtype="bool",
            initializer=draw,
            trainable=False,
        )

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check(inputs.shape)
        chosen = None
        if self.scope == "units":
            channels = self.negative_units.shape[0]
            shape = channel_shape(inputs.shape, channels, self.data_format)
            chosen = ops.reshape(self.negative_units, shape)
        elif training or self.draw_at_inference:
            chosen = self._elements(inputs)
        negative, others = (
            self._negative(inputs),
            numerics.activate(self.activation, inputs),
        )
        if chosen is None:
            return numerics.scaled(others, 1 - self.fraction) + numerics.scaled(
                negative, self.fraction
            )
        return ops.where(chosen, negative, others)

    def _elements(self, inputs: Tensor) -> Tensor:
        """A new selection of elements, True where they are negative."""
        shape = ops.shape(inputs)
        size = math.prod(shape)
        if isinstance(size, int):
            count = round(self.fraction * size)
        else:
            exact = self.fraction * ops.cast(size, "float64")
            count = ops.cast(ops.round(exact), "int32")
        return ops.reshape(exactly(count, size, self.seed_generator), shape)

    def _negative(self, inputs: Tensor) -> Tensor:
        if self.gradient == "exact":
            return neglu(inputs)
        # min(0, x) in value, and relu in its derivative.
        positive = ops.relu(numerics.finite(inputs))
        return ops.stop_gradient(neglu(inputs)) + positive - ops.stop_gradient(positive)

    def _check(self, shape: Sequence[int | None]) -> None:
        if self.scope == "units" and self.built:
            name, channels = f"MixLU '{self.name}'", self.negative_units.shape[0]
            check_channels(name, shape, channels, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Any:
        self._check(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fraction": self.fraction,
            "scope": self.scope,
            "gradient": self.gradient,
            "activation": validation.activation_config(self.activation),
            "data_format": self.data_format,
            "seed": self.seed,
            "draw_at_inference": self.draw_at_inference,
        }


def exactly(count: Any, size: Any, seed: keras.random.SeedGenerator) -> Tensor:
    """A Boolean vector of `size` with `count` elements True, at random."""
    return keras.random.shuffle(ops.arange(size) < count, seed=seed)
