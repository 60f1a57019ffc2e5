"""One run, from its settings to its result."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import math
import pathlib
import subprocess
import time
from typing import Any

from examples.reproduce.catalog import Task, settings
from examples.shared import records


def perform(task: Task) -> dict[str, Any]:
    """Runs a task by its example; returns what its JSON file will hold."""
    options = task.options()
    wanted = settings(options)
    start, start_cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        runs = list(importlib.import_module(task.example).run(options))
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    if len(runs) != 1:
        raise ValueError(
            f"A cell is one run, and {task.name} gave {len(runs)}: its arguments "
            f"{' '.join(task.arguments)} must leave one of every list"
        )
    found = settings(options)
    record = {k: finite(v) for k, v in runs[0].record().items()}
    return {
        "table": task.table,
        "cell": task.cell,
        "seed": task.seed,
        "preset": task.preset,
        "command": f"python -m {task.example} {' '.join(task.arguments)} "
        f"--seeds {task.seed}",
        "settings": wanted,
        # What the example found out by itself, such as how many images there are.
        "found": {k: v for k, v in found.items() if wanted.get(k) != v},
        "result": {k: v for k, v in record.items() if not isinstance(v, list)},
        "curve": {k: v for k, v in record.items() if isinstance(v, list)},
        "seconds": seconds,
        # On a device that others use as well it tells more than the time that passed.
        "cpu_seconds": cpu,
        "environment": {**records.environment(), "device": records.device_kind()},
        "revision": revision(),
    }


def attempt(task: Task) -> tuple[Task, dict[str, Any] | None, str]:
    """The result, or why the example cannot be run here, such as missing data."""
    try:
        return task, perform(task), ""
    except SystemExit as error:
        return task, None, str(error)


def finite(value: Any) -> Any:
    """The value, with None for what is no number: JSON has none of these."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


@functools.cache
def revision() -> str:
    """The commit of package and examples, "-changed" if they differ from it."""
    here = pathlib.Path(__file__).parent

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True
        )

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        sources = ("../../keras_modact", "..", ":(exclude)../results")
        changed = git("diff", "--quiet", "HEAD", "--", *sources)
    except FileNotFoundError:  # no git here
        return "unknown"
    if commit.returncode:
        return "unknown"
    return commit.stdout.strip() + ("-changed" if changed.returncode else "")
