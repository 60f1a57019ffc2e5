"""What all examples share: options with presets, results with their environment.

It is imported by the scripts beside it and runs nothing by itself.
"""

from __future__ import annotations

import argparse
import json
import operator
import pathlib
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

import keras_modact


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


def parse(
    parser: argparse.ArgumentParser,
    presets: Mapping[str, Mapping[str, Any]],
    argv: Sequence[str] | None,
) -> argparse.Namespace:
    """The options, with those not given taken from the chosen preset."""
    parser.epilog = "\n".join(
        f"--preset {name}: " + ", ".join(f"{k} {v}" for k, v in preset.items())
        for name, preset in presets.items()
    )
    parser.set_defaults(**presets[parser.parse_args(argv).preset])
    return parser.parse_args(argv)


def fit_verbosity(options: argparse.Namespace) -> str | int:
    """The option `--verbose` as `fit` takes it."""
    return options.verbose if options.verbose == "auto" else int(options.verbose)


def environment() -> dict[str, str | int]:
    """Backend, device and versions, for the record."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "backend_version": sys.modules[backend].__version__,
        "device": str(keras.ops.zeros(1).device),
        "machine": platform.machine(),
        "keras": keras.__version__,
        "keras_modact": keras_modact.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def write_results(
    options: argparse.Namespace, runs: Iterable[Mapping[str, Any]]
) -> None:
    """Writes `results.json`: options but no folders, environment, runs."""
    results = {
        "settings": {
            k: v for k, v in vars(options).items() if not isinstance(v, pathlib.Path)
        },
        "environment": environment(),
        "runs": list(runs),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1)
    (options.output / "results.json").write_text(text + "\n", encoding="utf-8")


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, with the sample standard deviation if there are several."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = rows
    lines = [head, ["-" * width for width in widths], *body]
    padded = ([c.ljust(n) for c, n in zip(line, widths, strict=True)] for line in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in padded)


def grouped(runs: Iterable[Any], *names: str) -> dict[Any, list[Any]]:
    """The runs that agree in these attributes, such as all but the seed, together."""
    groups: dict[Any, list[Any]] = {}
    for run in runs:
        groups.setdefault(operator.attrgetter(*names)(run), []).append(run)
    return groups
