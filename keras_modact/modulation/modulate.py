"""A model's clone with modulators in it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from keras_modact import arguments
from keras_modact.modulation import modulators
from keras_modact.modulation.identity_init import scale_back, steady_start
from keras_modact.modulation.modulated import Modulated


def modulate(
    model: keras.Model,
    layers: Any = None,
    modulator_activation: Any = "sigmoid",
    modulator: Any = "shared",
    start_unchanged: bool = False,
    **modulator_arguments: Any,
) -> keras.Model:
    """A clone of a model, in which the chosen layers are `Modulated`.

    Choose it to try modulators on a network that you have, trained or not: every
    weight of the model is carried over, and each chosen layer gets a modulator
    of its own, which keeps the layer's name. Layers in nested models are found
    as well, and a layer that is used twice has one modulator; layers inside a
    wrapper such as `keras.layers.TimeDistributed` are left alone.

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
            that takes a layer and returns its modulator, a layer. Defaults to
            `"shared"`.
        start_unchanged: Boolean, start the modulators so that the clone computes
            what the model does: w_m = 0, and b_m such that tau(b_m) is a power of
            two, by whose inverse the layer's own kernel and bias are multiplied.
            For a sigmoid b_m = 0 gives 1/2, and doubling is exact. Where tau
            gives such a number only nearly, so does the clone, to the last digit
            of float32. Regularizers and constraints of the layers see the changed
            weights. Defaults to `False`.
        **modulator_arguments: `modulator_use_bias`,
            `modulator_kernel_initializer` and the like, as in `Modulated`.

    Returns:
        A new model; the given one is left as it was.

    Raises:
        ValueError: If the model is of another kind, no layer is chosen, no
            modulator follows from a chosen layer, a name is not found, or the
            clone cannot start unchanged.

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
    arguments.truth_value("start_unchanged", start_unchanged)
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
    chosen = _chosen(list(_leaves(model)), layers)
    given = {"modulator_activation": modulator_activation, **modulator_arguments}
    signal = None
    if start_unchanged:
        start, signal = steady_start(chosen, given, modulator)
        given |= start
    copies: list[tuple[keras.layers.Layer, keras.layers.Layer]] = []

    def copy(layer: Any) -> Any:
        # A functional graph also has operations, which hold nothing; and what
        # an `adapt` has found has no place in a config.
        if not isinstance(layer, keras.layers.Layer) or hasattr(layer, "adapt"):
            return layer
        made = type(layer).from_config(layer.get_config())
        copies.append((layer, made))
        if not any(layer is one for one in chosen):
            return made
        return Modulated(
            made,
            modulator=modulator(layer) if callable(modulator) else modulator,
            name=layer.name,
            **given,
        )

    clone = keras.models.clone_model(model, clone_function=copy, recursive=True)
    if model.built and not clone.built:
        clone.build_from_config(model.get_build_config())
    unfreeze(clone)
    for layer, made in copies:
        made.set_weights(layer.get_weights())
        if signal is not None and any(layer is one for one in chosen):
            scale_back(made, signal)
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


def _chosen(found: Sequence[keras.layers.Layer], layers: Any) -> list:
    """The layers among those found that the argument `layers` means."""
    wanted = modulators.CONVOLUTIONS if layers is None else layers
    if not isinstance(wanted, (list, tuple)):
        wanted = [wanted]
    tests = [_test(item, [layer.name for layer in found]) for item in wanted]
    chosen = [layer for layer in found if any(test(layer) for test in tests)]
    for layer in chosen:
        modulators.kind_of(layer)
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
