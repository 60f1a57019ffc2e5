"""Helpers for layers that are parts of another layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def freeze_parts(layer: keras.layers.Layer) -> None:
    """Freezes the parts of a layer that was constructed with `trainable=False`.

    To be called where a constructor ends: Keras passes `trainable` on to the parts
    of a layer when it is set, not when it is given to the constructor, and so not
    when a frozen layer is made again from its config. A part that is made in
    `build` takes `trainable=layer.trainable` instead.

    Args:
        layer: The layer, whose parts are its attributes already.
    """
    if not layer.trainable:
        # On TensorFlow nothing happens where the value set is the old one.
        layer.trainable = True
        layer.trainable = False


def without_activation(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A view of a layer, with the same weights, that stops before its activation.

    The layer itself is left as it is: it may be in use elsewhere, in another thread
    too. The view lives for one call, so that what happens to the layer between two
    calls (quantization, low-rank adapters) is seen.
    """
    activation = getattr(layer, "activation", None)
    linear = activation is None or activation is keras.activations.linear
    if linear and layer.activity_regularizer is None:
        return layer
    # Not `copy.copy`: Keras' layers are copied with weights of their own.
    view = object.__new__(type(layer))
    view.__dict__.update(
        vars(layer), activation=keras.activations.linear, activity_regularizer=None
    )
    return view


def refuse_its_own_arguments(
    kind: str,
    layer: keras.layers.Layer,
    given: Mapping[str, Any],
    defaults: Mapping[str, Any],
) -> None:
    """Refuses arguments of a layer that is made here, next to one that is given.

    Args:
        kind: What the layer is for, such as "policy".
        layer: The layer that is given.
        given: The constructor's arguments by name.
        defaults: Those that are for a layer made here, with their defaults.
    """
    for name, default in defaults.items():
        if given[name] != default:
            raise ValueError(
                f"`{name}` is for a {kind} that is made here, received "
                f"{name}={given[name]!r} beside the layer '{layer.name}'. Give it to "
                "that layer."
            )


def with_layers(
    config: Mapping[str, Any], names: Iterable[str], custom_objects: Any
) -> dict[str, Any]:
    """A config in which what was serialized under these names is a layer again."""
    layers = {
        name: keras.saving.deserialize_keras_object(
            config[name], custom_objects=custom_objects
        )
        for name in names
        if isinstance(config[name], dict)
    }
    return {**config, **layers}
