"""Min-Maxout units on dense layers, and what the convolutional ones share with them.

After Maharaj 2015, section 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import keras
from keras import ops

from keras_modact.rectification.channels import (
    channel_axis,
    channel_shape,
    check_channels,
    known_channels,
    share_of_units,
)
from keras_modact.utils import numerics, validation
from keras_modact.utils.layers import not_quantized
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

WEIGHTS = ("kernel", "bias")


class MinMaxoutBase(keras.layers.Layer):
    """Units that output the smallest or the largest of their affine pieces.

    A subclass sets `minima` and calls `add_pieces` in `build`, and `affine` in `call`.

    Args:
        num_pieces: Integer of at least 2, the pieces of each unit.
        min_fraction: Float in [0, 1], the fraction of units that output the smallest.
        use_bias: Boolean, whether the pieces have a bias.
        kernel_initializer: Initializer of the kernel.
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the kernel.
        bias_constraint: Constraint on the bias.
        **kwargs: `name`, `dtype` and `trainable`.
    """

    minima: int
    """How many units, the first ones, give their smallest piece."""

    def __init__(
        self,
        num_pieces: int,
        min_fraction: float,
        use_bias: bool,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        num_pieces = validation.positive_integer("num_pieces", num_pieces)
        if num_pieces < 2:
            raise ValueError(
                "`num_pieces` must be at least 2, since one piece has no other to "
                f"be compared with, received num_pieces={num_pieces}. Pass "
                "num_pieces=2, or use a `Dense` or `Conv` layer for a linear one."
            )
        min_fraction = validation.fraction("min_fraction", min_fraction)
        use_bias = validation.truth_value("use_bias", use_bias)
        activity_regularizer = validation.regularizer(
            "activity_regularizer", activity_regularizer
        )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_pieces: int | str = num_pieces
        self.blocks = num_pieces
        self.min_fraction = min_fraction
        self.use_bias = use_bias
        set_weight_arguments(self, WEIGHTS, given)

    def add_pieces(self, leading_shape: Sequence[int], units: int) -> None:
        """Makes the weights, a block of `units` columns for each piece."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*leading_shape, self.blocks * units),
            **weight_kwargs(self, "kernel", blocks=self.blocks),
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.blocks * units,),
                **weight_kwargs(self, "bias", blocks=self.blocks),
            )

    def with_bias(self, x: Tensor, data_format: str) -> Tensor:
        """x plus the bias, if there is one."""
        if not self.use_bias:
            return x
        shape = channel_shape(x.shape, self.bias.shape[0], data_format)
        return x + ops.reshape(numerics.weight_like(self.bias, x), shape)

    def affine(self, linear: Tensor, units: int, data_format: str) -> Tensor:
        """The smallest or largest of affine pieces, with their bias.

        Args:
            linear: Tensor with one channel for every piece of every unit, a
                block of channels for each piece.
            units: How many units there are.
            data_format: "channels_last" or "channels_first".
        """
        linear = self.with_bias(linear, data_format)
        axis = channel_axis(data_format)
        pieces = ops.split(linear, self.blocks, axis=axis)
        return reduce(self.chooser(units, data_format), pieces)

    def chooser(
        self, units: int, data_format: str
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Takes the smaller of two pieces for the first units, the larger for others.

        Not by `ops.maximum`, which makes float32 of float64 on torch.

        Args:
            units: How many units there are.
            data_format: "channels_last" or "channels_first", for the units.
        """

        def choose(first: Tensor, second: Tensor) -> Tensor:
            if self.minima == 0:
                wins = first > second
            elif self.minima == units:
                wins = first < second
            else:
                shape = channel_shape(first.shape, units, data_format)
                minima, others = self.minima, units - self.minima
                places = [ops.ones(minima, "bool"), ops.zeros(others, "bool")]
                is_minimum = ops.reshape(ops.concatenate(places), shape)
                # Not `ops.where`, which onnxruntime does not have of Booleans.
                wins = (first < second) & is_minimum | (first > second) & ~is_minimum
            # A NaN wins, be it the first or the second.
            return ops.where(wins | (first != first), first, second)

        return choose

    quantize = not_quantized

    def get_config(self) -> dict[str, Any]:
        config = {
            "num_pieces": self.num_pieces,
            "min_fraction": self.min_fraction,
            "use_bias": self.use_bias,
            "activity_regularizer": keras.regularizers.serialize(
                self.activity_regularizer
            ),
        }
        config |= weight_config(self, WEIGHTS)
        return {**super().get_config(), **config}


@keras.saving.register_keras_serializable(package="keras_modact")
class MinMaxout(MinMaxoutBase):
    """Dense layer of Min-Maxout units: the minimum or maximum of affine pieces.

    Use it to learn the activation itself: a maxout unit approximates any convex
    function of its input, a minout unit any concave one, and a layer with both
    favors neither excitation nor inhibition. No further activation is applied.

    Unit i has k = `num_pieces` affine pieces of the input:

        z_ij = x W_ij + b_ij                           j = 1 ... k
        y_i  = min_j z_ij     for the first round(min_fraction * units) units
        y_i  = max_j z_ij     for the others

    The rounding is half to even. All units are initialized alike, so it does not
    matter which of them are minima. `min_fraction=0` is Maxout (Goodfellow et al.
    2013), `min_fraction=1` its mirror image, Minout.

    The thesis gives no equation. It says that min units output "their largest
    negative weighted input", max units "the largest positive" (section 5.2), and
    that maxout passes on "the maximum weighted input", "without summation"
    (section 2.4.10). **The affine pieces are our interpretation**: they are those
    of Goodfellow et al., whom it cites, and have the property that it claims, to
    approximate any convex or concave function. `num_pieces="inputs"` takes the
    words literally: with x_f the features of x,

        y_i  = min_f x_f W_fi + b_i    for the first round(min_fraction * units) units
        y_i  = max_f x_f W_fi + b_i    for the others

    of which one feature alone makes two lines at most. It holds units numbers for
    each feature of each sample in memory.

    Weights: `kernel` (features, k units), k blocks of columns with the units in
    order within each; `bias` (k units), alike. Each block is initialized
    separately, as the kernel of a `Dense` layer of its size. With
    `num_pieces="inputs"`, `kernel` (features, units) and `bias` (units).

    Args:
        units: Positive integer, the number of units.
        num_pieces: Integer of at least 2, the number of affine pieces of each
            unit, or `"inputs"` for the weighted inputs themselves. Defaults to 2.
        min_fraction: Float in [0, 1], the fraction of units that output their
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
        inputs: Tensor with at least two axes.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Raises:
        ValueError: If an argument is out of its range, the input has fewer than
            two axes, or its last axis has another or no known size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((8,)),
        keras_modact.MinMaxout(16, num_pieces=3, min_fraction=0.25),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 8)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, sections 2.4.10
        and 5.2; in words. Goodfellow, Warde-Farley, Mirza, Courville, Bengio,
        "Maxout networks", ICML 2013; the affine pieces.
    """

    def __init__(
        self,
        units: int,
        num_pieces: int | str = 2,
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
        units = validation.positive_integer("units", given.pop("units"))
        unsummed = num_pieces == "inputs"
        super().__init__(**given | ({"num_pieces": 2} if unsummed else {}))
        if unsummed:
            self.num_pieces, self.blocks = num_pieces, 1
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        name = f"MinMaxout '{self.name}'"
        features = known_channels(name, input_shape, "channels_last")
        self.minima = share_of_units(
            name, "min_fraction", self.min_fraction, self.units
        )
        self.add_pieces((features,), self.units)

    def call(self, inputs: Tensor) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check(inputs.shape)
        if self.num_pieces == "inputs":
            outputs = self._weighted_inputs(inputs)
            return self.with_bias(outputs, "channels_last")
        linear = numerics.matmul(inputs, self.kernel)
        return self.affine(linear, self.units, "channels_last")

    def _weighted_inputs(self, inputs: Tensor) -> Tensor:
        """The smallest or largest x_f W_fi of all features f, found by halving them."""
        features, units = self.kernel.shape
        kernel = ops.reshape(
            numerics.weight_like(self.kernel, inputs),
            (features, *[1] * (len(inputs.shape) - 1), units),
        )
        pieces = ops.expand_dims(ops.moveaxis(inputs, -1, 0), -1) * kernel
        choose = self.chooser(self.units, "channels_last")
        while features > 1:
            half, odd = divmod(features, 2)
            chosen = choose(pieces[:half], pieces[half : 2 * half])
            pieces = ops.concatenate([chosen, pieces[-1:]]) if odd else chosen
            features = half + odd
        return pieces[0]

    def _check(self, shape: Sequence[int | None]) -> None:
        if self.built:
            name, features = f"MinMaxout '{self.name}'", self.kernel.shape[0]
            check_channels(name, shape, features, "channels_last")

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> tuple[int | None, ...]:
        self._check(input_shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
