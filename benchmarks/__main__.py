"""Measures the recurrent layers on the device at hand, each beside its peers.

First what each path computes is compared with a float64 reference; a cell with a
wrong path is not timed, and the run ends with the exit status 1. Then come the
times of a forward pass and of a training step, beside the least that their
arithmetic takes on the machine, of one step of a stream, the memory of a training
step, and how the time grows with steps, batch and units. Results are written after
every cell.

    KERAS_BACKEND=torch python -m benchmarks
    KERAS_BACKEND=jax python -m benchmarks --cells BRC --only speed
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    bounds,
    memory,
    peers,
    report,
    scaling,
    speed,
    steps,
    streaming,
)
from benchmarks.correctness import Checker
from benchmarks.peers import Sizes

PARTS = ("correctness", "speed", "streaming", "memory", "scaling")

FULL: dict[str, Any] = {
    "cells": list(peers.CELLS),
    "peers": None,
    "features": [1, 128],
    "batch": 100,
    "time": 784,
    "units": 128,
    "seconds": 15.0,
    "stream_steps": 200,
    "scale_cells": ["BRC", "NBRC"],
    "scale_time": [98, 196, 392, 784, 1568],
    "scale_batch": [25, 50, 100, 200, 400],
    "scale_units": [32, 64, 128, 256, 512],
    "memory_time": [98, 196, 392, 784, 1568],
}
QUICK: dict[str, Any] = {
    "cells": ["BRC"],
    "peers": ["layer", "rnn"],
    "features": [1],
    "batch": 3,
    "time": 6,
    "units": 4,
    "rounds": 2,
    "seconds": 1.0,
    "stream_steps": 3,
    "scale_cells": ["BRC"],
    "scale_time": [4, 6],
    "scale_batch": [2, 3],
    "scale_units": [3, 4],
    "memory_time": [6],
}
# On a CPU the cells that lead, and the others, with fewer.
ROUNDS, FEWER_ROUNDS = 7, 3
ROUNDS_ON_ACCELERATOR = 20


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; those not given come from the grid, `--quick` or the full one."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="a tiny grid, to see that it works")
    cells: dict[str, Any] = {"choices": peers.CELLS, "metavar": "CELL"}
    known = ", ".join(peers.CELLS)
    add("--cells", nargs="+", **cells, help=f"what to measure of {known}")
    add(
        "--peers",
        nargs="+",
        help="layer, layer/PATH, rnn, keras.GRU, torch.LSTM and so on; ratios are "
        "to the first",
    )
    add("--features", "--sizes", nargs="+", type=positive, help="input sizes")
    add("--batch", type=positive, help="sequences in a batch")
    add("--time", type=positive, help="steps of a sequence")
    add("--units", type=positive, help="units of a layer")
    add("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to run")
    add("--rounds", type=positive, help="rounds of each measurement")
    add("--seconds", type=float, help="a slower peer gets fewer rounds")
    add("--stream-steps", type=positive, help="steps of a stream timed together")
    add("--scale-cells", nargs="*", **cells, help="of these, the growth")
    for axis in ("time", "batch", "units"):
        add(f"--scale-{axis}", nargs="+", type=positive, help=f"sizes along {axis}")
    add(
        "--memory-time",
        nargs="*",
        type=positive,
        help="steps for which the layer and rnn get their memory measured",
    )
    add(
        "--jit",
        action=argparse.BooleanOptionalAction,
        help="TensorFlow: compile by XLA or not; left out, as Keras does by itself",
    )
    add(
        "--precision",
        choices=("float32", "tf32", "bfloat16"),
        default="float32",
        help="of the times: true float32, with products of a GPU in TF32, or the "
        'dtype policy "mixed_bfloat16"',
    )
    add("--out", type=Path, help="folder for results.json, table.md and time.png")
    parser.set_defaults(**(QUICK if parser.parse_args(argv).quick else FULL))
    options = parser.parse_args(argv)
    for axis in ("time", "batch", "units"):
        if len(set(getattr(options, f"scale_{axis}"))) < 2:
            parser.error(f"--scale-{axis} needs two sizes or more to fit a power")
    return options


def check_peers(backend: steps.Backend, options: argparse.Namespace) -> None:
    """Ends the program where a peer cannot be made, before hours of the others."""
    for cell in options.cells:
        for peer in options.peers or ():
            try:
                peers.build(backend, cell, peer, units=2, features=2)
            except ValueError as error:
                print(f"error: argument --peers {peer}: {error}", file=sys.stderr)
                # As argparse does; 1 would say that a path is wrong.
                sys.exit(2)


def positive(text: str) -> int:
    """An integer above 0, as an option's type."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, received {text}")
    return number


