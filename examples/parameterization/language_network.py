"""The network of the language models: embedding, recurrent layers, dropouts.

One matrix embeds the words and gives the logits, so the last layer is as wide as
a word's vector. A cell with one recurrent matrix is regularized by weight drop,
as AWD-LSTM, an adaptive one by dropout on h and on the policy's z, with one mask
for a window, as published.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_modact
from examples.parameterization.language_layers import (
    ActivationPenalty,
    CarriedState,
    TiedEmbedding,
)
from examples.parameterization.weight_drop import WeightDrop


class Cell(NamedTuple):
    """A recurrent layer as its users know it, and how a network uses it."""

    title: str
    layer: type[keras.layers.RNN]
    arguments: Callable[[argparse.Namespace, int], dict[str, Any]]
    """From the options and a layer's units."""
    drops_weights: bool = True
    is_stack: bool = False
    """Whether one layer is all of the network's, and takes a list of units."""


def gated_arguments(options: argparse.Namespace, units: int) -> dict[str, Any]:
    """Arguments of an LSTM, plain or modulated."""
    if options.initial_weights == "keras":
        return {}
    draw = keras.initializers.RandomUniform(-(units**-0.5), units**-0.5)
    which = ("kernel", "recurrent", "bias")
    drawn = {f"{name}_initializer": draw.clone() for name in which}
    return {**drawn, "unit_forget_bias": False}


def adaptive_arguments(options: argparse.Namespace, _: Any) -> dict[str, Any]:
    """Arguments of an adaptive LSTM, whose own initial weights are the published."""
    return {
        "policy_units": options.policy_units,
        "around_one": options.around_one,
        "recurrent_dropout": options.hidden_dropout,
        "policy_dropout": options.policy_dropout,
    }


def gamma_arguments(options: argparse.Namespace, _: Any) -> dict[str, Any]:
    """Arguments of a recurrent layer with gamma, a gain and a saturation a unit."""
    return {
        "mode": "heterogeneous",
        "gain_initializer": options.gain,
        "saturation_initializer": options.saturation,
    }


def plain_arguments(activation: str) -> Callable[..., dict[str, Any]]:
    """Arguments of a layer that differs from that with gamma by its activation."""
    return lambda options, units: {
        "activation": activation,
        "recurrent_initializer": keras_modact.Henaff(),
    }


def static_arguments(options: argparse.Namespace, units: int) -> dict[str, Any]:
    """Arguments of an adaptive LSTM whose policy has no memory."""
    return {**adaptive_arguments(options, units), "policy": "static"}


CELLS = {
    "lstm": Cell("LSTM", keras.layers.LSTM, gated_arguments),
    "modulated": Cell("modulated LSTM", keras_modact.ModulatedLSTM, gated_arguments),
    "adaptive": Cell(
        "adaptive LSTM",
        keras_modact.StackedAdaptiveLSTM,
        adaptive_arguments,
        drops_weights=False,
        is_stack=True,
    ),
    "adaptive-static": Cell(
        "adaptive LSTM, static policy",
        keras_modact.AdaptiveLSTM,
        static_arguments,
        drops_weights=False,
    ),
    "gru": Cell("GRU", keras.layers.GRU, lambda options, units: {}),
    "gamma": Cell("RNN with gamma", keras_modact.GammaRNN, gamma_arguments),
    "tanh": Cell("RNN with tanh", keras.layers.SimpleRNN, plain_arguments("tanh")),
    "relu": Cell("RNN with ReLU", keras.layers.SimpleRNN, plain_arguments("relu")),
}
"""The layers by their name on the command line."""

REFERENCE = "lstm"
"""The cell whose number of parameters the others are given."""

TOLERANCE = 0.02
"""How far numbers of parameters that are called equal may lie apart."""


