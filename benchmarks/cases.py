"""The small problems on which outputs and gradients are compared.

They come from NumPy alone and are rounded to float32, so that every process and
every backend has the same, and so has the reference in float64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from benchmarks import peers
from benchmarks.steps import Backend

SETTINGS = ("contracting", "bistable")
"""Of the weights: a state fades at each step, or is kept."""

# A power of two, as a GORU has.
BATCH, UNITS = 5, 16
# Not a multiple of any block, so that a last, shorter one is there.
TIME = 75
FEATURES = 5
DRAWS = 11
"""Problems at each setting. How well one is solved is a matter of luck: a bistable
unit that passes close to the ridge between its states magnifies any rounding."""


@dataclass(frozen=True)
class Case:
    """The weights of a layer, and what it reads and is pulled by."""

    weights: list[np.ndarray]
    inputs: np.ndarray
    states: list[np.ndarray]
    upstream: np.ndarray


def case_features(features: int) -> int:
    """The small input size that stands for one of the grid."""
    return min(features, FEATURES)


def make_case(cell: str, layer: Any, features: int, setting: str, number: int) -> Case:
    """Draws a problem.

    Args:
        cell: The cell's name.
        layer: A layer over this cell, built, with `UNITS` units.
        features: Input size.
        setting: One of `SETTINGS`.
        number: Which of the `DRAWS` it is.

    Returns:
        The problem, in float32.
    """
    draw = np.random.default_rng((features, number)).normal
    weights = []
    for variable in layer.weights:
        if not variable.trainable:
            weights.append(ops.convert_to_numpy(variable).astype("float32"))
            continue
        shape = tuple(variable.shape)
        matrix = len(shape) > 1
        weight = draw(size=shape) / np.sqrt(shape[0]) if matrix else draw(size=shape)
        if not matrix or (setting == "contracting" and "recurrent" in variable.name):
            weight = 0.1 * weight
        if variable.name in ("gain_kernel", "saturation_kernel"):
            weight = 0.1 * weight
        if variable.name in ("gain", "gain_bias"):
            # A gain divides, and starts at about 5.
            weight = weight + 5.0
        if setting == "bistable" and variable.name in peers.CELLS[cell].memory:
            weight = peers.CELLS[cell].memory[variable.name](weight)
        weights.append(weight.astype("float32"))
    states = layer.cell.state_shapes()
    return Case(
        weights,
        draw(size=(BATCH, TIME, features)).astype("float32"),
        [(0.5 * draw(size=(BATCH, *shape))).astype("float32") for shape in states],
        draw(size=(BATCH, TIME, UNITS)).astype("float32"),
    )


def unique(names: Iterable[str]) -> Iterator[str]:
    """Names with a number where one comes again, as in a stack of cells."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"


def solve(
    backend: Backend, cell: str, layer: Any, features: int
) -> dict[str, dict[str, np.ndarray]]:
    """What a layer makes of the problems at every setting of the weights.

    Args:
        backend: The backend in use.
        cell: The cell's name.
        layer: A layer over this cell, built, with `UNITS` units.
        features: Input size.

    Returns:
        By setting: the outputs, and the gradients by inputs, initial states and
        weights, each with the problems on its first axis.
    """
    run = backend.gradients(layer)
    dtype = layer.compute_dtype
    states = len(layer.cell.state_shapes())
    by = [
        "inputs",
        *(f"initial state {number}" for number in range(states)),
        *unique(weight.name for weight in layer.trainable_variables),
    ]
    names = ["outputs", *(f"gradient by {name}" for name in by)]
    solved = {}
    for setting in SETTINGS:
        computed = []
        for number in range(DRAWS):
            case = make_case(cell, layer, features, setting, number)
            layer.set_weights(case.weights)
            inputs, upstream, *initial = (
                ops.convert_to_tensor(array.astype(dtype))
                for array in (case.inputs, case.upstream, *case.states)
            )
            computed.append(run(inputs, initial, upstream))
        arrays = map(np.stack, zip(*computed, strict=True))
        solved[setting] = dict(zip(names, arrays, strict=True))
    return solved
