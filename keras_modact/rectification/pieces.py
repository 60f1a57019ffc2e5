"""What the Min-Maxout layers share: affine pieces, and which of them speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_modact import arguments, numerics, weight_arguments
from keras_modact.arguments import Tensor
from keras_modact.rectification.channels import channel_axis, channel_shape

WEIGHTS = ("kernel", "bias")


class MinMaxoutBase(keras.layers.Layer):
    """Units that give the smallest or the largest of their affine pieces.

    A subclass has its number of outputs in `units` and calls `add_pieces` in
    `build` and `smallest_or_largest` in `call`.

    Args:
        num_pieces: Integer of at least 2, the pieces of each unit.
        min_fraction: Float in [0, 1], the share of units that give the smallest.
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
        num_pieces = arguments.positive_integer("num_pieces", num_pieces)
        if num_pieces < 2:
            raise ValueError(
                "`num_pieces` must be at least 2, since one piece has no other to "
                f"be compared with, received num_pieces={num_pieces}. Pass "
                "num_pieces=2, or use a `Dense` or `Conv` layer for a linear one."
            )
        min_fraction = arguments.fraction("min_fraction", min_fraction)
        use_bias = arguments.truth_value("use_bias", use_bias)
        activity_regularizer = arguments.regularizer(
            "activity_regularizer", activity_regularizer
        )
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_pieces = num_pieces
        self.min_fraction = min_fraction
        self.use_bias = use_bias
        weight_arguments.keep(self, WEIGHTS, given)

    def add_pieces(self, leading_shape: Sequence[int], units: int) -> None:
        """Makes the weights, a block of `units` columns for each piece."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*leading_shape, self.num_pieces * units),
            **weight_arguments.of(self, "kernel", blocks=self.num_pieces),
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.num_pieces * units,),
                **weight_arguments.of(self, "bias", blocks=self.num_pieces),
            )

    def smallest_or_largest(
        self, linear: Tensor, minima: int, data_format: str
    ) -> Tensor:
        """The outputs, from what the kernel makes of the inputs.

        Args:
            linear: Tensor with one channel for every piece of every unit, a
                block of channels for each piece.
            minima: How many units give the smallest of their pieces, the first.
            data_format: "channels_last" or "channels_first".
        """
        if self.use_bias:
            shape = channel_shape(linear.shape, self.bias.shape[0], data_format)
            linear = linear + ops.reshape(
                numerics.weight_like(self.bias, linear), shape
            )
        axis = channel_axis(data_format)
        # Not `ops.max`, which refuses an empty batch and breaks torch.compile's graph.
        pieces = ops.stack(ops.split(linear, self.num_pieces, axis=axis))
        if minima == 0:
            return ops.amax(pieces, axis=0)
        if minima == self.kernel.shape[-1] // self.num_pieces:
            return ops.amin(pieces, axis=0)
        # Plain indexing: `ops.split` at a place cannot be traced to ONNX on torch.
        before = (slice(None), slice(None)) if axis == 1 else (...,)
        smallest = ops.amin(pieces[(*before, slice(None, minima))], axis=0)
        largest = ops.amax(pieces[(*before, slice(minima, None))], axis=0)
        return ops.concatenate([smallest, largest], axis=axis)

    def get_config(self) -> dict[str, Any]:
        config = {
            "num_pieces": self.num_pieces,
            "min_fraction": self.min_fraction,
            "use_bias": self.use_bias,
            "activity_regularizer": keras.regularizers.serialize(
                self.activity_regularizer
            ),
        }
        config |= weight_arguments.config(self, WEIGHTS)
        return {**super().get_config(), **config}
