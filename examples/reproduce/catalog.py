"""What a table of a paper is made of: cells, each a command line of an example."""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from examples.reproduce.store import Results

PRESETS = {"paper": "--preset paper", "quick": "--preset quick"}


@dataclass(frozen=True)
class Cell:
    """One entry of a table: what an example's command line adds to the preset.

    `arguments` is None where the model is not there to be run. `paper` has the
    paper's figure of each measure, as printed; cells of a group are compared.
    `weight` tells how long a run takes beside others of the table.
    """

    name: str
    arguments: str | None
    paper: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    weight: float = 1.0

    @property
    def slug(self) -> str:
        """The name, as a folder is called."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-")


@dataclass(frozen=True)
class Table:
    """A table or figure of a paper: an example, its cells and what they measure.

    Attributes:
        id: The folder of examples, and the table's or figure's number.
        title: What it shows.
        example: The module that runs it, with `parse(argv)`, which gives the
            options, and `run(options)`, which gives runs with a `record()`.
        measures: Titles by what a record calls them. Of a list the last counts.
        cells: Its entries.
        seeds: How many runs of each cell are wanted.
        minutes: By preset, a guess of the time of a run of weight 1.
        presets: Command lines by preset.
        paper_runs: How many runs the paper's mean and deviation are of.
        reference: Cell names with which the others of their group are compared.
        exact: Whether it counts what no seed changes, such as parameters.
        source: For a figure, the id of the table whose runs it shows.
        only: Names of the cells that a figure shows; else all.
        curves: What a figure draws by epoch.
        by_epoch: The paper's figures of the first curve, epoch by epoch, by cell.
        picture: What draws cells and their runs, otherwise than by epoch.
        figure: What draws a figure that shows no runs.
        note: What a reader has to know.
    """

    id: str
    title: str
    example: str = ""
    measures: Mapping[str, str] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()
    seeds: int = 3
    minutes: Mapping[str, float] = field(default_factory=dict)
    presets: Mapping[str, str] = field(default_factory=lambda: PRESETS)
    paper_runs: int | None = None
    reference: tuple[str, ...] = ()
    exact: bool = False
    source: str | None = None
    only: tuple[str, ...] = ()
    curves: tuple[str, ...] = ()
    by_epoch: Mapping[str, Sequence[float]] = field(default_factory=dict)
    picture: Callable[[Sequence[Cell], Results], Figure | None] | None = None
    figure: Callable[[], Figure] | None = None
    note: str = ""

    @property
    def runnable(self) -> list[Cell]:
        """The cells that can be run."""
        return [cell for cell in self.cells if cell.arguments is not None]

    def tasks(self, preset: str, seeds: int | None = None) -> list[Task]:
        """Every run that is wanted of this table, with this preset."""
        if preset not in self.presets:
            return []
        return [
            self.task(cell, seed, preset)
            for seed in range(self.seeds if seeds is None else seeds)
            for cell in self.runnable
        ]

    def task(self, cell: Cell, seed: int, preset: str) -> Task:
        """One run of a cell."""
        arguments = f"{self.presets[preset]} {cell.arguments}".split()
        return Task(
            self.id, cell.name, cell.slug, seed, preset, self.example, tuple(arguments)
        )


@dataclass(frozen=True)
class Task:
    """One run: a cell of a table with a seed and a preset."""

    table: str
    cell: str
    slug: str
    seed: int
    preset: str
    example: str
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """What no other run is called."""
        return f"{self.table}/{self.preset}/{self.slug}/seed-{self.seed}"

    def options(self) -> argparse.Namespace:
        """The options with which the example runs it."""
        # Checkpoints go there; the results come from the runner.
        output = pathlib.Path("results", "reproduce", self.name)
        return importlib.import_module(self.example).parse(
            [*self.arguments, "--seeds", str(self.seed), "--output", str(output),
             "--verbose", "0"]
        )  # fmt: skip


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """What an example's options say of a run, as JSON gives it back; no folders."""
    chosen = {
        k: v
        for k, v in vars(options).items()
        if k not in ("preset", "verbose", "resume", "data_dir")
        and not isinstance(v, pathlib.Path)
    }
    return json.loads(json.dumps(chosen))
