"""The rows of BRC and nBRC in the table of layers."""

from __future__ import annotations

import keras_modact
from tests.row import CELL_ARGUMENTS, LAYER_ARGUMENTS, Row

BISTABLE = {"use_candidate_bias": True}

ROWS = [
    Row(
        name="BRC",
        cls=keras_modact.BRC,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 4 * 4,
        every_argument={**LAYER_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="BRC_last_output",
        cls=keras_modact.BRC,
        arguments={"units": 4, "use_candidate_bias": True, "go_backwards": True},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 3 * 4 + 5 * 4,
    ),
    Row(
        name="NBRC",
        cls=keras_modact.NBRC,
        arguments={"units": 4, "return_sequences": True},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 4,
        every_argument={**LAYER_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="NBRC_last_output",
        cls=keras_modact.NBRC,
        arguments={"units": 4, "use_bias": False},
        input_shape=(6, 3),
        output_shape=(4,),
        count=3 * 3 * 4 + 2 * 4 * 4,
    ),
    Row(
        name="BRCCell",
        cls=keras_modact.BRCCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 4 * 4,
        every_argument={**CELL_ARGUMENTS, **BISTABLE},
    ),
    Row(
        name="NBRCCell",
        cls=keras_modact.NBRCCell,
        arguments={"units": 4},
        input_shape=(6, 3),
        output_shape=(6, 4),
        count=3 * 3 * 4 + 2 * 4 * 4 + 2 * 4,
        every_argument={**CELL_ARGUMENTS, **BISTABLE},
    ),
]
