"""Layers made of Keras' own, and back: what those conversions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.utils import validation
from keras_modact.utils.cloning import live_config

ANY_LAYER = ("name", "dtype", "trainable", "activity_regularizer")
LOOP = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
)
DROPOUT = ("dropout", "recurrent_dropout", "seed")


def of_weights(*weights: str) -> list[str]:
    """The names of the arguments that say how weights start and are held."""
    kinds = ("initializer", "regularizer", "constraint")
    return [f"{weight}_{kind}" for weight in weights for kind in kinds]


ACTIVATIONS = ("activation", "recurrent_activation")
LSTM_CELL = (
    "name",
    "dtype",
    "trainable",
    "units",
    "use_bias",
    "unit_forget_bias",
    *of_weights("kernel", "recurrent", "bias"),
)
"""The constructor arguments that every LSTM's cell has, but for dropout."""
LSTM = (*LSTM_CELL, "activity_regularizer", *LOOP, *DROPOUT)
"""The constructor arguments that every LSTM has."""


def taken_over(layer: keras.layers.Layer, names: Sequence[str]) -> dict[str, Any]:
    """Those of a layer's constructor arguments that another layer has too."""
    config = live_config(layer)
    return {name: config[name] for name in names if name in config}


def check_source(method: str, layer: Any, cls: type) -> None:
    """Refuses what cannot be converted, whatever its weights.

    Args:
        method: What an error calls the conversion.
        layer: What is to be converted.
        cls: The class that it must be of. One of a subclass may compute otherwise.
    """
    if type(layer) is not cls:
        raise ValueError(
            f"`{method}` takes a `{cls.__name__}` itself, received {layer!r} of class "
            f"`{type(layer).__name__}`. Pass a layer of that class; take one that is "
            "in a model, or in a wrapper such as `Bidirectional`, out of it first."
        )
    source: Any = layer
    if not source.built:
        raise ValueError(
            f"`{method}` carries weights over, and {cls.__name__} '{source.name}' has "
            "none yet. Call it, or put it into a model with a `keras.Input`, first."
        )
    if getattr(source, "lora_enabled", False) or source.quantization_mode:
        raise ValueError(
            f"`{method}` takes plain weights, and {cls.__name__} '{source.name}' is "
            "quantized or has low-rank additions. Convert it before it gets them."
        )


def check_lstm(method: str, cls: type, source: Any) -> None:
    """Refuses an LSTM, or the cell of one, that cannot be made one of class `cls`.

    `use_cudnn` of "auto" and `implementation` say how it computes, not what, and
    are left behind.
    """
    is_cell = not issubclass(cls, keras.layers.RNN)
    check_source(
        method, source, keras.layers.LSTMCell if is_cell else keras.layers.LSTM
    )
    if getattr(source, "use_cudnn", None) is True:
        raise ValueError(
            f"`{method}` makes a layer that cuDNN has no kernel for, and LSTM "
            f"'{source.name}' has use_cudnn=True. Set its `use_cudnn` to 'auto' first."
        )
    rates = {name: getattr(source, name) for name in DROPOUT[:2]}
    if is_cell and any(rates.values()):
        received = ", ".join(f"{name}={rate}" for name, rate in rates.items())
        raise ValueError(
            f"`{method}` makes a bare cell, which cannot draw dropout masks, since "
            "`keras.layers.RNN` has no public hook before its loop, and LSTMCell "
            f"'{source.name}' has {received}. Set both to 0, or take a "
            "`keras.layers.LSTM` in place of the cell."
        )


def merged(
    method: str, carried: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """A layer's arguments and those that a user adds, as arguments of the new one.

    Args:
        method: What an error calls the conversion.
        carried: What comes from the layer; only its name may be another.
        given: What the user says.
    """
    for name in given:
        if name != "name" and name in carried:
            raise ValueError(
                f"`{method}` sets `{name}` so that the new layer computes what the "
                f"old one does, received {name}={given[name]!r}. Leave it out."
            )
    return {**carried, **given}


def around_one(
    method: str, layer: keras.layers.Layer, names: Sequence[str], given: dict[str, Any]
) -> dict[str, Any]:
    """The arguments with which an adaptive layer starts as another one.

    Args:
        method: What an error calls the conversion.
        layer: The layer that it starts as.
        names: Those of its arguments that the adaptive layer has too.
        given: What the user says of the adaptive layer.
    """
    start = {"around_one": True, "adaptation_initializer": "zeros"}
    given = merged(method, {**taken_over(layer, names), **start}, given)
    tau = validation.activation(
        "policy_activation", given.get("policy_activation", "tanh")
    )
    at_zero = float(ops.convert_to_numpy(tau(ops.zeros((1,))))[0])
    if at_zero:
        raise ValueError(
            f"`{method}` needs a `policy_activation` that is 0 at 0, so that every "
            f"diagonal starts at 1; this one gives {at_zero:.3g}. Leave it out, which "
            "takes 'tanh'."
        )
    return given


def other_activations(cell: Any) -> list[str]:
    """What keeps a cell of Keras from having tanh, and sigmoids as its gates."""
    return [
        f"{name}={keras.activations.serialize(getattr(cell, name))!r}, must be "
        f"{wanted!r}"
        for name, wanted in zip(ACTIVATIONS, ("tanh", "sigmoid"), strict=True)
        if getattr(cell, name) is not keras.activations.get(wanted)
    ]


def refuse(method: str, layer: keras.layers.Layer, reasons: Sequence[str]) -> None:
    """Refuses a conversion that would not be exact, if there are any reasons."""
    if reasons:
        raise ValueError(
            f"`{method}` is exact or nothing, and for {type(layer).__name__} "
            f"'{layer.name}' it is not: {'; '.join(reasons)}."
        )


def array(weight: keras.Variable) -> np.ndarray:
    """The numbers of a weight, of a dtype that NumPy has."""
    dtype = "float64" if weight.dtype == "float64" else "float32"
    return np.array(ops.convert_to_numpy(ops.cast(weight.value, dtype)))


def build_like(new: Any, old: Any) -> None:
    """Builds a recurrent layer for the inputs of another, with its carried states.

    A cell has none. Further states of the new layer, those of a policy, are zero.
    """
    if not isinstance(old, keras.layers.RNN):
        new.build((None, old.kernel.shape[0]))
        return
    batch = keras.tree.flatten(old.states)[0].shape[0] if old.stateful else None
    steps = 1 if new.unroll else None
    new.build((batch, steps, old.cell.kernel.shape[0]))
    if old.stateful:
        for ours, theirs in zip(
            keras.tree.flatten(new.states), keras.tree.flatten(old.states), strict=False
        ):
            ours.assign(array(theirs))
