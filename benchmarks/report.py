"""What is written: the numbers with their machine, a table and a picture."""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_modact
from benchmarks.markdown import Results, markdown
from benchmarks.steps import Backend

MALLOC = ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
SETTINGS = (
    "KERAS_MODACT_ACCELERATION",
    "OMP_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "XLA_FLAGS",
    *MALLOC,
)
SPEED_HEAD = (
    "cell",
    "step",
    "T",
    "inputs",
    "peer",
    "path",
    "median ms",
    "minimum ms",
    "interquartile ms",
    "count",
    "compile s",
    "first call s",
    "ratio of medians",
    "by round",
    "bound ms",
    "distance",
)
STREAM_HEAD = (
    "cell",
    "inputs",
    "peer",
    "median ms a step",
    "minimum ms",
    "interquartile ms",
    "count",
    "ratio of medians",
)


def cpu_model() -> str:
    """The processor's name, as far as the system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def environment(backend: Backend) -> dict[str, Any]:
    """Device, versions and settings; neither names of hosts nor of users."""
    name = keras.backend.backend()
    # Python 3.13 and newer count the cores that this process may use.
    cores = getattr(os, "process_cpu_count", os.cpu_count)
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "backend": name,
        "backend_version": sys.modules[name].__version__,
        "device": backend.accelerator() or "CPU",
        "cpu": cpu_model(),
        "cores": cores(),
        "threads": backend.threads(),
        "precision": backend.precision(),
        "compiled": backend.jit,
        "keras": keras.__version__,
        "keras_modact": keras_modact.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "settings": {name: os.environ.get(name) for name in SETTINGS},
        "load_before": os.getloadavg(),
    }


def write(folder: Path, results: Results) -> None:
    """Writes `results.json` and `table.md`, the numbers first."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "table.md").write_text(full_table(results), encoding="utf-8")


def full_table(results: Results) -> str:
    """The times, memory and exponents of a run as Markdown."""
    return "\n".join(
        markdown(rows)
        for rows in (
            speed_rows(results),
            stream_rows(results),
            memory_rows(results),
            growth_rows(results),
        )
        if len(rows) > 1
    )


def speed_rows(results: Results) -> list[list[str]]:
    """The times of every peer, under their head."""
    rows = [list(SPEED_HEAD)]
    for record in results.get("speed", []):
        for name, peer in record["peers"].items():
            ratio = record["ratios"].get(name, {})
            times = ("median_s", "minimum_s", "interquartile_s")
            rows.append(
                [
                    record["cell"],
                    record["step"],
                    str(record["time"]),
                    str(record["features"]),
                    name,
                    peer.get("path", ""),
                    *(f"{1e3 * peer[key]:.2f}" for key in times),
                    str(peer["count"]),
                    *(f"{peer[key]:.2f}" for key in ("compile_s", "first_call_s")),
                    *(
                        f"{ratio[key]:.2f}" if key in ratio else ""
                        for key in ("of_medians", "by_round")
                    ),
                    f"{1e3 * peer['bound_s']:.2f}" if "bound_s" in peer else "",
                    f"{peer['distance']:.1f}" if "distance" in peer else "",
                ]
            )
    return rows


def stream_rows(results: Results) -> list[list[str]]:
    """The time of one step of every peer, under its head."""
    rows = [list(STREAM_HEAD)]
    for record in results.get("streaming", []):
        for name, peer in record["peers"].items():
            ratio = record["ratios"].get(name)
            times = ("median_s", "minimum_s", "interquartile_s")
            rows.append(
                [
                    record["cell"],
                    str(record["features"]),
                    name,
                    *(f"{1e3 * peer[key]:.4f}" for key in times),
                    str(peer["count"]),
                    f"{ratio['of_medians']:.2f}" if ratio else "",
                ]
            )
    return rows


def memory_rows(results: Results) -> list[list[str]]:
    """The memory of every peer, under its head."""
    rows = [["cell", "peer", "path", "T", "inputs", "MB in a training step"]]
    for record in results.get("memory", []):
        bound = "at most " if record["is_bound"] else ""
        rows.append(
            [
                record["cell"],
                record["peer"],
                record.get("path", ""),
                str(record["time"]),
                str(record["features"]),
                f"{bound}{record['bytes'] / 1e6:.0f}",
            ]
        )
    return rows


def growth_rows(results: Results) -> list[list[str]]:
    """The times along each axis, under their head."""
    rows = [["cell", "peer", "along", "sizes", "ms", "exponent, upper half"]]
    for record in results.get("scaling", []):
        for name, peer in record["peers"].items():
            rows.append(
                [
                    record["cell"],
                    name,
                    record["axis"],
                    ", ".join(map(str, record["values"])),
                    ", ".join(f"{1e3 * s:.1f}" for s in peer["seconds"]),
                    f"{peer['exponent']:.2f}",
                ]
            )
    return rows


def curves(
    results: Results, axis: str
) -> Iterator[tuple[str, Sequence[float], Sequence[float]]]:
    """Label, sizes and values of each line in a panel of the picture."""
    if axis != "memory":
        for record in results.get("scaling", []):
            if record["axis"] == axis:
                for name, peer in record["peers"].items():
                    milliseconds = [1e3 * s for s in peer["seconds"]]
                    yield f"{record['cell']}, {name}", record["values"], milliseconds
        return
    points: dict[str, list[tuple[int, float]]] = {}
    for record in results.get("memory", []):
        label = f"{record['cell']}, {record['peer']}"
        points.setdefault(label, []).append((record["time"], record["bytes"] / 1e6))
    for label, pairs in points.items():
        times, megabytes = zip(*sorted(pairs), strict=True)
        if len(times) > 1:
            yield label, times, megabytes


def draw(results: Results) -> Any:
    """Time and memory by T, and time by units, as a figure."""
    # matplotlib comes with an extra, and the numbers do without.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = zip(
        figure.subplots(1, 3),
        ("time", "memory", "units"),
        ("steps T", "steps T", "units"),
        ("training step, ms", "memory of a training step, MB", "training step, ms"),
        strict=True,
    )
    for axes, axis, across, up in panels:
        for label, sizes, values in curves(results, axis):
            style = "o-" if label.endswith("layer") else "s--"
            axes.plot(sizes, values, style, label=label)
        axes.set(xlabel=across, ylabel=up, xscale="log", yscale="log")
        if axes.lines:
            sizes = sorted({int(n) for line in axes.lines for n in line.get_xdata()})
            axes.set_xticks(sizes, labels=map(str, sizes))
            axes.set_xticks([], minor=True)
            axes.legend(fontsize="small")
    about = results["environment"]
    figure.suptitle(f"{about['backend']} on {about['device']}")
    return figure
