"""The rows of the adaptive activation in the table of layers."""

from __future__ import annotations

from typing import Any

import keras_modact
from tests.row import CELL_ARGUMENTS, LAYER_ARGUMENTS, Row

ADAPTIVE: dict[str, Any] = {
    "mode": "heterogeneous",
    "gain_initializer": "ones",
    "saturation_initializer": 0.25,
    "gain_regularizer": "l2",
    "saturation_regularizer": "l1",
    "gain_constraint": "non_neg",
    "saturation_constraint": "max_norm",
}
SUPERVISED: dict[str, Any] = {
    "supervisor_units": 3,
    "supervisor_kernel_initializer": "ones",
    "supervisor_recurrent_initializer": "orthogonal",
    "supervisor_bias_initializer": "ones",
    "gain_kernel_initializer": "zeros",
    "gain_bias_initializer": "ones",
    "saturation_kernel_initializer": "zeros",
    "saturation_bias_initializer": "ones",
}

ROWS = [
    Row(
        name="GammaRNN",
        cls=keras_modact.GammaRNN,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 * 4 + 4 + 2,
        every_argument={**LAYER_ARGUMENTS, **ADAPTIVE},
    ),
    Row(
        name="GammaRNN_heterogeneous",
        cls=keras_modact.GammaRNN,
        arguments={"units": 4, "mode": "heterogeneous", "saturation_initializer": 0.5},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 4 + 4 * 4 + 4 + 2 * 4,
    ),
    Row(
        name="GammaRNN_static",
        cls=keras_modact.GammaRNN,
        arguments={"units": 4, "mode": "static", "use_bias": False},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 4 + 4 * 4,
        fixed=2,
    ),
    Row(
        name="ARUN",
        cls=keras_modact.ARUN,
        arguments={"units": 4, "supervisor_units": 2, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 * 4 + 4 + (2 + 2 * 2 + 2) + 2 * (2 + 1),
        every_argument={**LAYER_ARGUMENTS, **SUPERVISED},
    ),
    Row(
        name="ARUN_last_output",
        cls=keras_modact.ARUN,
        arguments={"units": 4, "supervisor_units": 2, "use_bias": False},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 4 + 4 * 4 + (2 + 2 * 2) + 2 * (2 + 1),
    ),
    Row(
        name="GammaRNNCell",
        cls=keras_modact.GammaRNNCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 * 4 + 4 + 2,
        every_argument={**CELL_ARGUMENTS, **ADAPTIVE},
    ),
    Row(
        name="ARUNCell",
        cls=keras_modact.ARUNCell,
        arguments={"units": 4, "supervisor_units": 2},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 4 + 4 * 4 + 4 + (2 + 2 * 2 + 2) + 2 * (2 + 1),
        every_argument={**CELL_ARGUMENTS, **SUPERVISED},
    ),
    Row(
        name="Gamma",
        cls=keras_modact.Gamma,
        arguments={"mode": "heterogeneous", "shared_axes": [1]},
        input_shape=(6, 3),
        output_shape=(6, 3),
        count=2 * 3,
        every_argument={
            **ADAPTIVE,
            "activity_regularizer": "l2",
            "shared_axes": [1, 2],
        },
    ),
    Row(
        name="Gamma_homogeneous",
        cls=keras_modact.Gamma,
        arguments={"gain_initializer": -2.5, "saturation_initializer": 0.25},
        input_shape=(6, 3),
        output_shape=(6, 3),
        count=2,
        needs_features=False,
    ),
]
