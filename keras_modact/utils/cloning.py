"""Copies of layers and models that keep live objects and all state.

`keras.models.clone_model` makes a layer from its config, in which a function is a
name and what `adapt` has found is missing. In a copy of a model some of its layers
can be exchanged for others, those in `REBUILT` wrappers too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from types import MethodType
from typing import Any

import keras

from keras_modact.utils.layers import is_graph, is_one_of, quietly, view_with

REBUILT: dict[type, dict[str, str]] = {
    keras.layers.TimeDistributed: {"layer": "layer"},
    keras.layers.Bidirectional: {
        "layer": "forward_layer",
        "backward_layer": "backward_layer",
    },
    keras.layers.RNN: {"cell": "cell"},
    keras.layers.StackedRNNCells: {"cells": "cells"},
}
"""Wrappers that are made anew around other layers, with their arguments that are
layers and the attributes in which those are found."""


def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns a new layer with the arguments of `layer`, without its state.

    Raises:
        ValueError: If the class cannot be constructed from its config.
    """
    kind = type(layer)
    config = live_config(layer)
    if isinstance(layer, keras.layers.Lambda):
        # It reads functions from a config only, and no lambda without a switch.
        config["function"] = keras.saving.serialize_keras_object(
            keras.activations.linear
        )
        live = {"function": layer.function, "mask": layer.mask}
        live |= {"arguments": layer.arguments, "_output_shape": layer._output_shape}
        for name in ("mask", "arguments", "output_shape"):
            config.pop(name, None)
    else:
        live = {}
    try:
        made = kind.from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"{kind.__name__} '{layer.name}' cannot be constructed from its config: "
            f"{error} Mend its `get_config` (and `from_config`), which must give the "
            "arguments of its constructor, and register the functions and classes "
            "that it holds by `keras.saving.register_keras_serializable`."
        ) from error
    for name, value in live.items():
        setattr(made, name, value)
    return made


def live_config(layer: keras.layers.Layer) -> dict[str, Any]:
    """The config of a layer, with the functions and objects that have no name."""
    config = quietly(layer.get_config)
    for name, serialized in config.items():
        value = getattr(layer, name, None)
        if _stands_for(serialized, value) and _needs_registration(value):
            config[name] = value
    return config


def _stands_for(serialized: Any, value: Any) -> bool:
    """Whether what a config has is a serialized function or object."""
    of_object = isinstance(serialized, dict)
    return of_object or serialized == getattr(value, "__name__", ...)


def _needs_registration(value: Any) -> bool:
    """Whether a config names a function or object that Keras cannot find by it."""
    other = (keras.layers.Layer, type, MethodType)
    if not callable(value) or isinstance(value, other):
        return False
    definition = value if hasattr(value, "__name__") else type(value)
    module = getattr(definition, "__module__", None) or ""
    if module.partition(".")[0] == "keras":
        return False
    name = keras.saving.get_registered_name(definition)
    return keras.saving.get_registered_object(name) is not definition


