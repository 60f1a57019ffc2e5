"""What one node of an LSTM makes of its input, and how that depends on the context.

At each symbol a node adds up g and gives the cell a * tanh(s * g): the amplitude a is
what the input gate lets through, the slope s what a modulator says of the context. Of
each symbol that is a curve by g, and one point of it happened (the paper's table 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import keras_modact
from examples.shared.texts import PADDING
from keras_modact.utils.plotting import BLUE, VERMILION

POINTS, LINES = 150, 30
"""How many symbols are kept of a node, and of how many of them the curve is drawn."""


class Nodes(NamedTuple):
    """What every node makes of every symbol, each `(symbols, units)`."""

    integrated: np.ndarray
    """g, what the node adds up."""
    amplitude: np.ndarray
    """a: sigma(i), with an extra input gate sigma(i) sigma(m)."""
    slope: np.ndarray
    """s: tau(m) of the modulated LSTM, else 1."""

    @property
    def taken(self) -> np.ndarray:
        """What the cell takes."""
        return self.amplitude * np.tanh(self.slope * self.integrated)


@dataclass
class Node:
    """What one node makes of some symbols."""

    number: int
    nodes: Nodes
    """Each array `(symbols,)`."""

    def record(self) -> dict[str, Any]:
        """Its numbers, with five digits, for JSON."""
        arrays = {f"node_{k}": v for k, v in self.nodes._asdict().items()}
        kept = {k: [float(f"{x:.5g}") for x in v] for k, v in arrays.items()}
        return {"node": self.number, **kept}


def from_record(record: dict[str, Any]) -> Node | None:
    """The node of a run's record, or None if there is none in it."""
    if "node" not in record:
        return None
    arrays = (np.array(record[f"node_{name}"]) for name in Nodes._fields)
    return Node(record["node"], Nodes(*arrays))


def most_varied(network: keras.Model, texts: np.ndarray) -> Node:
    """The node whose part in the cell varies most, with symbols drawn by chance."""
    found = node_activations(network, texts)
    number = int(found.taken.std(axis=0).argmax())
    symbols = np.random.default_rng(0).permutation(len(found.integrated))[:POINTS]
    return Node(number, Nodes(*(array[symbols, number] for array in found)))


def node_activations(network: keras.Model, texts: np.ndarray) -> Nodes:
    """What each node of a network makes of each symbol, without the padding."""
    lstm = network.get_layer("lstm")
    every_step = type(lstm).from_config({**lstm.get_config(), "return_sequences": True})
    embedded = network.get_layer("embedding")(texts)
    every_step.build(embedded.shape)
    every_step.set_weights(lstm.get_weights())
    first = None
    if "first_state" in [layer.name for layer in network.layers]:
        first = network.get_layer("first_state")(texts)
    states = every_step(embedded, initial_state=first)
    start = ops.zeros_like(states[:, 0]) if first is None else first[0]
    before = ops.concatenate([start[:, None], states[:, :-1]], axis=1)
    cell = lstm.cell
    if isinstance(lstm, keras_modact.ModulatedLSTM):
        gates = cell.gates(embedded, before)
        g, amplitude, slope = gates.integration, gates.input, gates.modulation
        if cell.modulates == "output":
            amplitude, slope = amplitude * slope, ops.ones_like(slope)
    else:
        summed = (
            ops.matmul(embedded, cell.kernel)
            + ops.matmul(before, cell.recurrent_kernel)
            + cell.bias
        )
        i, _, g, _ = ops.split(summed, 4, axis=-1)
        amplitude, slope = ops.sigmoid(i), ops.ones_like(g)
    symbols = texts != PADDING
    found = (ops.convert_to_numpy(x)[symbols] for x in (g, amplitude, slope))
    return Nodes(*found)


def draw(axes: Any, node: Node, title: str) -> None:
    """Draws a node: dots that happened, and through some of them their curves.

    The curves are of symbols whose slopes are spread evenly over those that occur.
    The grey line is tanh, all gates open and the slope 1.
    """
    found = node.nodes
    x = np.linspace(found.integrated.min(), found.integrated.max(), 200)
    places = np.linspace(0, len(found.slope) - 1, min(LINES, len(found.slope)))
    # Of a plain LSTM all slopes are 1, and the curves differ by the amplitude.
    chosen = np.lexsort((found.amplitude, found.slope))[places.astype(int)]
    curves = found.amplitude[chosen] * np.tanh(found.slope[chosen] * x[:, None])
    axes.plot(x, np.tanh(x), color="0.6", label="tanh(g), all gates open", zorder=0)
    axes.plot(x, curves, color=VERMILION, linewidth=0.5, alpha=0.5, zorder=1)
    axes.plot([], [], color=VERMILION, label="the curves of single symbols")
    axes.plot(
        found.integrated, found.taken, ".", color=BLUE, markersize=3, label="symbols"
    )
    axes.set_title(f"{title}, node {node.number}", fontsize="small")
    axes.set_xlabel("integrated input g")
