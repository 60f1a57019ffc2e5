"""The rows of the adaptive layers in the table of layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
from keras import layers

import keras_modact
from tests.row import CELL_ARGUMENTS, LAYER_ARGUMENTS, Row

FEED_FORWARD: dict[str, Any] = {
    "activation": "relu",
    "use_bias": False,
    "adapt_bias": False,
    "policy": "glu",
    "policy_units": 6,
    "policy_activation": "sigmoid",
    "around_one": True,
    "policy_dropout": 0.25,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "policy_kernel_initializer": "he_uniform",
    "policy_bias_initializer": "ones",
    "adaptation_initializer": "random_normal",
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "policy_kernel_regularizer": "l2",
    "policy_bias_regularizer": "l1",
    "adaptation_regularizer": "l2",
    "activity_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
    "seed": 7,
}
ADAPTIVE: dict[str, Any] = {
    "policy_units": 6,
    "adaptation": "output",
    "adapt_bias": False,
    "policy_activation": "sigmoid",
    "around_one": True,
    "slicing": "published",
    "unit_forget_bias": False,
    "policy_kernel_initializer": "he_uniform",
    "policy_recurrent_initializer": "orthogonal",
    "policy_bias_initializer": "ones",
    "adaptation_initializer": "random_normal",
    "policy_kernel_regularizer": "l2",
    "policy_recurrent_regularizer": "l1",
    "policy_bias_regularizer": "l1",
    "adaptation_regularizer": "l2",
    "policy_dropout": 0.25,
}
# As published a cell starts almost closed: nothing would be seen of it.
OPEN: dict[str, Any] = {
    "around_one": True,
    "adaptation_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=0),
}

# Of 3 features, 4 units and a policy of 3.
OF_LSTM = 4 * 4 * (3 + 4 + 1)
OF_POLICY = 4 * 3 * (3 + 4 + 3 + 1)
OF_STACK = (
    4 * 5 * (3 + 5 + 1) + 4 * 3 * (3 + 5 + 3 + 3 + 1) + 3 * (3 + 13 * 5),
    4 * 4 * (5 + 4 + 1) + 4 * 3 * (5 + 4 + 3 + 3 + 1) + 3 * (5 + 13 * 4),
)

ROWS = [
    Row(
        name="AdaptiveDense",
        cls=keras_modact.AdaptiveDense,
        arguments={"units": 4, "policy_units": 3},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 + 3 * 3 + 3 + 3 * (3 + 4 + 4),
        every_argument={
            "units": 5,
            "adaptation": (True, False, True, True),
            "rank": (2, 3),
            **FEED_FORWARD,
        },
    ),
    Row(
        name="AdaptiveDense_singular_values",
        cls=keras_modact.AdaptiveDense,
        arguments={
            "units": 4,
            "adaptation": "sva",
            "rank": 2,
            "activation": "tanh",
            "policy": "glu",
            "policy_units": 3,
        },
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 2 + 2 * 4 + 4 + 3 * 6 + 6 + 3 * (2 + 4),
    ),
    Row(
        name="AdaptiveDense_by_a_layer",
        cls=keras_modact.AdaptiveDense,
        arguments={
            "units": 4,
            "adaptation": "input",
            "use_bias": False,
            "policy": partial(layers.Dense, 5, activation="softplus"),
        },
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 3 * 5 + 5 + 5 * 3,
    ),
    Row(
        name="AdaptiveConv2D",
        cls=keras_modact.AdaptiveConv2D,
        arguments={"filters": 4, "kernel_size": 3, "policy_units": 3},
        input_shape=(6, 5, 2),
        output_shape=(4, 3, 4),
        count=9 * 2 * 4 + 4 + 2 * 3 + 3 + 3 * (2 + 4 + 4),
        every_argument={
            "filters": 6,
            "kernel_size": (2, 3),
            "adaptation": "output",
            "strides": (2, 1),
            "padding": "same",
            "data_format": "channels_first",
            "dilation_rate": (1, 1),
            "groups": 2,
            **FEED_FORWARD,
        },
    ),
    Row(
        name="AdaptiveConv_channels_first",
        cls=keras_modact.AdaptiveConv2D,
        arguments={
            "filters": 4,
            "kernel_size": 2,
            "strides": 2,
            "padding": "same",
            "data_format": "channels_first",
            "activation": "elu",
            "policy_units": 3,
        },
        input_shape=(2, 6, 5),
        output_shape=(4, 3, 3),
        count=4 * 2 * 4 + 4 + 2 * 3 + 3 + 3 * (2 + 4 + 4),
        channels_first=True,
    ),
    Row(
        name="AdaptiveLSTM",
        cls=keras_modact.AdaptiveLSTM,
        arguments={"units": 4, "policy_units": 3, "return_sequences": True, **OPEN},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=OF_LSTM + OF_POLICY + 3 * (3 + 13 * 4),
        every_argument={
            **LAYER_ARGUMENTS, **ADAPTIVE, "policy": "static"
        },
    ),
    Row(
        name="AdaptiveLSTM_static",
        cls=keras_modact.AdaptiveLSTM,
        arguments={
            "units": 4,
            "policy_units": 3,
            "policy": "static",
            "adaptation": "output",
            "use_bias": False,
            **OPEN,
        },
        input_shape=(6, 3),
        output_shape=(4,),
        count=4 * 4 * (3 + 4) + (3 + 4 + 1) * 3 + 3 * 8 * 4,
    ),
    Row(
        name="AdaptiveLSTMCell",
        cls=keras_modact.AdaptiveLSTMCell,
        arguments={"units": 4, "policy_units": 3, "adapt_bias": False, **OPEN},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=OF_LSTM + OF_POLICY + 3 * (3 + 9 * 4),
        every_argument={**CELL_ARGUMENTS, **ADAPTIVE, "policy": "static"},
    ),
    Row(
        name="StackedAdaptiveLSTM",
        cls=keras_modact.StackedAdaptiveLSTM,
        arguments={
            "units": (5, 4),
            "policy_units": 3,
            "return_sequences": True,
            **OPEN,
        },
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=sum(OF_STACK),
        every_argument={
            **LAYER_ARGUMENTS, **ADAPTIVE, "units": (2, 3, 2)
        },
    ),
    Row(
        name="StackedAdaptiveLSTMCell",
        cls=keras_modact.StackedAdaptiveLSTMCell,
        arguments={"units": (5, 4), "policy_units": 3, **OPEN},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=sum(OF_STACK),
        every_argument={**CELL_ARGUMENTS, **ADAPTIVE, "units": (2, 3, 2)},
    ),
]  # fmt: skip