def recurrent_layers(
    options: argparse.Namespace, cell: str, units: int
) -> list[keras.layers.RNN]:
    """The layers of a network, the last one as wide as a word's vector."""
    kind = CELLS[cell]
    widths = [units] * (options.layers - 1) + [options.embedding_units]
    return [
        kind.layer(
            width,
            return_sequences=True,
            return_state=True,
            name=f"layer_{index + 1}",
            **kind.arguments(options, width),
        )
        for index, width in enumerate([widths] if kind.is_stack else widths)
    ]


def count_parameters(options: argparse.Namespace, cell: str, units: int) -> int:
    """How many numbers the recurrent layers of a network hold."""
    features, total = options.embedding_units, 0
    for layer in recurrent_layers(options, cell, units):
        layer.build((None, None, features))
        features = layer.cell.units
        total += count(layer.weights)
    return total


def carried_layers(model: keras.Model) -> list[CarriedState]:
    """The recurrent layers of a network, with what is around them."""
    return [layer for layer in model.layers if isinstance(layer, CarriedState)]


def count(weights: Iterable[keras.Variable]) -> int:
    """How many numbers the weights hold."""
    return sum(math.prod(weight.shape) for weight in weights)


def recurrent_weights(model: keras.Model) -> int:
    """How many weights lie between the states h of successive steps."""
    weights = (w for carried in carried_layers(model) for w in carried.weights)
    return count(w for w in weights if w.name == "recurrent_kernel")


def units_of(options: argparse.Namespace, cell: str) -> int:
    """A cell's width: that of the options, or one that gives as many parameters.

    An exit says so if no width does, within `TOLERANCE`.
    """
    if options.equal == "width" or cell == REFERENCE:
        return options.units

    target = count_parameters(options, REFERENCE, options.units)
    # A polynomial of degree two in the width, which small layers tell at once.
    narrow = range(1, 4)
    counts = [count_parameters(options, cell, units) for units in narrow]
    polynomial = np.polynomial.Polynomial.fit(narrow, counts, 2)
    widths = range(1, 2 * options.units)
    units = min(widths, key=lambda u: abs(polynomial(u) - target))
    found = round(polynomial(units))
    if abs(found - target) > TOLERANCE * target:
        raise SystemExit(
            f"--equal parameters cannot be reached: the {CELLS[REFERENCE].title} has "
            f"{target:,} recurrent parameters, and of all widths the "
            f"{CELLS[cell].title} comes nearest with {units}, {found:,}. Give more "
            "--units, fewer --policy-units or smaller --embedding-units, or compare "
            "at --equal width."
        )
    return units


def is_penalized(options: argparse.Namespace) -> bool:
    """Whether the loss has more in it than nats a token."""
    return options.activation_penalty > 0 or options.change_penalty > 0


def build_model(
    options: argparse.Namespace,
    vocabulary: int,
    cell: str,
    units: int,
    batch_size: int | None = None,
) -> keras.Model:
    """The network: from tokens `(batch, time)` to logits of the tokens that follow.

    The batch is that of training unless another one is given, to evaluate with.
    """
    embedding = TiedEmbedding(
        vocabulary,
        options.embedding_units,
        options.embedding_range,
        options.word_dropout,
        name="embedding",
    )
    tokens = keras.Input(
        batch_shape=(batch_size or options.batch_size, None), dtype="int32"
    )
    outputs = embedding(tokens)
    # SpatialDropout1D draws one mask for all steps of a window.
    outputs = keras.layers.SpatialDropout1D(options.embedding_dropout)(outputs)
    layers = recurrent_layers(options, cell, units)
    for index, layer in enumerate(layers):
        last = index == len(layers) - 1
        rate = options.output_dropout if last else options.hidden_dropout
        dropped = CELLS[cell].drops_weights
        run = WeightDrop(layer, options.weight_drop) if dropped else layer
        whole = CarriedState(run, name=f"carried_{index + 1}")(outputs)
        outputs = keras.layers.SpatialDropout1D(rate)(whole)
    if is_penalized(options):
        penalty = ActivationPenalty(options.activation_penalty, options.change_penalty)
        outputs = penalty([whole, outputs])
    return keras.Model(tokens, embedding(outputs, reverse=True))
