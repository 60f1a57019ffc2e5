"""Helpers for the channel axis."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from keras_modact.utils import numerics


def channel_axis(data_format: str) -> int:
    """The axis of the units (dense) or channels (convolutional)."""
    return 1 if data_format == "channels_first" else -1


def channel_shape(
    shape: Sequence[int | None], channels: int, data_format: str
) -> tuple[int, ...]:
    """A shape that broadcasts one number a channel over an input's axes."""
    ones = [1] * len(shape)
    ones[channel_axis(data_format)] = channels
    return tuple(ones)


def known_channels(
    name: str,
    shape: Sequence[int | None],
    data_format: str,
    least: int = 2,
    most: float = math.inf,
) -> int:
    """The number of channels, for `build`.

    Args:
        name: What the error calls the layer.
        shape: Shape of the inputs, with the batch.
        data_format: "channels_last" or "channels_first".
        least: The smallest number of axes that the layer takes.
        most: The largest.
    """
    if not least <= len(shape) <= most:
        allowed = f"at least {least}" if most == math.inf else f"{least} to {most:g}"
        raise ValueError(
            f"{name} needs inputs with {allowed} axes, the batch included, "
            f"received the shape {tuple(shape)}. Add a missing axis with "
            "`keras.ops.expand_dims`, or merge two with `keras.layers.Reshape`."
        )
    channels = shape[channel_axis(data_format)]
    if channels is None:
        raise ValueError(
            f"{name} needs the size of the channel axis, the "
            f"{'second' if data_format == 'channels_first' else 'last'} with "
            f"data_format='{data_format}', received the shape {tuple(shape)}. Give "
            "that axis a size in `keras.Input`."
        )
    return channels


def check_channels(
    name: str, shape: Sequence[int | None], channels: int, data_format: str
) -> None:
    """Refuses inputs with other channels than a built layer has weights for."""
    given = numerics.static_shape(shape)[channel_axis(data_format)]
    if given not in (None, channels):
        raise ValueError(
            f"{name} was built for {channels} channels, received the shape "
            f"{tuple(shape)}. Pass {channels} channels, or make a new layer."
        )


def share_of_units(name: str, argument: str, fraction: float, units: int) -> int:
    """How many of a layer's units a fraction is: rounded, half to even.

    Warns if a fraction above 0 rounds to none, which would go unnoticed.
    """
    share = round(fraction * units)
    if fraction > 0 and share == 0:
        warnings.warn(
            f"{name}: {argument}={fraction:g} of {units} units rounds to none. The "
            f"smallest fraction that gives one lies just above {0.5 / units:g}; "
            f"{1 / units:g} is one unit.",
            stacklevel=2,
        )
    return share


def for_each_axis(
    name: str, argument: str, value: int | tuple[int, ...], axes: int
) -> tuple[int, ...]:
    """One number for each spatial axis, for `build`.

    Args:
        name: What the error calls the layer.
        argument: The argument's name.
        value: One number for all axes, or one for each.
        axes: The number of spatial axes of the inputs.
    """
    numbers = (value,) * axes if isinstance(value, int) else value
    if len(numbers) != axes:
        raise ValueError(
            f"{name} has {argument}={value!r} and met inputs with {axes} spatial "
            f"axes. Pass a single integer, or a tuple of {axes}."
        )
    return numbers
