"""Networks with the adaptive activation, and those that they are compared with.

For `gain_and_saturation.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import keras_modact
from examples.activation.tasks import MARKER, PIXELS, SYMBOLS

GAMMA_RNNS = ("static", "homogeneous", "heterogeneous")
NETWORKS = (*GAMMA_RNNS, "arun")


def plain(activation: str) -> Callable[..., keras.layers.RNN]:
    """What makes a network that differs from `GammaRNN` by its activation alone."""

    def make(**arguments: Any) -> keras.layers.RNN:
        initial = keras_modact.Henaff()
        return keras.layers.SimpleRNN(
            activation=activation, recurrent_initializer=initial, **arguments
        )

    return make


BASELINES: Mapping[str, Callable[..., keras.layers.RNN]] = {
    "tanh": plain("tanh"),
    "relu": plain("relu"),
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
}
"""Networks without gamma. Recurrent kernels of LSTM and GRU start as Keras' do."""


class Adaptation(NamedTuple):
    """Gains and saturations of a network.

    Scalars, one a unit, or for ARUN, which sets them anew at every step, arrays
    `(steps, samples, units)`.
    """

    gain: np.ndarray
    saturation: np.ndarray


def build_model(
    options: argparse.Namespace,
    network: str,
    gain: float | None = None,
    saturation: float | None = None,
) -> keras.Model:
    """The network of a task, with logits at the last step, or for copy at each.

    Args:
        options: The script's.
        network: One of `NETWORKS` or `BASELINES`.
        gain: Where n starts; without a gamma of its own neither is given.
        saturation: Where s starts.
    """
    copy = options.task == "copy"
    arguments = {
        "units": options.units,
        "kernel_initializer": "glorot_normal" if copy else "he_normal",
        "return_sequences": copy,
        "name": "recurrent",
    }
    layer: keras.layers.RNN
    if network in BASELINES:
        layer = BASELINES[network](**arguments)
    elif network == "arun":
        layer = keras_modact.ARUN(
            supervisor_units=options.supervisor_units, **arguments
        )
    else:
        layer = keras_modact.GammaRNN(
            mode=network,
            gain_initializer=gain,
            saturation_initializer=saturation,
            **arguments,
        )
    if copy:
        inputs = keras.Input((options.time_steps + 2 * SYMBOLS,), dtype="int32")
        sequences = (
            ops.one_hot(inputs, MARKER + 1)
            if options.one_hot
            else ops.expand_dims(ops.cast(inputs, "float32"), -1)
        )
    else:
        pixels = options.pixels_per_step
        inputs = sequences = keras.Input((PIXELS // pixels, pixels))
    # The marker is never asked for.
    head = keras.layers.Dense(MARKER if copy else 10)
    return keras.Model(inputs, head(layer(sequences)))


def adaptation_of(model: keras.Model, samples: np.ndarray) -> Adaptation | None:
    """The gains and saturations of a model, for ARUN while it reads the samples.

    Of a network without gamma there are none.
    """
    layer = model.get_layer("recurrent")
    if isinstance(layer, keras_modact.ARUN):
        read = keras.Model(model.input, layer.input)
        return trace_adaptation(layer, read(samples))
    if not isinstance(layer, keras_modact.GammaRNN):
        return None
    weights = (layer.cell.gain, layer.cell.saturation)
    return Adaptation(*(ops.convert_to_numpy(weight) for weight in weights))


def trace_adaptation(layer: keras_modact.ARUN, sequences: Any) -> Adaptation:
    """What an ARUN sets its gains and saturations to, step by step."""
    cell = layer.cell
    samples, steps = sequences.shape[:2]
    states = [
        ops.zeros((samples, cell.units)),
        ops.zeros((samples, cell.units, cell.supervisor_units)),
    ]
    traced = []
    for step in range(steps):
        _, states = cell(sequences[:, step], states)
        traced.append([ops.convert_to_numpy(n) for n in cell.adaptation(states[1])])
    gains, saturations = zip(*traced, strict=True)
    return Adaptation(np.stack(gains), np.stack(saturations))
