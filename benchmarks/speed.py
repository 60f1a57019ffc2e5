"""One measurement: the peers of a cell at one size, forward or in training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks import peers, timing
from benchmarks.correctness import Checker
from benchmarks.peers import Sizes
from benchmarks.steps import Backend, Tensor

STEPS = ("forward", "train")


@dataclass(frozen=True)
class Bench:
    """Where and how it is measured.

    Attributes:
        backend: The backend in use.
        checker: Asked whether the paths that ran are right.
        rounds: Number of rounds.
        seconds: What one peer may use of the rounds of a measurement.
        say: Prints a line.
        dtype: The dtype policy of the peers.
    """

    backend: Backend
    checker: Checker
    rounds: int
    seconds: float
    say: Callable[[str], None]
    dtype: str = "float32"


def data(sizes: Sizes, dtype: str = "float32") -> tuple[Tensor, Tensor]:
    """Random inputs and targets of these sizes, in a policy's compute dtype."""
    computed = keras.dtype_policies.get(dtype).compute_dtype
    draw = np.random.default_rng(0).normal
    shapes = [(sizes.batch, sizes.time, n) for n in (sizes.features, sizes.units)]
    inputs, targets = (draw(size=shape).astype("float32") for shape in shapes)
    return ops.cast(inputs, computed), ops.cast(targets, computed)


def ready(
    backend: Backend, layer: Any, step: str, tensors: tuple[Tensor, Tensor]
) -> tuple[Callable[[], Any], dict[str, Any]]:
    """A peer's step, compiled and called once.

    Args:
        backend: The backend in use.
        layer: The peer.
        step: `"forward"` or `"train"`.
        tensors: Inputs and targets.

    Returns:
        The step, and what it took: `compile_s` to trace and compile it ahead
        (under XLA, TensorFlow compiles in the first call), `first_call_s`, and
        `loss` for training.

    Raises:
        RuntimeError: If the loss is not finite.
    """

    def make() -> Callable[[], Any]:
        if step == "forward":
            return backend.forward(layer, tensors[0])
        return backend.train_step(layer, *tensors)

    compile_s, run = timing.timed(make)
    first_call_s, loss = timing.timed(run)
    taken = {"compile_s": compile_s, "first_call_s": first_call_s}
    if step == "train":
        if not math.isfinite(loss):
            raise RuntimeError(
                f"{type(layer).__name__} has the loss {loss}: its time says nothing. "
                "Choose a smaller --time."
            )
        taken["loss"] = loss
    return run, taken


def measure(
    bench: Bench, cell: str, names: Sequence[str], sizes: Sizes, step: str
) -> dict[str, Any] | None:
    """Times the peers of a cell side by side.

    Args:
        bench: Where and how.
        cell: The cell's name.
        names: Its peers; ratios are to the first, if that is a layer of ours.
        sizes: Of the measurement.
        step: `"forward"` or `"train"`.

    Returns:
        A record with sizes, peers and ratios, or None if a path of the layer is
        wrong.

    Raises:
        RuntimeError: If a loss is not finite.
    """
    place = f"{cell}, {step}, " + ", ".join(f"{k} {n}" for k, n in vars(sizes).items())
    tensors = data(sizes, bench.dtype)
    runs: dict[str, Callable[[], Any]] = {}
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        bench.say(f"{place}: warming up {name}")
        layer = peers.build(
            bench.backend, cell, name, sizes.units, sizes.features, bench.dtype
        )
        runs[name], found[name] = ready(bench.backend, layer, step, tensors)
        if name.startswith("layer"):
            path = found[name]["path"] = peers.path(layer)
            if not bench.checker.passes(cell, path, sizes.features):
                return None
    bench.say(f"{place}: {bench.rounds} rounds of {len(runs)} peers")
    measured = timing.interleave(runs, bench.rounds, bench.seconds)
    for name, peer in found.items():
        peer |= timing.statistics(measured, name)
        bench.say(f"{place}: {line(name, peer)}")
    rivals = names[1:] if names[0].startswith("layer") else ()
    ratios = {name: timing.ratio(measured, name, names[0]) for name in rivals}
    return {
        "cell": cell,
        "step": step,
        **vars(sizes),
        "peers": found,
        "ratios": ratios,
    }


def line(name: str, peer: Mapping[str, Any]) -> str:
    """A peer's times in words."""
    path = f" ({peer['path']})" if "path" in peer else ""
    return (
        f"{name}{path} {1e3 * peer['median_s']:.2f} ms, at least "
        f"{1e3 * peer['minimum_s']:.2f}, interquartile range "
        f"{1e3 * peer['interquartile_s']:.2f}, {peer['count']} times"
    )
