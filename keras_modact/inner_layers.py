"""Layers that a user hands to one of ours."""

from __future__ import annotations

from collections.abc import Sequence

import keras


def output_shape(
    layer: keras.layers.Layer, input_shape: Sequence[int | None]
) -> tuple[int | None, ...]:
    """The shape that a layer gives, which it is built for if it is not yet.

    A layer of the user's own need not define `compute_output_shape`.
    """
    if not layer.built:
        layer.build(tuple(input_shape))
    inputs = keras.KerasTensor(tuple(input_shape), dtype=layer.compute_dtype)
    return tuple(layer.compute_output_spec(inputs).shape)
