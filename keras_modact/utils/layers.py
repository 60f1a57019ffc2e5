"""Helpers for layers that are parts of another layer or of a model."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras


def is_graph(model: Any) -> bool:
    """Whether a layer is a model whose layers can be listed and replaced."""
    return isinstance(model, keras.Sequential) or (
        isinstance(model, keras.Model) and hasattr(model, "operations")
    )


def is_one_of(layer: Any, layers: Iterable[Any]) -> bool:
    """Whether a layer is among others, itself and not one that equals it."""
    return any(layer is one for one in layers)


def quietly(get_config: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns a config that is not for a file, whatever functions are in it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The object being serialized includes a")
        return get_config()


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
    return view_with(
        layer, activation=keras.activations.linear, activity_regularizer=None
    )


def view_with(layer: Any, **attributes: Any) -> Any:
    """A layer with the weights of another one, and everything but some attributes."""
    # Not `copy.copy`: Keras' layers are copied with weights of their own.
    view = object.__new__(type(layer))
    view.__dict__.update(vars(layer), **attributes)
    return view


def not_quantized(self: Any, *args: Any, **kwargs: Any) -> None:
    """The method `quantize` of layers whose weights stay floats."""
    raise NotImplementedError(
        f"{type(self).__name__} '{self.name}' keeps its weights as floats: Keras "
        "quantizes a few layers of its own, by methods that are not public, and no "
        "recurrent layer or convolution. Export the model to ONNX and quantize that, "
        "for example with `onnxruntime.quantization.quantize_dynamic`, or give the "
        "layers dtype='bfloat16'."
    )


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
    """A config in which what was serialized under these names is a layer again.

    Files that are older than an argument do not have it.
    """
    layers = {
        name: keras.saving.deserialize_keras_object(
            config[name], custom_objects=custom_objects
        )
        for name in names
        if isinstance(config.get(name), dict)
    }
    return {**config, **layers}


def inside(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """The layers that are attributes of a layer, in lists too, and those in them."""
    seen: list[Any] = [layer]
    waiting = list(vars(layer).values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, (list, tuple)):
            waiting += value
        elif isinstance(value, keras.layers.Layer) and not is_one_of(value, seen):
            seen.append(value)
            yield value
            waiting += vars(value).values()


class Recorded(NamedTuple):
    """One call of a method of a layer inside a model."""

    layer: Any
    arguments: Mapping[str, Any]
    """What it was called on, by name."""
    result: Any


def record(
    model: keras.layers.Layer, inputs: Any, layers: Iterable[Any], method: str
) -> list[Recorded]:
    """Runs a model once, not compiled, and returns the calls of its layers' method.

    Dropout does not act.

    Args:
        model: The model.
        inputs: A batch of its inputs, as the model takes them.
        layers: Those of the layers inside it that are meant.
        method: The name of their method.
    """
    calls: list[Recorded] = []

    def recorded(layer: Any, *args: Any, **kwargs: Any) -> Any:
        original = getattr(type(layer), method)
        bound = inspect.signature(original).bind(layer, *args, **kwargs)
        result = original(layer, *args, **kwargs)
        calls.append(Recorded(layer, bound.arguments, result))
        return result

    layers = list(layers)
    for layer in layers:
        # In the way of the method, for this call only.
        vars(layer)[method] = functools.partial(recorded, layer)
    try:
        model(inputs, training=False)
    finally:
        for layer in layers:
            del vars(layer)[method]
    return calls


def by_name(calls: Iterable[Recorded], results: Iterable[Any]) -> dict[str, Any]:
    """Results by the names of the layers that were called.

    Of a layer that is called more than once, or whose name another one has too, the
    further ones are `"name_1"` and so on, in the order of the calls.
    """
    found: dict[str, Any] = {}
    for call, result in zip(calls, results, strict=True):
        name, number = call.layer.name, 0
        while name in found:
            number += 1
            name = f"{call.layer.name}_{number}"
        found[name] = result
    return found
