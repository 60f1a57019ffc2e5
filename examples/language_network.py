"""The network of the language models: embedding, recurrent layers, dropouts.

One matrix embeds the words and gives the logits, so the last layer is as wide as
a word's vector. It is imported by the scripts beside it and runs nothing by
itself.
"""

from __future__ import annotations

import argparse
import bisect
import math
from collections.abc import Iterable
from typing import Any

import keras

import keras_modact

if __package__:
    from examples.language_layers import CarriedState, TiedEmbedding
    from examples.weight_drop import WeightDrop
else:
    from language_layers import CarriedState, TiedEmbedding
    from weight_drop import WeightDrop

CELLS = {
    "lstm": ("LSTM", keras.layers.LSTM),
    "modulated": ("modulated LSTM", keras_modact.ModulatedLSTM),
}
"""The layers by their name on the command line, with their name in print."""

REFERENCE = "lstm"
"""The cell whose number of parameters the others are given."""


def recurrent_layers(
    options: argparse.Namespace, cell: str, units: int
) -> list[keras.layers.Layer]:
    """The layers of a network, the last one as wide as a word's vector."""
    layers = []
    for index in range(options.layers):
        width = units if index < options.layers - 1 else options.embedding_units
        arguments: dict[str, Any] = {}
        if options.initial_weights == "published":
            draw = keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
            which = ("kernel", "recurrent", "bias")
            arguments = {f"{name}_initializer": draw.clone() for name in which}
            arguments["unit_forget_bias"] = False
        layer = CELLS[cell][1](
            width,
            return_sequences=True,
            return_state=True,
            name=f"layer_{index + 1}",
            **arguments,
        )
        layers.append(layer)
    return layers


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


def units_of(options: argparse.Namespace, cell: str) -> int:
    """A cell's width: that of the options, or one that gives as many parameters."""
    if options.equal == "width" or cell == REFERENCE:
        return options.units

    def excess(units: int) -> int:
        return count_parameters(options, cell, units) - target

    target = count_parameters(options, REFERENCE, options.units)
    widths = range(1, 2 * options.units)
    enough = bisect.bisect_left(widths, 0, key=excess)
    near = widths[max(0, enough - 1) : enough + 1]
    return min(near, key=lambda units: abs(excess(units)))


def build_model(
    options: argparse.Namespace, vocabulary: int, cell: str, units: int
) -> keras.Model:
    """The network: from tokens `(batch, time)` to logits of the tokens that follow."""
    embedding = TiedEmbedding(
        vocabulary,
        options.embedding_units,
        options.embedding_range,
        options.word_dropout,
        name="embedding",
    )
    tokens = keras.Input(batch_shape=(options.batch_size, None), dtype="int32")
    outputs = embedding(tokens)
    # SpatialDropout1D draws one mask for all steps of a window.
    outputs = keras.layers.SpatialDropout1D(options.embedding_dropout)(outputs)
    for index, layer in enumerate(recurrent_layers(options, cell, units)):
        last = index == options.layers - 1
        rate = options.output_dropout if last else options.hidden_dropout
        dropped = WeightDrop(layer, options.weight_drop)
        outputs = CarriedState(dropped, name=f"carried_{index + 1}")(outputs)
        outputs = keras.layers.SpatialDropout1D(rate)(outputs)
    return keras.Model(tokens, embedding(outputs, reverse=True))
