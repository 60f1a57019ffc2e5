"""The rows of the modulators in the table of layers."""

from __future__ import annotations

from functools import partial
from typing import Any

from keras import layers

import keras_modact
from tests.row import CELL_ARGUMENTS, LAYER_ARGUMENTS, Row

GATED: dict[str, Any] = {
    "modulator_activation": "tanhshrink",
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "modulates": "output",
    "unit_forget_bias": False,
    "modulator": partial(layers.Dense, 5),
    "context_features": 2,
}

ROWS = [
    Row(
        name="Modulated",
        cls=keras_modact.Modulated,
        arguments={"layer": partial(layers.Dense, 4, activation="tanh")},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 + 3 + 1,
        every_argument={
            "layer": partial(layers.Conv2D, 4, 3, activation="relu"),
            "modulator": "channelwise",
            "modulator_activation": "tanhshrink",
            "activation": "elu",
            "modulator_use_bias": False,
            "modulator_kernel_initializer": "he_normal",
            "modulator_bias_initializer": "ones",
            "modulator_kernel_regularizer": "l2",
            "modulator_bias_regularizer": "l1",
            "modulator_kernel_constraint": "max_norm",
            "modulator_bias_constraint": "non_neg",
            "modulator_trainable": False,
            "activity_regularizer": "l2",
        },
    ),
    Row(
        name="Modulated_convolution",
        cls=keras_modact.Modulated,
        arguments={
            "layer": partial(
                layers.Conv2D, 4, 3, strides=2, padding="same", activation="relu"
            ),
            "modulator_activation": "tanhshrink",
        },
        input_shape=(7, 6, 2),
        output_shape=(4, 3, 4),
        count=9 * 2 * 4 + 4 + 9 * 2 + 1,
    ),
    Row(
        name="Modulated_channelwise",
        cls=keras_modact.Modulated,
        arguments={
            "layer": partial(layers.DepthwiseConv1D, 3, depth_multiplier=2),
            "modulator": "channelwise",
            "modulator_use_bias": False,
        },
        input_shape=(6, 3),
        output_shape=(4, 6),
        count=3 * 3 * 2 + 3 * 2 + 3 * 3 * 2,
    ),
    Row(
        name="Modulated_by_a_layer",
        cls=keras_modact.Modulated,
        arguments={
            "layer": partial(layers.Dense, 4, activation="tanh"),
            "modulator": partial(layers.Dense, 1, use_bias=False),
        },
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 + 3,
    ),
    Row(
        name="ModulatedLSTM",
        cls=keras_modact.ModulatedLSTM,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=5 * (3 * 4 + 4 * 4 + 4),
        every_argument={**LAYER_ARGUMENTS, **GATED},
    ),
    Row(
        name="ModulatedLSTM_output",
        cls=keras_modact.ModulatedLSTM,
        arguments={"units": 4, "use_bias": False, "modulates": "output"},
        input_shape=(6, 3),
        output_shape=(4,),
        count=5 * (3 * 4 + 4 * 4),
    ),
    Row(
        name="ModulatedLSTM_by_a_layer",
        cls=keras_modact.ModulatedLSTM,
        arguments={
            "units": 4,
            "modulator": partial(layers.Dense, 4),
            "return_sequences": True,
        },
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=4 * (3 * 4 + 4 * 4 + 4) + 7 * 4 + 4,
    ),
    Row(
        name="ModulatedLSTM_by_a_context",
        cls=keras_modact.ModulatedLSTM,
        arguments={
            "units": 4,
            "modulator": partial(layers.Dense, 1),
            "context_features": 1,
        },
        input_shape=(6, 3),
        output_shape=(4,),
        count=4 * (2 * 4 + 4 * 4 + 4) + 1 + 1,
    ),
    Row(
        name="ModulatedLSTMCell",
        cls=keras_modact.ModulatedLSTMCell,
        arguments={"units": 4, "modulator_activation": "tanhshrink"},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=5 * (3 * 4 + 4 * 4 + 4),
        every_argument={**CELL_ARGUMENTS, **GATED},
    ),
]
