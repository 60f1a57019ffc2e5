"""A model's clone with modulators in it."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from keras_modact.modulation import modulators
from keras_modact.modulation.cloning import (
    clone_graph,
    compile_like,
    copy_layer,
    copy_state,
)
from keras_modact.modulation.identity_init import scale_back, steady_start
from keras_modact.modulation.modulated import Modulated
from keras_modact.utils import validation
from keras_modact.utils.layers import inside


def modulate(
    model: keras.Model,
    layers: Any = None,
    modulator_activation: Any = "sigmoid",
    modulator: Any = "shared",
    start_unchanged: bool = False,
    **modulator_arguments: Any,
) -> keras.Model:
    """Returns a clone of a model in which the chosen layers are `Modulated`.

    Use it to try modulators on an existing network, trained or not: the clone has
    the weights of the model, and each chosen layer gets a modulator of its own and
    keeps its name. Layers in nested models are found as well, and a layer that is
    used twice has one modulator. Layers inside a wrapper, such as
    `keras.layers.TimeDistributed`, or inside a layer of your own cannot be reached;
    a warning names those that were meant.

    What is scaled is the output of the layer before its activation. Where batch
    normalization stands between a convolution and its activation, that is the
    output of the convolution, as in the paper's dense block.

    The clone is compiled as the model is, with a fresh optimizer. A layer that
    is frozen stays so, and its modulator is trained all the same.

    Args:
        model: A `keras.Sequential` or functional model.
        layers: Which layers: a class of layers, a name, a list of both, or a
            function that takes a layer and says whether it is one. Defaults to
            all convolutions.
        modulator_activation: tau, as in `Modulated`. Defaults to `"sigmoid"`.
        modulator: `"shared"` or `"channelwise"`, as in `Modulated`, or a function
            that takes a layer and returns its modulator, a new layer each time.
            Defaults to `"shared"`.
        start_unchanged: Boolean, start the modulators so that the clone computes
            what the model does: w_m = 0, and b_m such that tau(b_m) is a power of
            two, by whose inverse the layer's own kernel and bias are multiplied.
            For a sigmoid b_m = 0 gives 1/2, and doubling is exact. Where tau
            gives such a number only nearly, so does the clone, to the last digit
            of float32. Regularizers and constraints of the layers see the changed
            weights. Subclasses of Keras' layers that override how these compute
            are refused. Defaults to `False`.
        **modulator_arguments: `modulator_use_bias`,
            `modulator_kernel_initializer` and the like, as in `Modulated`, also
            its `dtype` and `trainable`.

    Returns:
        A new model; the given one is left as it was.

    Raises:
        ValueError: If the model is of another kind, no layer is chosen, no
            modulator follows from a chosen layer, a name is not found, a layer
            cannot be constructed from its config, two layers get one modulator, or
            the clone cannot start unchanged.

    Example:

    ```python
    import keras, keras_modact

    model = keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=10)
    modulated = keras_modact.modulate(model, keras.layers.DepthwiseConv2D)
    name = "block_1_depthwise"
    assert isinstance(modulated.get_layer(name), keras_modact.Modulated)
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2.
    """
    validation.truth_value("start_unchanged", start_unchanged)
    if isinstance(modulator, keras.layers.Layer):
        raise ValueError(
            "`modulator` must be 'shared', 'channelwise' or a function that makes a "
            f"modulator for a layer, received the layer {modulator.name!r}. Pass for "
            "example modulator=lambda layer: keras.layers.Dense(1)."
        )
    if not modulators.is_graph(model):
        raise ValueError(
            "`model` must be a keras.Sequential or a functional model, received "
            f"{type(model).__name__}. In a model of your own class, wrap layers "
            "with `keras_modact.Modulated` where they are made."
        )
    if "name" in modulator_arguments:
        raise ValueError(
            "Each layer keeps its name in the clone, and so does the model, received "
            f"name={modulator_arguments['name']!r}. Leave it out."
        )
    chosen = _chosen(list(_leaves(model)), layers)
    given = {"modulator_activation": modulator_activation, **modulator_arguments}
    signal = None
    if start_unchanged:
        start, signal = steady_start(chosen, given, modulator)
        given |= start
    made_modulators: list[keras.layers.Layer] = []

    def modulator_of(layer: keras.layers.Layer) -> Any:
        if not callable(modulator):
            return modulator
        made = modulator(layer)
        if any(made is one for one in (*made_modulators, *_leaves(model))):
            raise ValueError(
                f"The function `modulator` returned the layer '{made.name}' for "
                f"'{layer.name}', which is in use already, and a file would not hold "
                "it twice. Return a new layer each time."
            )
        made_modulators.append(made)
        return made

    # Keyed by `id`; the original stays alive beside its copy.
    copies: dict[int, tuple[Any, Any]] = {}

    def copy(layer: Any) -> Any:
        # A functional graph also has operations, which hold nothing.
        if not isinstance(layer, keras.layers.Layer):
            return layer
        if id(layer) in copies:
            return copies[id(layer)][1]
        if modulators.is_graph(layer):
            made = clone_graph(layer, copy)
        else:
            made = originals[id(layer)] = copy_layer(layer)
            if any(layer is one for one in chosen):
                made = Modulated(
                    made, modulator=modulator_of(layer), name=layer.name, **given
                )
        copies[id(layer)] = layer, made
        return made

    originals: dict[int, keras.layers.Layer] = {}
    clone = clone_graph(model, copy)
    missed = [layer.name for layer in chosen if id(layer) not in copies]
    if missed:
        raise ValueError(
            f"The layers {', '.join(missed)} could not be replaced in a clone of the "
            "model. Wrap them with `keras_modact.Modulated` where they are made."
        )
    unfreeze(clone)
    for key, (layer, _) in copies.items():
        if key not in originals:
            continue
        copy_state(layer, originals[key])
        if signal is not None and any(layer is one for one in chosen):
            scale_back(originals[key], signal)
    compile_like(model, clone)
    return clone


def unfreeze(model: keras.Model) -> None:
    """Lets a model train what of its layers is not frozen.

    A `Sequential` that was frozen as a whole is cloned with a flag of its own, by
    which no new modulator would train either.
    """
    for layer in model.layers:
        if modulators.is_graph(layer):
            unfreeze(layer)
    if not model.trainable:
        kept = [(one, one.trainable) for one in _with_inner(model)]
        model.trainable = True
        for one, flag in kept:
            one.trainable = flag


def _with_inner(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers below a model, each before those inside it."""
    for layer in model.layers:
        yield layer
        if modulators.is_graph(layer):
            yield from _with_inner(layer)
        elif isinstance(layer, Modulated):
            yield layer.layer
            if layer.modulator is not None:
                yield layer.modulator


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers of a model and of the models in it, each once."""
    seen: list[keras.layers.Layer] = []
    for layer in model.layers:
        for leaf in _leaves(layer) if modulators.is_graph(layer) else (layer,):
            if not any(leaf is one for one in seen):
                seen.append(leaf)
                yield leaf


def _warn_of_unreachable(
    found: Sequence[keras.layers.Layer], chosen: Sequence[Any], wanted: Sequence[Any]
) -> None:
    """Warns of layers of the wanted classes and names that are inside others."""
    classes = tuple(item for item in wanted if isinstance(item, type))
    hidden = []
    for outer in found:
        if isinstance(outer, Modulated) or any(outer is one for one in chosen):
            continue
        hidden += [
            f"'{inner.name}' in {type(outer).__name__} '{outer.name}'"
            for inner in inside(outer)
            if isinstance(inner, classes) or inner.name in wanted
        ]
    if hidden:
        warnings.warn(
            f"Not modulated, since they are inside other layers: {', '.join(hidden)}. "
            "Wrap them with `keras_modact.Modulated` where they are made, or choose "
            "layers that leave them out.",
            stacklevel=4,
        )


def _chosen(found: Sequence[keras.layers.Layer], layers: Any) -> list:
    """The layers among those found that the argument `layers` means."""
    wanted = modulators.CONVOLUTIONS if layers is None else layers
    if not isinstance(wanted, (list, tuple)):
        wanted = [wanted]
    tests = [_test(item, [layer.name for layer in found]) for item in wanted]
    chosen = [layer for layer in found if any(test(layer) for test in tests)]
    for layer in chosen:
        modulators.kind_of(layer)
    _warn_of_unreachable(found, chosen, wanted)
    if not chosen:
        possible = [n.name for n in found if isinstance(n, modulators.KINDS)]
        raise ValueError(
            f"No layer of the model is meant by layers={layers!r}, where None stands "
            "for convolutions, and layers in wrappers are left alone. Choose from "
            f"{', '.join(possible) or 'a model with convolutions or Dense layers'}."
        )
    return chosen


def _test(item: Any, names: Sequence[str]) -> Callable[[keras.layers.Layer], bool]:
    """Whether a layer is meant by one item of the argument `layers`."""
    if isinstance(item, str):
        if item not in names:
            near = difflib.get_close_matches(item, names) or names
            raise ValueError(
                f"The model has no layer named {item!r}. Did you mean one of "
                f"{', '.join(near)}?"
            )
        return lambda layer: layer.name == item
    if isinstance(item, keras.layers.Layer):
        raise ValueError(
            "`layers` says which layers by class, name or function, received the "
            f"layer {item.name!r}. Pass its name."
        )
    if isinstance(item, type):
        return lambda layer: isinstance(layer, item)
    if callable(item):
        return item
    raise ValueError(
        "`layers` must be a class of layers, a name, a list of both or a function "
        f"of a layer, received layers={item!r}. Pass for example "
        "layers=keras.layers.Conv2D."
    )
