"""Prints the README's table: `python -m benchmarks.table RESULTS.json...`.

A ratio says how many times longer the peer takes than the layer, or how many
times more memory.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import Results, markdown

HEAD = (
    "device, backend",
    "cell",
    "inputs",
    "step",
    "`keras.layers.RNN`",
    "best library layer",
    "memory of `keras.layers.RNN`",
)
STEP_NAMES = {"forward": "forward", "train": "training"}


def library_name(peer: str) -> str:
    """`"torch.GRU"` as the user writes it, `torch.nn.GRU`."""
    library, name = peer.split(".")
    return {"keras": "keras.layers", "torch": "torch.nn"}[library] + f".{name}"


def rows(results: Results) -> list[list[str]]:
    """The rows of one results file, without the head."""
    about = results["environment"]
    place = f"{about['device']}, {about['backend']}"
    found = []
    for record in results.get("speed", []):
        ratios = {n: r["of_medians"] for n, r in record["ratios"].items()}
        library = {name: r for name, r in ratios.items() if "." in name}
        best = ""
        if library:
            name = min(library, key=library.__getitem__)
            best = f"{library[name]:.1f}x (`{library_name(name)}`)"
        found.append(
            [
                place,
                record["cell"],
                str(record["features"]),
                STEP_NAMES[record["step"]],
                f"{ratios['rnn']:.1f}x" if "rnn" in ratios else "",
                best,
                memory_ratio(results, record),
            ]
        )
    return found


def memory_ratio(results: Results, record: Mapping[str, Any]) -> str:
    """Memory of `keras.layers.RNN` over the layer's, at a training record's sizes."""
    if record["step"] != "train":
        return ""
    sizes = ("cell", "batch", "time", "features", "units")
    by_peer = {
        m["peer"]: m["bytes"]
        for m in results.get("memory", [])
        if all(m[key] == record[key] for key in sizes)
    }
    if not {"layer", "rnn"} <= by_peer.keys():
        return ""
    return f"{by_peer['rnn'] / by_peer['layer']:.1f}x"


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table of all files that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, help="results.json files")
    parser.add_argument("--step", choices=STEP_NAMES, help="the rows of this step only")
    options = parser.parse_args(argv)
    files = options.results
    read = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    found = [row for results in read for row in rows(results)]
    if options.step:
        found = [row for row in found if row[3] == STEP_NAMES[options.step]]
    print(markdown([HEAD, *found]))


if __name__ == "__main__":
    main()
