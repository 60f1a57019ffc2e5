"""What the arithmetic of a layer takes at least, from its sizes and a machine's rates.

A bound is the operations over the rate at which the machine was measured to do
them: products, and with them all multiplications and additions, at the rate of one
large product; exp, tanh and the like at that of tanh over a large array.
Nothing is said of memory and of waiting for a step before, so that nobody reaches it
and the distance to it tells layers apart: that of a library's LSTM stands beside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks import peers, timing
from benchmarks.peers import Sizes
from benchmarks.steps import Backend

CHAINS = (1, 4, 16)
"""Functions one after the other: with many, what a call costs is small beside them,
but XLA makes of them one loop that is slower. The faster counts."""
STEPS = 16
"""Steps of a batch in what is timed: a millisecond or two on a core, in which few
other programs get in between."""
STEPS_ON_ACCELERATOR = 1024
"""There: with few, starting a kernel takes longer than what it computes."""
CALLS = 50


@dataclass(frozen=True)
class Work:
    """The operations of a forward step of one sequence."""

    of_inputs: int
    """Multiplications and additions in products that read data only. Training
    computes them twice: no gradient goes to the data."""
    of_states: int
    """Those in products that read a state. Training computes them three times."""
    elementwise: int
    """Multiplications, divisions and additions outside of products, as often."""
    functions: int
    """Evaluations of exp, log, tanh and sigmoid. Their derivatives need none."""

    def __add__(self, other: Work) -> Work:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Work(*(own + more for own, more in pairs))

    def operations(self, step: str) -> int:
        """Multiplications and additions of a `"forward"` or `"train"` step."""
        if step == "forward":
            return self.of_inputs + self.of_states + self.elementwise
        return 2 * self.of_inputs + 3 * (self.of_states + self.elementwise)


def product(rows: int, columns: int) -> int:
    """Multiplications and additions of a vector and a matrix of this size."""
    return 2 * rows * columns


# `i` features, `h` units; biases, and the sums of two products, are elementwise.


def elman(i: int, h: int) -> Work:
    return Work(product(i, h), product(h, h), 2 * h, h)


def lstm(i: int, h: int, gates: int = 4) -> Work:
    cell = Work(0, 0, 4 * h, 5 * h)
    return cell + Work(product(i, gates * h), product(h, gates * h), 2 * gates * h, 0)


def gru(i: int, h: int) -> Work:
    # Four biases, as r * (h @ V + b) has its own, the sums 2, r 2, interpolate 3.
    return Work(product(i, 3 * h), product(h, 3 * h), 11 * h, 3 * h)


def brc(i: int, h: int) -> Work:
    # Biases 2, gates 4, 1 + tanh, candidate 2, interpolate 3.
    return Work(product(i, 3 * h), 0, 12 * h, 3 * h)


def nbrc(i: int, h: int) -> Work:
    return Work(product(i, 3 * h), product(h, 2 * h), 10 * h, 3 * h)


def modulated_lstm(i: int, h: int) -> Work:
    return lstm(i, h, 5) + Work(0, 0, h, h)


def adaptive_lstm(
    i: int, h: int, policy_units: int, below: int = 0, reads_data: bool = True
) -> Work:
    a = policy_units
    of_x = product(i, 4 * a)
    policy = Work(
        of_x if reads_data else 0,
        product(h + a + below, 4 * a) + (0 if reads_data else of_x),
        # As of an LSTM: one product reads h and all z.
        12 * a,
        5 * a,
    )
    diagonals = Work(0, product(a, i + 13 * h), i + 13 * h, i + 13 * h)
    # x is scaled by what depends on a state.
    gates = Work(0, product(i + h, 4 * h), 2 * 4 * h, 0)
    return policy + diagonals + gates + Work(0, 0, 4 * h, 5 * h)


def stacked_adaptive_lstm(i: int, h: int, policy_units: int) -> Work:
    a = policy_units
    return adaptive_lstm(i, h, a, a) + adaptive_lstm(h, h, a, a, reads_data=False)


def gamma_rnn(i: int, h: int) -> Work:
    # n a, |a| + log, 1 / (1 + e), softplus / n, 1 - s, two products and their sum;
    # exp and log in place of one function.
    return elman(i, h) + Work(0, 0, 9 * h, h)


def arun(i: int, h: int, supervisor_units: int) -> Work:
    s = supervisor_units
    supervisor = Work(0, h * product(s, s + 2), h * (3 * s + 2), h * s)
    return gamma_rnn(i, h) + supervisor


def goru(i: int, h: int) -> Work:
    rotations = 3 * h * (h.bit_length() - 1)
    return Work(product(i, 3 * h), product(h, 2 * h), 11 * h + rotations, 2 * h)


def lmu(i: int, h: int, order: int, theta: float) -> Work:
    d = order
    encoders = Work(product(i, 1), product(h + d, 1), 2, 0)
    memory = Work(0, product(d, d) + product(d, h), 2 * d + h, 0)
    return elman(i, h) + encoders + memory


WORK: Mapping[str, Callable[..., Work]] = {
    "BRC": brc,
    "NBRC": nbrc,
    "ModulatedLSTM": modulated_lstm,
    "AdaptiveLSTM": adaptive_lstm,
    "StackedAdaptiveLSTM": stacked_adaptive_lstm,
    "GammaRNN": gamma_rnn,
    "ARUN": arun,
    "GORU": goru,
    "LMU": lmu,
    "GRU": gru,
    "LSTM": lstm,
    "SimpleRNN": elman,
    "RNN": elman,
}
"""By the name of a layer of ours, and of Keras' and torch's."""


def work(cell: str, peer: str, features: int, units: int) -> Work:
    """The work of a peer of a cell, for one step of one sequence."""
    library = peer.partition(".")[2]
    arguments = {} if library else peers.CELLS[cell].arguments
    return WORK[library or cell](features, units, **arguments)


def seconds(rates: Mapping[str, float], work: Work, sizes: Sizes, step: str) -> float:
    """The least time that a step over all sequences takes.

    Args:
        rates: From `measure_rates`.
        work: Of one step of one sequence.
        sizes: Of the measurement.
        step: `"forward"` or `"train"`.
    """
    one = (
        work.operations(step) / rates["operations_a_second"]
        + work.functions / rates["functions_a_second"]
    )
    return sizes.batch * sizes.time * one


class Chain(keras.layers.Layer):
    """tanh after tanh."""

    def __init__(self, length: int, dtype: str) -> None:
        super().__init__(dtype=dtype)
        self.length = length

    def call(self, inputs: Any) -> Any:
        for _ in range(self.length):
            inputs = ops.tanh(inputs)
        return inputs


def measure_rates(
    backend: Backend, batch: int, units: int, dtype: str = "float32"
) -> dict[str, float]:
    """How many operations and functions a second the backend does here.

    Args:
        backend: The backend in use.
        batch: Sequences in a batch.
        units: Units of a layer; the product is that of an LSTM's states.
        dtype: A dtype policy.
    """
    draw = np.random.default_rng(0).normal
    steps = STEPS_ON_ACCELERATOR if backend.accelerator() else STEPS
    shape = (batch, steps, units)
    inputs = ops.convert_to_tensor(draw(size=shape).astype("float32"))
    dense = keras.layers.Dense(4 * units, use_bias=False, dtype=dtype)
    numbers = batch * steps * units

    def fastest(layer: keras.layers.Layer) -> float:
        layer.build(shape)
        run = backend.forward(layer, inputs)
        return min(timing.timed(run)[0] for _ in range(CALLS))

    one_tanh = min(fastest(Chain(length, dtype)) / length for length in CHAINS)
    return {
        "operations_a_second": numbers * product(1, 4 * units) / fastest(dense),
        "functions_a_second": numbers / one_tanh,
    }


def faster(*found: Mapping[str, float]) -> dict[str, float]:
    """The highest of several measured rates: all but one may have been disturbed."""
    return {name: max(rates[name] for rates in found) for name in found[0]}


def add(record: dict[str, Any], rates: Mapping[str, float]) -> None:
    """Writes into a record of `speed` each peer's `bound_s` and `distance`."""
    sizes = Sizes(*(record[key] for key in ("batch", "time", "features", "units")))
    for name, peer in record["peers"].items():
        of_peer = work(record["cell"], name, sizes.features, sizes.units)
        peer["bound_s"] = seconds(rates, of_peer, sizes, record["step"])
        peer["distance"] = peer["median_s"] / peer["bound_s"]
