"""The float64 reference, computed in a process of its own on the CPU.

JAX computes in float64 only if the whole process does. The reference is the
layer's loop, step by step, with the backend's own gradients.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import cases, peers, steps

ROOT = Path(__file__).parents[1]
ON_CPU = {"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}

Problem = tuple[str, int]
"""A cell and an input size."""
Solved = dict[str, dict[str, np.ndarray]]
"""Outputs and gradients by setting of the weights, as of `cases.solve`."""


def compute(cells: Iterable[str], features: Iterable[int]) -> dict[Problem, Solved]:
    """The reference of every problem, by a child process.

    Args:
        cells: Names of cells.
        features: Input sizes.

    Returns:
        By cell and input size: outputs and gradients in float64.

    Raises:
        RuntimeError: If the child process fails.
    """
    problems = list(itertools.product(cells, sorted(set(features))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "reference.npz")
        command = [sys.executable, "-m", "benchmarks.reference", str(path)]
        child = subprocess.run(
            [*command, json.dumps(problems)],
            cwd=ROOT,
            env={**os.environ, **ON_CPU},
            capture_output=True,
            text=True,
            check=False,
        )
        if child.returncode:
            raise RuntimeError(f"The float64 reference failed:\n{child.stderr}")
        solved: dict[Problem, Solved] = {problem: {} for problem in problems}
        with np.load(path) as arrays:
            for name in arrays.files:
                number, setting, quantity = name.split(":")
                quantities = solved[problems[int(number)]].setdefault(setting, {})
                quantities[quantity] = arrays[name]
    return solved


def main(path: str, problems: str) -> None:
    """Solves the problems, given as JSON, and writes the solutions to `path`."""
    backend = steps.backend()
    arrays: dict[str, Any] = {}
    for number, (cell, features) in enumerate(json.loads(problems)):
        layer = peers.build(
            backend, cell, "layer/loop", cases.UNITS, features, "float64"
        )
        for setting, quantities in cases.solve(backend, cell, layer, features).items():
            for quantity, array in quantities.items():
                if array.dtype != np.float64:
                    raise TypeError(
                        f"{cell}: {quantity} came in {array.dtype} and must be "
                        "float64. On JAX the process needs JAX_ENABLE_X64=1."
                    )
                arrays[f"{number}:{setting}:{quantity}"] = array
    np.savez(path, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
