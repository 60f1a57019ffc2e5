"""The options that every example has; a preset says where they start from."""

from __future__ import annotations

import argparse
import pathlib
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def option_parser(
    description: str | None, output: str, presets: Iterable[str] = ("quick", "paper")
) -> argparse.ArgumentParser:
    """The options of every example; their defaults come from the preset."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--preset", choices=presets, default="quick", help="where options start from")
    add("--batch-size", type=positive, help="samples in a step")
    add("--epochs", type=positive, help="how often the training set is read")
    add("--samples", type=positive, help="number of training samples")
    add("--test-samples", type=positive, help="number of test samples")
    add("--seeds", nargs="+", type=int, help="one training for each")
    add(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("results", output),
        help="folder for results.json and the pictures",
    )
    add("--verbose", choices=("auto", "0", "1", "2"), default="auto", help="as in fit")
    return parser


def positive(text: str) -> int:
    """An integer above 0, as an option's type."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, received {text}")
    return number


def natural(text: str) -> int:
    """An integer of at least 0, as an option's type."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, received {text}")
    return number


def parse(
    parser: argparse.ArgumentParser,
    presets: Mapping[str, Mapping[str, Any]],
    argv: Sequence[str] | None,
) -> argparse.Namespace:
    """The options, with those not given taken from the chosen preset."""
    parser.epilog = "\n".join(
        textwrap.fill(
            f"--preset {name}: "
            + ", ".join(f"{k} {in_print(v)}" for k, v in preset.items()),
            width=80,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
        for name, preset in presets.items()
    )
    parser.set_defaults(**presets[parser.parse_args(argv).preset])
    return parser.parse_args(argv)


def in_print(value: Any) -> str:
    """An option's value as it is given, of a long row from 0 its ends."""
    if not isinstance(value, list):
        return str(value)
    if len(value) > 3 and value == list(range(len(value))):
        return f"{value[0]} to {value[-1]}"
    return " ".join(map(str, value))


def fit_verbosity(options: argparse.Namespace) -> str | int:
    """The option `--verbose` as `fit` takes it."""
    return options.verbose if options.verbose == "auto" else int(options.verbose)