def copy_state(source: Any, target: Any) -> None:
    """Gives a copy the weights of a layer, and what else the layer would save."""
    if source.built and not target.built:
        target.build_from_config(source.get_build_config())
    target.set_weights(source.get_weights())
    store: dict[str, Any] = {}
    source.save_own_variables(store)
    if store:
        # As from a file: JAX would otherwise give both layers one array, and delete
        # it when one of them is trained.
        of_file = {
            name: keras.ops.convert_to_numpy(value)
            if isinstance(value, keras.Variable) or keras.ops.is_tensor(value)
            else value
            for name, value in store.items()
        }
        # Some layers derive more from their variables when these are loaded.
        target.load_own_variables(of_file)
    if hasattr(source, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            source.save_assets(folder)
            target.load_assets(folder)


def clone_graph(
    model: keras.Model, clone_function: Callable[[Any], Any]
) -> keras.Model:
    """Returns `keras.models.clone_model` of a model, compiled with live objects.

    Args:
        model: A `keras.Sequential` or functional model.
        clone_function: Takes a layer or an operation and returns that of the clone.
    """
    # Keras would compile the clone from names of losses and metrics.
    view = view_with(model, compiled=False)
    clone = keras.models.clone_model(view, clone_function=clone_function)
    if model.built and not clone.built:
        clone.build_from_config(model.get_build_config())
    return clone


def clone_exchanged(
    model: keras.Model,
    chosen: Sequence[keras.layers.Layer],
    exchange: Callable[[Any, Callable[[Any], Any]], Any],
) -> keras.Model:
    """Returns a clone of a model, state included, with some layers exchanged.

    Args:
        model: A `keras.Sequential` or functional model.
        chosen: Layers of it that are to be exchanged.
        exchange: Takes one of them, and a function that copies a layer without its
            state, which follows; returns what comes in its place.
    """
    # Keyed by `id`; the original stays alive beside its copy.
    copies: dict[int, tuple[Any, Any]] = {}
    with_state: list[tuple[Any, Any]] = []

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        made = copy_layer(layer)
        with_state.append((layer, made))
        return made

    def copy(layer: Any) -> Any:
        # A functional graph also has operations, which hold nothing.
        if not isinstance(layer, keras.layers.Layer):
            return layer
        if id(layer) not in copies:
            copies[id(layer)] = layer, made_of(layer)
        return copies[id(layer)][1]

    def made_of(layer: keras.layers.Layer) -> keras.layers.Layer:
        if is_one_of(layer, chosen):
            made = exchange(layer, plain)
        elif is_graph(layer):
            return clone_graph(layer, copy)
        elif any(is_one_of(leaf, chosen) for leaf, _ in leaves(layer)):
            made = _around_copies(layer, copy, with_state)
        else:
            return plain(layer)
        _check_states(layer, made)
        return made

    clone = clone_graph(model, copy)
    missed = [layer.name for layer in chosen if id(layer) not in copies]
    if missed:
        raise ValueError(
            f"The layers {', '.join(missed)} could not be replaced in a clone of the "
            "model. Exchange them where they are made."
        )
    for source, target in with_state:
        copy_state(source, target)
    return clone


def _check_states(source: Any, made: Any) -> None:
    """Refuses a recurrent layer that would return more states than a model takes."""
    if not getattr(source, "return_state", False):
        return
    old, new = (len(keras.tree.flatten(one.state_size)) for one in (source, made))
    if old != new:
        raise ValueError(
            f"{type(source).__name__} '{source.name}' returns its {old} states, and "
            f"what would come in its place has {new}, the policy's among them. Pass "
            "policy='static', which has none, or leave the layer out of `layers`."
        )


def _around_copies(
    wrapper: Any, copy: Callable[[Any], Any], with_state: list[tuple[Any, Any]]
) -> keras.layers.Layer:
    """A wrapper like another one, around the copies of what that one holds."""
    parts = {}
    for argument, attribute in REBUILT[type(wrapper)].items():
        part = getattr(wrapper, attribute)
        several = isinstance(part, (list, tuple))
        parts[argument] = [copy(one) for one in part] if several else copy(part)
    made = type(wrapper)(**{**quietly(wrapper.get_config), **parts})
    if isinstance(wrapper, keras.layers.Bidirectional):
        # It makes a forward layer anew from that which it is given.
        with_state.append((parts["layer"], made.forward_layer))
    return made


def parts_of(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers that a wrapper of those in `REBUILT` holds."""
    attributes = REBUILT.get(type(layer), {}).values()
    parts = keras.tree.flatten([getattr(layer, name) for name in attributes])
    return [part for part in parts if isinstance(part, keras.layers.Layer)]


def leaves(layer: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """The layers that can be exchanged, with the names of the wrappers around them.

    Args:
        layer: A model, a wrapper, or a layer that is found itself.
    """
    if is_graph(layer):
        for inner in layer.layers:
            yield from leaves(inner)
    elif type(layer) in REBUILT:
        for part in parts_of(layer):
            for leaf, names in leaves(part):
                yield leaf, (layer.name, *names)
    else:
        yield layer, ()


def compile_like(model: keras.Model, clone: keras.Model) -> None:
    """Compiles a clone as the model is, with a fresh optimizer and fresh metrics."""
    given = getattr(model, "_compile_config", None)
    if not model.compiled or given is None:
        return
    arguments = given.config
    fresh = {name: keras.tree.map_structure(_fresh, v) for name, v in arguments.items()}
    clone.compile(**fresh)
    if clone.built and hasattr(clone, "optimizer"):
        clone.optimizer.build(clone.trainable_variables)


def _fresh(value: Any) -> Any:
    """A new optimizer or metric in place of one that has state."""
    if isinstance(value, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return type(value).from_config(value.get_config())
    return value