def rounds_of(cell: str, options: argparse.Namespace, backend: steps.Backend) -> int:
    """How many rounds a cell gets."""
    if options.rounds is not None:
        return options.rounds
    if backend.accelerator():
        return ROUNDS_ON_ACCELERATOR
    return ROUNDS if peers.CELLS[cell].leading else FEWER_ROUNDS


def measure_cell(
    bench: speed.Bench,
    cell: str,
    options: argparse.Namespace,
    results: dict[str, Any],
    save: Callable[[], None],
) -> None:
    """Adds a cell's parts to the results, until one of its paths is wrong.

    What is measured is saved at once, so that a program that is stopped leaves it.
    """
    names = options.peers or peers.names(bench.backend, cell)
    at = [
        Sizes(options.batch, options.time, features, options.units)
        for features in options.features
    ]
    scaled = cell in options.scale_cells
    # What the layer would choose at a small size; what it does is asked later.
    if not all(bench.checker.passes(cell, "auto", size.features) for size in at):
        return
    if "speed" in options.only:
        for size in at:
            for step in speed.STEPS:
                record = speed.measure(bench, cell, names, size, step)
                if record is None:
                    return
                results["speed"].append(record)
                save()
    if "streaming" in options.only:
        for size in at:
            stream = dataclasses.replace(size, batch=1, time=options.stream_steps)
            results["streaming"].append(streaming.measure(bench, cell, stream))
            save()
    if "memory" in options.only:
        lengths = options.memory_time if scaled else ()
        for length in sorted({options.time, *lengths}):
            for name in names if length == options.time else scaling.PEERS:
                there = Sizes(options.batch, length, at[0].features, options.units)
                record = memory.measure(cell, name, there, options.jit)
                path = record.get("path")
                if path and not bench.checker.passes(cell, path, there.features):
                    return
                bench.say(
                    f"{cell}, T = {length}: {name} {record['bytes'] / 1e6:.1f} MB"
                )
                results["memory"].append(record)
                save()
    if "scaling" in options.only and scaled:
        axes = {
            axis: getattr(options, f"scale_{axis}")
            for axis in ("time", "batch", "units")
        }
        results["scaling"] += scaling.measure(bench, cell, at[0], axes)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the grid; the exit status is 1 if a path is wrong."""
    options = parse(argv)
    backend = steps.backend(options.jit)
    if options.precision == "tf32":
        backend.allow_tf32()
    check_peers(backend, options)
    about = report.environment(backend)
    start = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - start) / 60:5.1f} min  {text}", flush=True)

    device = re.sub(r"[^a-z0-9]+", "-", about["device"].lower())
    folder = options.out or Path("results/benchmarks", f"{about['backend']}-{device}")
    say(f"Keras {about['keras']}, {about['backend']} on {about['device']}")
    unset = [name for name in report.MALLOC if not os.environ.get(name)]
    if unset and not backend.accelerator():
        say(
            f"{', '.join(unset)} not set: on a CPU memory may be given back and taken "
            "again at every step, and the slower peers spend most of their time there. "
            "`tox run -e bench` sets what docs/guides/speed.md says."
        )
    dtype = "mixed_bfloat16" if options.precision == "bfloat16" else "float32"
    say("computing the float64 reference")
    checker = Checker(backend, options.cells, options.features, say)
    results: dict[str, Any] = {
        "environment": about,
        "options": {k: v for k, v in vars(options).items() if k != "out"},
        "rates": {},
        "correctness": checker.records,
        **{part: [] for part in PARTS[1:]},
    }

    def save() -> None:
        for record in results["speed"]:
            bounds.add(record, results["rates"])
        for part in PARTS[1:]:
            kept = [r for r in results[part] if r["cell"] not in checker.failed]
            results[part] = kept
        results["failed"] = sorted(checker.failed)
        about["load_after"] = os.getloadavg()
        report.write(folder, results)

    for cell in options.cells:
        rates = bounds.measure_rates(backend, options.batch, options.units, dtype)
        results["rates"] = bounds.faster(rates, results["rates"] or rates)
        rounds = rounds_of(cell, options, backend)
        bench = speed.Bench(backend, checker, rounds, options.seconds, say, dtype)
        measure_cell(bench, cell, options, results, save)
        save()
    print(report.full_table(results))
    picture = report.draw(results)
    if any(panel.lines for panel in picture.axes):
        picture.savefig(folder / "time.png", dpi=150)
    say(f"written to {folder}")
    if checker.failed:
        say(f"FAILED, and not timed: {', '.join(sorted(checker.failed))}")
    return bool(checker.failed)


if __name__ == "__main__":
    sys.exit(main())
