"""Broadcasts a modulator's signal to the output that it scales."""

from __future__ import annotations

from keras import ops

from keras_modact.recurrence.shapes import Shape
from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor


def broadcast_shape(
    name: str, signal: Shape, output: Shape, channel_axis: int
) -> Shape:
    """Returns the shape of a signal with an axis for every axis of the output.

    Args:
        name: Name of the layer, for the error.
        signal: Shape of the signal; with two axes it holds for all positions.
        output: Shape of the output.
        channel_axis: Axis of the channels in the output.

    Raises:
        ValueError: If the signal does not fit.
    """
    shape = tuple(signal)
    if len(signal) == 2 < len(output):
        ones: list[int | None] = [1] * len(output)
        ones[0], ones[channel_axis] = signal
        shape = tuple(ones)
    fitting = len(shape) == len(output) and all(
        None in pair or pair[0] in (1, pair[1])
        for pair in zip(shape, output, strict=True)
    )
    if not fitting:
        raise ValueError(
            f"{name} has a modulator whose signal of shape {tuple(signal)} does not "
            f"fit its output of shape {tuple(output)}. Allowed are the axes of the "
            "output, each of its size or 1, or (batch, 1) and (batch, channels) "
            "for one signal at all positions. Mend the modulator, or the context "
            "that it reads."
        )
    return shape


def broadcast(name: str, signal: Tensor, output: Tensor, channel_axis: int) -> Tensor:
    """Returns the signal, with axes that multiply with those of the output."""
    shape = numerics.static_shape(output.shape)
    broadcast_shape(name, numerics.static_shape(signal.shape), shape, channel_axis)
    axes = len(shape)
    if len(signal.shape) == axes:
        return signal
    positions = [i for i in range(1, axes) if i != channel_axis % axes]
    return ops.expand_dims(signal, positions)
