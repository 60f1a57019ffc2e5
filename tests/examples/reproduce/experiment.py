"""An example that takes no time, for tests of the runner: it counts how often it ran.

The variable TRACES names a folder, in which each start leaves a file, and KILLED a run,
such as "b-0", in whose middle its process is killed, once.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import time
import uuid
from collections.abc import Sequence
from typing import Any

from examples.reproduce.catalog import Cell, Table


class Run:
    """A run with an error that the cell and the seed tell."""

    def __init__(self, cell: str, seed: int) -> None:
        self.values = {"cell": cell, "seed": seed}

    def record(self) -> dict[str, Any]:
        error = {"a": 0.25, "b": 0.5, "lost": float("nan")}[self.values["cell"]]
        return {**self.values, "test_mse": [1.0, error + self.values["seed"] / 8]}


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset")
    parser.add_argument("--cells", nargs="+")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--verbose")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--pause", type=float, default=0.0)
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> list[Run]:
    print("this is not for the runner's output")
    ((cell,), (seed,)) = options.cells, options.seeds
    folder = pathlib.Path(os.environ["TRACES"])
    name = f"{cell}-{seed}"
    trace = folder / f"{name}-{uuid.uuid4().hex}"
    trace.write_text(str(os.getpid()), encoding="utf-8")
    if os.environ.get("KILLED") == name and len([*folder.glob(f"{name}-*")]) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(options.pause)
    options.images = "half of the images"
    return [Run(cell, seed)]


def table(pause: float = 0.0, cells: str = "ab", **arguments: Any) -> Table:
    """A table of cells that take so many seconds."""
    return Table(
        id="test/table-1",
        title="What a test shows",
        example=__name__,
        measures={"test_mse": "test MSE"},
        cells=tuple(
            Cell(name, f"--cells {name}", {"test_mse": ".25 ± .01"})
            for name in (cells.split() if " " in cells else cells)
        ),
        presets={"paper": f"--preset paper --pause {pause}"},
        **{"paper_runs": 3, "reference": ("a",), **arguments},
    )
