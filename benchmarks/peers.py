"""What is compared, and how each of it is made.

A cell's peers are its layer (`layer`, on the path that the layer chooses;
`layer/NAME` asks for a path), `rnn`, which is `keras.layers.RNN` over the same
cell, and the library layers that a user would pick in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

import keras_modact
from benchmarks.steps import Backend

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Cell:
    """One of the package's recurrent layers.

    Attributes:
        layer: The layer's class.
        cell: The class of its cell.
        rivals: The library layers it is compared with.
        arguments: Constructor arguments beside the units.
        memory: What makes its weights keep a state for long, by weight name.
        leading: Whether it is measured with all rounds on a CPU.
    """

    layer: Callable[..., Any]
    cell: Callable[..., Any]
    rivals: tuple[str, ...]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, Change] = field(default_factory=dict)
    leading: bool = False


@dataclass(frozen=True)
class Sizes:
    """The sizes of one measurement."""

    batch: int
    time: int
    features: int
    units: int


def raised(block: int, blocks: int, by: float) -> Change:
    """Adds `by` to one of the equal blocks along a weight's last axis."""

    def change(weight: np.ndarray) -> np.ndarray:
        weight = weight.copy()
        np.split(weight, blocks, axis=-1)[block][...] += by
        return weight

    return change


def near_identity(weight: np.ndarray) -> np.ndarray:
    """A matrix that hands a state on all but whole, without growth."""
    return 0.8 * np.eye(len(weight)) + 0.1 * weight


def stacked(make: Callable[..., Any]) -> Callable[..., Any]:
    """A layer or cell that stacks cells, as one of two cells of the same size."""

    def made(units: int, **arguments: Any) -> Any:
        return make([units, units], **arguments)

    return made


GATED = ("keras.GRU", "keras.SimpleRNN", "torch.GRU")
LONG = ("keras.LSTM", "torch.LSTM")

CELLS = {
    "BRC": Cell(
        keras_modact.BRC,
        keras_modact.BRCCell,
        GATED,
        # a = 1 + tanh(h + 1) is above 1, and the unit bistable, from h = -1 on.
        memory={"recurrent_kernel": lambda w: 1.0 + w, "bias": raised(0, 2, 1.0)},
        leading=True,
    ),
    "NBRC": Cell(
        keras_modact.NBRC,
        keras_modact.NBRCCell,
        GATED,
        memory={"bias": raised(0, 2, 1.0)},
        leading=True,
    ),
    "ModulatedLSTM": Cell(
        keras_modact.ModulatedLSTM,
        keras_modact.ModulatedLSTMCell,
        LONG,
        memory={"bias": raised(1, 5, 2.0)},
    ),
    "GammaRNN": Cell(
        keras_modact.GammaRNN,
        keras_modact.GammaRNNCell,
        GATED,
        memory={"recurrent_kernel": near_identity},
    ),
    "ARUN": Cell(
        keras_modact.ARUN,
        keras_modact.ARUNCell,
        ("keras.GRU", "torch.GRU"),
        # The published 50 units take 2 GB for each tensor of T = 784 steps.
        arguments={"supervisor_units": 4},
        memory={"recurrent_kernel": near_identity},
    ),
    "AdaptiveLSTM": Cell(
        keras_modact.AdaptiveLSTM,
        keras_modact.AdaptiveLSTMCell,
        LONG,
        arguments={"policy_units": 32},
        memory={"bias": raised(1, 4, 4.0), "policy_bias": raised(1, 4, 2.0)},
    ),
    "StackedAdaptiveLSTM": Cell(
        stacked(keras_modact.StackedAdaptiveLSTM),
        stacked(keras_modact.StackedAdaptiveLSTMCell),
        LONG,
        arguments={"policy_units": 32},
        memory={"bias": raised(1, 4, 4.0), "policy_bias": raised(1, 4, 2.0)},
    ),
    "GORU": Cell(
        keras_modact.GORU,
        keras_modact.GORUCell,
        GATED,
        memory={"bias": raised(2, 3, 1.0)},
    ),
    "LMU": Cell(
        keras_modact.LMU,
        keras_modact.LMUCell,
        LONG,
        arguments={"order": 64, "theta": 784},
        memory={"recurrent_kernel": near_identity},
    ),
}
"""The cells by the name of their layer."""


def names(backend: Backend, cell: str) -> list[str]:
    """The peers of a cell that the backend can run, its layer first."""
    rivals = CELLS[cell].rivals
    return ["layer", "rnn", *(r for r in rivals if backend.offers(r.split(".")[0]))]


def build(
    backend: Backend,
    cell: str,
    peer: str,
    units: int,
    features: int,
    dtype: str = "float32",
) -> Any:
    """Makes a peer with its weights, returning the output of every step.

    Args:
        backend: The backend in use.
        cell: The cell's name.
        peer: `"layer"`, `"layer/NAME"` with the name of a path, `"rnn"`, or a
            library layer such as `"keras.GRU"` or `"torch.GRU"`.
        units: Number of units.
        features: Input size.
        dtype: The dtype policy, of which library layers of torch have the
            compute dtype.

    Returns:
        A layer that takes `(batch, time, features)`.

    Raises:
        ValueError: If there is no such peer.
    """
    one = CELLS[cell]
    family, _, name = peer.replace("/", ".", 1).partition(".")
    if family == "layer":
        layer = one.layer(units, return_sequences=True, dtype=dtype, **one.arguments)
        layer.acceleration = name or "auto"
    elif family == "rnn":
        inner = one.cell(units, dtype=dtype, **one.arguments)
        layer = keras.layers.RNN(inner, return_sequences=True, dtype=dtype)
    elif family == "keras" and hasattr(keras.layers, name):
        layer = getattr(keras.layers, name)(units, return_sequences=True, dtype=dtype)
    elif family == "torch":
        computed = keras.dtype_policies.get(dtype).compute_dtype
        return backend.native(name, features, units, computed)
    else:
        raise ValueError(
            f"There is no peer {peer!r}. Allowed are 'layer', 'layer/' with the "
            "name of a path, 'rnn', and names such as 'keras.GRU' or 'torch.GRU'."
        )
    layer.build((None, None, features))
    return layer


def path(layer: Any) -> str:
    """The name of the path that a layer of ours took in its last call."""
    return layer.last_path
