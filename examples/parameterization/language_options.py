"""The options of the language models.

The scripts that use them state the presets.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from examples.parameterization.language_network import CELLS
from examples.parameterization.language_optimizers import OPTIMIZERS
from examples.shared import command_line, corpus, texts
from examples.shared.command_line import positive


def option_parser(
    description: str | None, output: str, presets: Iterable[str]
) -> argparse.ArgumentParser:
    """The options of every language model; their defaults come from the preset."""
    parser = command_line.option_parser(description, output, presets)
    add = parser.add_argument
    texts.add_data_dir(parser)
    add("--corpus", choices=corpus.CORPORA)
    add("--level", choices=("words", "characters"), help="of tokens")
    add(
        "--vocabulary",
        type=positive,
        help="largest number of words, the rest being <unk>",
    )
    add("--cells", nargs="+", choices=CELLS, help="which recurrent layers")
    add("--equal", choices=("parameters", "width"), help="what the cells share")
    add(
        "--embedding-units",
        type=positive,
        help="size of a word's vector and of the last layer",
    )
    add("--units", type=positive, help="units of the LSTM's other layers")
    add(
        "--layers",
        type=positive,
        help="number of recurrent layers, at least 2",
    )
    add(
        "--policy-units",
        type=positive,
        help="the policies' z, if adaptive",
    )
    add(
        "--around-one",
        action=argparse.BooleanOptionalAction,
        help="adaptive cells that start as an LSTM, not almost closed",
    )
    add("--initial-weights", choices=("keras", "published"), help="of LSTM cells")
    add("--embedding-range", type=float, help="word vectors start within it around 0")
    add("--word-dropout", type=float, help="share of the words dropped in a window")
    add("--embedding-dropout", type=float, help="on the word vectors' features")
    add(
        "--hidden-dropout",
        type=float,
        help="between the layers, and on what adaptive cells read of their own h",
    )
    add("--policy-dropout", type=float, help="on the policies' z")
    add("--output-dropout", type=float, help="on the last layer")
    add("--weight-drop", type=float, help="on recurrent matrices, if not adaptive")
    add("--optimizer", choices=OPTIMIZERS)
    add("--learning-rate", type=float, help="of a full window")
    add("--decay-epochs", nargs="*", type=int, help="the rate falls by 10 after these")
    add("--beta-1", type=float, help="Adam's memory of gradients")
    add("--epsilon", type=float, help="what Adam adds to the gradients' size")
    add("--weight-decay", type=float, help="factor of the weights in the gradient")
    add("--clip-norm", type=float, help="largest norm of the gradient; 0: none")
    add(
        "--window",
        type=positive,
        help="steps the gradient goes back, mostly",
    )
    add(
        "--random-windows",
        action=argparse.BooleanOptionalAction,
        help="windows whose lengths differ",
    )
    add(
        "--window-multiple",
        type=positive,
        help="what random lengths are rounded to: each is compiled anew on JAX and "
        "TensorFlow",
    )
    add("--activation-penalty", type=float, help="AWD-LSTM's alpha, of outputs squared")
    add("--change-penalty", type=float, help="AWD-LSTM's beta, of their changes")
    add(
        "--average-patience",
        type=positive,
        help="average the weights once the validation loss has not fallen for so many "
        "epochs, as AWD-LSTM; left out, never",
    )
    add("--validation-batch-size", type=positive, help="streams of the validation set")
    add("--test-batch-size", type=positive, help="streams of the test set")
    add("--gain", type=float, help="where n of gamma starts, not 0")
    add("--saturation", type=float, help="where s of gamma starts")
    add("--resume", action="store_true", help="go on from the checkpoints in --output")
    return parser


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuses, before anything is read, options that cannot be."""
    if options.layers < 2:
        parser.error("--layers must be at least 2: the last is as wide as a word")
    for name, value in vars(options).items():
        is_rate = name == "weight_drop" or name.endswith("_dropout")
        if is_rate and not 0 <= value < 1:
            parser.error(f"--{name.replace('_', '-')} must be in [0, 1): {value}")
