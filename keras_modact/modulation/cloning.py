"""Copies of layers and models that keep live objects and all state.

`keras.models.clone_model` makes a layer from its config, in which a function is a
name and what `adapt` has found is missing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from types import MethodType
from typing import Any

import keras

from keras_modact.modulation import modulators


def copy_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns a new layer with the arguments of `layer`, without its state.

    Raises:
        ValueError: If the class cannot be constructed from its config.
    """
    kind = type(layer)
    config = modulators.quietly(layer.get_config)
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
        for name, serialized in config.items():
            value = getattr(layer, name, None)
            if _stands_for(serialized, value) and _needs_registration(value):
                config[name] = value
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
    view = object.__new__(type(model))
    view.__dict__.update(vars(model), compiled=False)
    clone = keras.models.clone_model(view, clone_function=clone_function)
    if model.built and not clone.built:
        clone.build_from_config(model.get_build_config())
    return clone


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
