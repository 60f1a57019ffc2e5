"""How many parameters the modulator paper's networks have (its tables 1, 3 and 6).

Nothing is trained, and no data are read: networks are built and their numbers
counted. Table 1 counts those of convolutional networks without batch normalization,
tables 3 and 6 the recurrent weights of a cell, gates times the square of its units:

    KERAS_BACKEND=jax python -m examples.modulation.parameter_counts
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

import keras_modact
from examples.modulation import names, sst2
from examples.modulation.modulated_cnn import MODELS as NETWORKS
from examples.modulation.modulated_cnn import counted_parameters
from examples.modulation.text_classification import MODELS, recurrent_layer
from examples.shared import tables
from examples.shared.command_line import option_parser


class Counted(NamedTuple):
    """A network of the paper: how it is counted, and what the paper prints."""

    number: Callable[[], int]
    paper: str
    unit: str
    """In what the paper counts, "millions" or "thousands"."""


def recurrent_weights(layer: keras.layers.RNN) -> int:
    """The recurrent weights of a layer."""
    layer.build((None, None, 1))
    rows, columns = layer.cell.recurrent_kernel.shape
    return int(rows * columns)


def of_network(name: str) -> Callable[[], int]:
    """What counts one of the six convolutional networks."""
    return lambda: counted_parameters(NETWORKS[name]())


def of_cell(preset: dict[str, Any], model: str) -> Callable[[], int]:
    """What counts the cell of one of the four models on texts."""
    units, wide = preset["units"], preset["wide_units"]
    return lambda: recurrent_weights(recurrent_layer(model, units, wide, "sigmoid"))


PAPER_1 = dict(
    zip(NETWORKS, ("1.25", "1.25", "1.00", "1.07", "0.71", "0.77"), strict=True)
)
# Modulated, then controls 1 to 3.
PAPER_3 = {
    "names": (names.PRESETS["paper"], ("5.1", "6.4", "4.1", "5.1")),
    "sst2": (sst2.PRESETS["paper"], ("72", "90", "57.6", "72")),
}

COUNTS = {
    **{name: Counted(of_network(name), PAPER_1[name], "millions") for name in NETWORKS},
    **{
        f"{task}-{model}": Counted(of_cell(preset, model), paper, "thousands")
        for task, (preset, figures) in PAPER_3.items()
        for model, paper in zip(MODELS, figures, strict=True)
    },
    "awd-lstm": Counted(
        lambda: recurrent_weights(keras.layers.LSTM(1150)), "5.29", "millions"
    ),
    "awd-lstm-modulated": Counted(
        lambda: recurrent_weights(keras_modact.ModulatedLSTM(1150)), "6.61", "millions"
    ),
}
"""Every network by its name on the command line."""


class Run(NamedTuple):
    """A network, and the number of its parameters."""

    network: str
    parameters: int

    def record(self) -> dict[str, Any]:
        """The number as it is, and as the paper has it."""
        millions = {
            "thousands": self.parameters / 1e3,
            "millions": self.parameters / 1e6,
        }
        return {**self._asdict(), **millions}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; those of a training have no effect."""
    parser = option_parser(__doc__, "parameter_counts", ("paper",))
    parser.set_defaults(preset="paper", seeds=[0])
    parser.add_argument(
        "--networks",
        nargs="+",
        choices=COUNTS,
        default=list(COUNTS),
        metavar="NETWORK",
        help=", ".join(COUNTS),
    )
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> list[Run]:
    """Builds the networks and counts."""
    return [Run(name, COUNTS[name].number()) for name in options.networks]


def main(argv: Sequence[str] | None = None) -> list[Run]:
    """Prints the numbers beside the paper's."""
    runs = run(parse(argv))
    rows = [["network", "parameters", "paper"]]
    for one in runs:
        found = COUNTS[one.network]
        rows.append([one.network, f"{one.parameters:,}", f"{found.paper} {found.unit}"])
    print(tables.markdown_table(rows))
    return runs


if __name__ == "__main__":
    main()
