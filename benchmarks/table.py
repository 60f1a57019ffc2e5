"""Prints the tables of the speed guide: `python -m benchmarks.table RESULTS.json...`.

A ratio says how many times longer a peer takes than the layer; of several library
layers it is that to the fastest. The distance is how many times longer the layer
takes than its arithmetic at the machine's rates, and the library layer than its own.
Input sizes stand side by side.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import Results, markdown

HEAD = (
    "backend",
    "layer",
    "inputs",
    "path",
    "`keras.layers.RNN` over the same cell",
    "library layer",
    "distance to the bound",
    "the library layer's",
)
STREAM_HEAD = (
    "backend",
    "layer",
    "inputs",
    "ms a step by `one_step`",
    "by `layer.cell`",
    "library layers by `one_step`, and cells",
)
MEMORY_HEAD = ("backend", "layer", "T", "MB", "MB of `keras.layers.RNN`")
BACKENDS = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}
LIBRARIES = {"keras": "keras.layers", "torch": "torch.nn"}


def place(results: Results) -> str:
    """The backend, with what it runs on and how, where that is not the rule."""
    about = results["environment"]
    name = BACKENDS[about["backend"]]
    if about["device"] != "CPU":
        name += f", {about['device']}"
    xla = about["backend"] == "tensorflow" and about.get("compiled") is True
    return f"{name}, XLA" if xla else name


def speed_rows(results: Results, step: str) -> list[list[str]]:
    """A row for each cell: its records at all input sizes."""
    by_cell: dict[str, list[Any]] = {}
    for record in results.get("speed", []):
        if record["step"] == step:
            by_cell.setdefault(record["cell"], []).append(record)
    found = []
    for cell, records in by_cell.items():
        paths = [record["peers"]["layer"]["path"] for record in records]
        own, library, names = [], [], []
        distance: dict[str, list[str]] = {"layer": [], "library": []}
        for record in records:
            ratios = {n: r["of_medians"] for n, r in record["ratios"].items()}
            own.append(f"{ratios['rnn']:.1f}" if "rnn" in ratios else "")
            distance["layer"].append(distance_of(record["peers"]["layer"]))
            others = {name: r for name, r in ratios.items() if "." in name}
            if others:
                fastest = min(others, key=others.__getitem__)
                module, name = fastest.split(".")
                library.append(f"{others[fastest]:.1f}")
                names.append(f" `{LIBRARIES[module]}.{name}`")
                distance["library"].append(distance_of(record["peers"][fastest]))
        found.append(
            [
                place(results),
                f"`{cell}`",
                " / ".join(str(record["features"]) for record in records),
                " / ".join(dict.fromkeys(paths)),
                " / ".join(own),
                " / ".join(library) + ",".join(dict.fromkeys(names)),
                *(" / ".join(of_peer) for of_peer in distance.values()),
            ]
        )
    return found


def distance_of(peer: Mapping[str, Any]) -> str:
    """How far a peer is from its bound, where that was measured."""
    return f"{peer['distance']:.1f}" if "distance" in peer else ""


def stream_rows(results: Results) -> list[list[str]]:
    """A row for each cell and input size: one step of a stream."""
    rows = []
    for record in results.get("streaming", []):
        times = {
            name: f"{1e3 * peer['median_s']:.3f}"
            for name, peer in record["peers"].items()
        }
        rows.append(
            [
                place(results),
                f"`{record['cell']}`",
                str(record["features"]),
                times.pop("layer"),
                times.pop("cell"),
                ", ".join(f"{time} `{name}`" for name, time in times.items()),
            ]
        )
    return rows


def memory_rows(results: Results) -> list[list[str]]:
    """A row for each cell and length: what a training step needs."""
    needs: dict[tuple[str, int], dict[str, float]] = {}
    for record in results.get("memory", []):
        of_size = needs.setdefault((record["cell"], record["time"]), {})
        of_size[record["peer"]] = record["bytes"] / 1e6
    return [
        [
            place(results),
            f"`{cell}`",
            str(time),
            *(f"{of_size[peer]:.0f}" for peer in ("layer", "rnn")),
        ]
        for (cell, time), of_size in sorted(needs.items())
        if {"layer", "rnn"} <= of_size.keys()
    ]


def read(path: Path) -> Any:
    """The results in a file."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"{path} cannot be read as results ({error}). Name results.json files "
            "that `python -m benchmarks` wrote."
        ) from error
    if not isinstance(results, dict) or "environment" not in results:
        raise SystemExit(
            f"{path} has no `environment`. Name results.json files that "
            "`python -m benchmarks` wrote."
        )
    return results


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables of all files that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, help="results.json files")
    parser.add_argument(
        "--step",
        choices=("train", "forward"),
        default="train",
        help="training steps (the default), or inference",
    )
    options = parser.parse_args(argv)
    everything = [read(path) for path in options.results]
    print(
        markdown([HEAD, *(r for e in everything for r in speed_rows(e, options.step))])
    )
    print(markdown([STREAM_HEAD, *(r for e in everything for r in stream_rows(e))]))
    print(markdown([MEMORY_HEAD, *(r for e in everything for r in memory_rows(e))]))


if __name__ == "__main__":
    main()
