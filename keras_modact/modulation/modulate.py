"""A model's clone with modulators in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from keras_modact.modulation import modulators
from keras_modact.modulation.identity_init import scale_back, steady_start
from keras_modact.modulation.modulated import Modulated
from keras_modact.modulation.modulated_lstm import ModulatedLSTM, ModulatedLSTMCell
from keras_modact.utils import validation
from keras_modact.utils.choice import Change, chosen_layers
from keras_modact.utils.cloning import (
    clone_exchanged,
    compile_like,
    leaves,
    parts_of,
)
from keras_modact.utils.layers import is_graph, is_one_of

RECURRENT: dict[type, Callable[..., Any]] = {
    keras.layers.LSTM: ModulatedLSTM.from_lstm,
    keras.layers.LSTMCell: ModulatedLSTMCell.from_lstm_cell,
}
"""What is exchanged in place of being wrapped, and for what."""
MODULATED = Change(
    done="modulated",
    default=modulators.CONVOLUTIONS,
    kinds="convolutions",
    possible=(*modulators.KINDS, *RECURRENT),
    own=(Modulated, ModulatedLSTM, ModulatedLSTMCell),
    by_hand="wrap them with `keras_modact.Modulated`, or exchange an LSTM by "
    "`keras_modact.ModulatedLSTM.from_lstm`,",
)


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
    keeps its name. Of recurrent layers a `keras.layers.LSTM` becomes a
    `ModulatedLSTM`, and a `keras.layers.LSTMCell` in a `keras.layers.RNN` a
    `ModulatedLSTMCell`, whose fifth gate is the modulator.

    Layers in nested models are found as well, and those in
    `keras.layers.TimeDistributed`, `Bidirectional`, `RNN` and `StackedRNNCells`,
    which a name stands for as it does for the layers in them. A layer that is used
    twice has one modulator. Those inside another layer cannot be reached; a warning
    names the ones that were meant.

    What is scaled is the output of the layer before its activation. Where batch
    normalization stands between a convolution and its activation, that is the
    output of the convolution, as in the paper's dense block.

    The clone is compiled as the model is, with a fresh optimizer. A layer that
    is frozen stays so, and its modulator is trained all the same, but for that of
    an LSTM, which has its kernel. Stateful layers start from zeros.

    Args:
        model: A `keras.Sequential` or functional model.
        layers: Which layers: a class of layers, a name, a list of both, or a
            function that takes a layer and says whether it is one, for example
            `keras.layers.LSTM`. Defaults to all convolutions.
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
            its `dtype` and `trainable`. For LSTMs there are none.

    Returns:
        A new model; the given one is left as it was.

    Raises:
        ValueError: If the model is of another kind, no layer is chosen, no
            modulator follows from a chosen layer, a name is not found, a layer
            cannot be constructed from its config, two layers get one modulator, the
            clone cannot start unchanged, or a chosen LSTM is of a subclass, has no
            weights yet or has `use_cudnn=True`.

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
    if "name" in modulator_arguments:
        raise ValueError(
            "Each layer keeps its name in the clone, and so does the model, received "
            f"name={modulator_arguments['name']!r}. Leave it out."
        )
    chosen = chosen_layers(model, layers, MODULATED)
    recurrent = [layer for layer in chosen if isinstance(layer, tuple(RECURRENT))]
    others = [layer for layer in chosen if not is_one_of(layer, recurrent)]
    for layer in others:
        _check_kind(layer)
    if recurrent:
        _check_recurrent(recurrent[0], modulator, modulator_arguments)
    given = {"modulator_activation": modulator_activation, **modulator_arguments}
    signal = None
    if start_unchanged and others:
        start, signal = steady_start(others, given, modulator)
        given |= start
    made_modulators: list[keras.layers.Layer] = []
    in_use = [leaf for leaf, _ in leaves(model)]

    def modulator_of(layer: keras.layers.Layer) -> Any:
        if not callable(modulator):
            return modulator
        made = modulator(layer)
        if is_one_of(made, (*made_modulators, *in_use)):
            raise ValueError(
                f"The function `modulator` returned the layer '{made.name}' for "
                f"'{layer.name}', which is in use already, and a file would not hold "
                "it twice. Return a new layer each time."
            )
        made_modulators.append(made)
        return made

    wrapped: list[keras.layers.Layer] = []

    def exchange(layer: Any, copy: Callable[[Any], Any]) -> keras.layers.Layer:
        for kind, made_from in RECURRENT.items():
            if isinstance(layer, kind):
                made = made_from(
                    layer, modulator_activation, start_unchanged=start_unchanged
                )
                # A copy is built where it stands, and its weights' paths say where.
                return copy(made)
        wrapped.append(copy(layer))
        return Modulated(
            wrapped[-1], modulator=modulator_of(layer), name=layer.name, **given
        )

    clone = clone_exchanged(model, chosen, exchange)
    unfreeze(clone)
    if signal is not None:
        for layer in wrapped:
            scale_back(layer, signal)
    compile_like(model, clone)
    return clone


def _check_kind(layer: keras.layers.Layer) -> None:
    """Refuses a layer from which no modulator follows."""
    if isinstance(layer, keras.layers.RNN) or hasattr(layer, "state_size"):
        raise ValueError(
            f"No modulator follows from {type(layer).__name__} '{layer.name}'. Of "
            "recurrent layers and cells `modulate` takes keras.layers.LSTM and "
            "keras.layers.LSTMCell. Leave it out of `layers`."
        )
    modulators.kind_of(layer)


def _check_recurrent(
    layer: keras.layers.Layer, modulator: Any, arguments: Mapping[str, Any]
) -> None:
    """Refuses arguments of `Modulated` for a layer that is not wrapped."""
    given = dict(arguments)
    if modulator != "shared":
        given["modulator"] = modulator
    for name, value in given.items():
        raise ValueError(
            f"`{name}` is for layers that are wrapped, received {name}={value!r}, and "
            f"the modulator of {type(layer).__name__} '{layer.name}' is a fifth gate, "
            "with the arguments of the other four. Leave it out, or modulate other "
            "layers and recurrent ones in two calls."
        )


def unfreeze(model: keras.Model) -> None:
    """Lets a model train what of its layers is not frozen.

    A `Sequential` that was frozen as a whole is cloned with a flag of its own, by
    which no new modulator would train either.
    """
    for layer in model.layers:
        if is_graph(layer):
            unfreeze(layer)
    if not model.trainable:
        kept = [(one, one.trainable) for one in _with_inner(model)]
        model.trainable = True
        for one, flag in kept:
            one.trainable = flag


def _with_inner(layer: Any) -> Iterator[keras.layers.Layer]:
    """The layers below a model or layer, each before those inside it."""
    parts = parts_of(layer)
    if is_graph(layer):
        parts = layer.layers
    elif isinstance(layer, Modulated):
        parts = [one for one in (layer.layer, layer.modulator) if one is not None]
    for part in parts:
        yield part
        yield from _with_inner(part)
