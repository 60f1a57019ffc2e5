"""The time of one step of a stream: one sequence, its states carried on.

Layers run as the model that `keras_modact.one_step` makes of them, Keras' own too,
and as their cell alone, which on torch takes less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

import keras_modact
from benchmarks import peers, timing
from benchmarks.peers import Sizes
from benchmarks.speed import Bench
from benchmarks.steps import Backend, Tensor


class CellStep:
    """A cell in the form of a one-step model: from `[x, *states]` to `[y, *states]`.

    Args:
        cell: A built cell of ours or of Keras.
    """

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self.trainable_variables = cell.trainable_variables
        self.non_trainable_variables = cell.non_trainable_variables

    def __call__(self, tensors: list[Tensor]) -> list[Tensor]:
        x, *states = tensors
        output, states = self.cell(x, states)
        return [output, *keras.tree.flatten(states)]

    def stateless_call(
        self, weights: Any, others: Any, tensors: list[Tensor]
    ) -> tuple[list[Tensor], Any]:
        """The same with the values of the variables as arguments."""
        x, *states = tensors
        (output, states), others = self.cell.stateless_call(weights, others, x, states)
        return [output, *keras.tree.flatten(states)], others


def names(backend: Backend, cell: str) -> list[str]:
    """The peers of a cell's step: `"layer"` and its `"cell"`, and those of others."""
    found = ["layer", "cell"]
    for rival in peers.CELLS[cell].rivals:
        library, name = rival.split(".")
        if backend.offers(library) and name in ("GRU", "LSTM"):
            found += [rival] if library == "keras" else []
            found.append(f"{rival}Cell")
    return found


def build(
    backend: Backend, cell: str, peer: str, sizes: Sizes
) -> tuple[Callable[..., Any], list[Tensor]]:
    """Makes a peer's step.

    Args:
        backend: The backend in use.
        cell: The cell's name.
        peer: One of `names`.
        sizes: Of the stream.

    Returns:
        The step, from `[x, *states]` to `[y, *new_states]`, and states of zeros.
    """
    library, _, name = peer.partition(".")
    alone = peer.endswith(("cell", "Cell"))
    if library == "torch":
        step = backend.native_cell(name, sizes.features, sizes.units)
        widths = [sizes.units] * (2 if name == "LSTMCell" else 1)
        shapes = [(sizes.batch, width) for width in widths]
    else:
        of_layer = "layer" if peer == "cell" else peer.removesuffix("Cell")
        layer = peers.build(backend, cell, of_layer, sizes.units, sizes.features)
        model = keras.Sequential([keras.Input((None, sizes.features)), layer])
        one_step = keras_modact.one_step(model)
        shapes = [(sizes.batch, *state.shape[1:]) for state in one_step.inputs[1:]]
        step = CellStep(layer.cell) if alone else one_step
    return step, [keras.ops.zeros(shape) for shape in shapes]


def stream(
    backend: Backend, cell: str, peer: str, sizes: Sizes
) -> Callable[[], list[np.ndarray]]:
    """A peer's steps over a stream, compiled, each awaited before the next.

    Args:
        backend: The backend in use.
        cell: The cell's name.
        peer: One of `names`.
        sizes: Of the stream, `time` steps with each call.

    Returns:
        A function that takes the stream on by its steps, and returns the output of
        the last one.
    """
    step, states = build(backend, cell, peer, sizes)
    draw = np.random.default_rng(0).normal
    rows = draw(size=(sizes.time, sizes.batch, sizes.features)).astype("float32")
    inputs = [keras.ops.convert_to_tensor(row) for row in rows]
    run = backend.forward(step, [inputs[0], *states])

    def further() -> Any:
        nonlocal states
        for x in inputs:
            output, *states = run([x, *states])
        return output

    return further


def measure(bench: Bench, cell: str, sizes: Sizes) -> dict[str, Any]:
    """Times the steps of a cell's peers side by side.

    Args:
        bench: Where and how.
        cell: The cell's name.
        sizes: Of the stream; `time` is how many steps are timed together.

    Returns:
        A record as those of `speed`, whose seconds are those of one step.
    """
    runs: dict[str, Callable[[], Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for name in names(bench.backend, cell):
        compile_s, run = timing.timed(partial(stream, bench.backend, cell, name, sizes))
        first_call_s, _ = timing.timed(run)
        runs[name] = run
        found[name] = {"compile_s": compile_s, "first_call_s": first_call_s}
    measured = [
        {name: seconds / sizes.time for name, seconds in current.items()}
        for current in timing.interleave(runs, bench.rounds, bench.seconds)
    ]
    for name, peer in found.items():
        peer |= timing.statistics(measured, name)
        milliseconds = 1e3 * peer["median_s"]
        bench.say(f"{cell}, stream: {name} {milliseconds:.4f} ms a step")
    return {
        "cell": cell,
        **vars(sizes),
        "peers": found,
        "ratios": {
            n: timing.ratio(measured, n, "layer") for n in found if n != "layer"
        },
    }
