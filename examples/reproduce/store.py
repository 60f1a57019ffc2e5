"""The results, a JSON file for each finished run."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from examples.reproduce.catalog import Table, Task, settings
from examples.shared import records

FOLDER = pathlib.Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Results:
    """The finished runs of a table with a preset.

    `current` and `stale` hold what files say: a stale result has other settings
    than the preset now gives.
    """

    table: Table
    preset: str
    current: list[dict[str, Any]]
    stale: list[dict[str, Any]]

    def of(self, cell: str) -> list[dict[str, Any]]:
        """The current results of a cell, by seed."""
        found = [result for result in self.current if result["cell"] == cell]
        return sorted(found, key=lambda result: result["seed"])


def path_of(task: Task, folder: pathlib.Path) -> pathlib.Path:
    """The file of a run."""
    return folder / f"{task.name}.json"


def write(result: dict[str, Any], path: pathlib.Path) -> None:
    """Writes a result; a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{uuid.uuid4().hex}.unfinished")
    try:
        text = json.dumps(result, indent=1, allow_nan=False)
        unfinished.write_text(text + "\n", encoding="utf-8")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@functools.cache
def wanted_settings(task: Task) -> str:
    """The settings that a run has by its preset now."""
    return json.dumps(settings(task.options()), sort_keys=True)


def is_current(result: dict[str, Any], task: Task) -> bool:
    """Whether a result has the settings of its preset."""
    return json.dumps(result["settings"], sort_keys=True) == wanted_settings(task)


def read(table: Table, preset: str, folder: pathlib.Path) -> Results:
    """The results of a table: one file a run, so that no run counts twice."""
    current: list[Any] = []
    stale: list[Any] = []
    for cell in table.runnable:
        of_cell = folder / table.id / preset / cell.slug
        for path in sorted(of_cell.glob("seed-*.json")):
            result = json.loads(path.read_text(encoding="utf-8"))
            task = table.task(cell, result["seed"], preset)
            (current if is_current(result, task) else stale).append(result)
    return Results(table, preset, current, stale)


def missing(tasks: Iterable[Task], results: Results) -> list[Task]:
    """The runs that have no current result."""
    done = {(result["cell"], result["seed"]) for result in results.current}
    return [task for task in tasks if (task.cell, task.seed) not in done]


def expected_seconds(task: Task, results: Results) -> tuple[float, bool]:
    """What a run costs, and whether that was measured.

    By finished runs of the cell, on this kind of device if there are any, else, by
    their weights, of the table's other cells, else by the table's own guess.
    """
    finished = [*results.current, *results.stale]
    of_cell = [r for r in finished if r["cell"] == task.cell]
    kind = records.device_kind()
    here = [r for r in of_cell if r["environment"]["device"] == kind]
    for some in (here, of_cell):
        if some:
            return sum(r["seconds"] for r in some) / len(some), some is here
    weights = {cell.name: cell.weight for cell in results.table.cells}
    guess = 60 * results.table.minutes.get(task.preset, 30.0)
    if finished:
        guess = sum(r["seconds"] for r in finished)
        guess /= sum(weights[r["cell"]] for r in finished)
    return guess * weights[task.cell], False
