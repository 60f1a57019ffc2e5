"""The rows of the comparison cells in the table of layers."""

from __future__ import annotations

from typing import Any

import keras_modact
from tests.row import CELL_ARGUMENTS, LAYER_ARGUMENTS, Row

ROTATED: dict[str, Any] = {"units": 8, "rotation_initializer": "zeros"}
LEGENDRE: dict[str, Any] = {
    "order": 6,
    "theta": 12.5,
    "memory_kernel_initializer": "ones",
    "input_encoder_initializer": "ones",
    "hidden_encoder_initializer": "zeros",
    "memory_encoder_initializer": "random_normal",
}

ROWS = [
    Row(
        name="GORU",
        cls=keras_modact.GORU,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 2 + 3 * 4,
        every_argument={**LAYER_ARGUMENTS, **ROTATED},
    ),
    Row(
        name="GORU_last_output",
        cls=keras_modact.GORU,
        arguments={"units": 8, "use_bias": False, "go_backwards": True},
        input_shape=(6, 3),
        output_shape=(8,),
        count=3 * 3 * 8 + 2 * 8 * 8 + 3 * 4,
    ),
    Row(
        name="GORUCell",
        cls=keras_modact.GORUCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 2 + 3 * 4,
        every_argument={**CELL_ARGUMENTS, **ROTATED},
    ),
    Row(
        name="LMU",
        cls=keras_modact.LMU,
        arguments={"units": 4, "order": 3, "theta": 6, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=(3 + 4 + 3) + 4 * (3 + 4 + 3),
        fixed=3 * 3 + 3,
        every_argument={**LAYER_ARGUMENTS, **LEGENDRE},
    ),
    Row(
        name="LMU_last_output",
        cls=keras_modact.LMU,
        arguments={"units": 4, "order": 1, "theta": 2.5, "use_bias": True},
        input_shape=(6, 3),
        output_shape=(4,),
        count=(3 + 4 + 1) + 4 * (3 + 4 + 1) + 4,
        fixed=1 + 1,
    ),
    Row(
        name="LMUCell",
        cls=keras_modact.LMUCell,
        arguments={"units": 4, "order": 3, "theta": 6},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=(3 + 4 + 3) + 4 * (3 + 4 + 3),
        fixed=3 * 3 + 3,
        every_argument={**CELL_ARGUMENTS, **LEGENDRE},
    ),
]
