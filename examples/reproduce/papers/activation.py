"""Geadah, Kerg, Horoi, Wolf, Lajoie 2020: permuted MNIST, copy memory, characters.

The figures beside the first are the limits of plots in the authors' code, hints and
no results; the paper's own are not at hand, so that its tasks stand here by name.
"""

from __future__ import annotations

from collections.abc import Iterator

from examples.activation.networks import BASELINES, GAMMA_RNNS, NETWORKS
from examples.activation.presets import HINTS
from examples.reproduce.catalog import Cell, Table
from examples.reproduce.figures import plane_figure

LANGUAGE_CELLS = ("gamma", "tanh", "relu", "gru", "lstm")
EXAMPLE = "examples.activation.gain_and_saturation"


def cells(networks: tuple[str, ...], saturation: float) -> Iterator[Cell]:
    """Networks that start from n = 5 and this s, and others as they start."""
    for network in networks:
        start = f"--gains 5 --saturations {saturation:g}"
        yield Cell(network, f"--networks {network} {start}")


TABLES = (
    Table(
        id="activation/permuted-mnist",
        title="Permuted sequential MNIST with gamma, from n = 5 and s = .5",
        example=EXAMPLE,
        measures={"test": "test accuracy"},
        cells=tuple(cells((*NETWORKS, *BASELINES), 0.5)),
        presets={
            "paper": "--preset paper --disturbance none",
            "quick": "--preset quick --disturbance none",
        },
        minutes={"paper": 3000, "quick": 1},
        reference=("heterogeneous",),
        note="The paper's own figures are not at hand. Hints from the authors' plots: "
        + ", ".join(f"{network} {hint}" for network, hint in HINTS.items())
        + ". The networks with tanh and ReLU start as those with gamma, LSTM and GRU "
        "as Keras' do; all have as many units.",
    ),
    Table(
        id="activation/permuted-mnist-by-epoch",
        title="Learning curves on permuted sequential MNIST",
        curves=("train_loss", "validation"),
        source="activation/permuted-mnist",
        note="The validation set's accuracy.",
    ),
    Table(
        id="activation/transfer",
        title="Permuted sequential MNIST, then pixels changed by a sine: what adapts",
        example=EXAMPLE,
        measures={
            "test": "accuracy, clean",
            "adapted_nothing": "changed, as it is",
            "adapted_gain_and_saturation": "changed, n and s trained",
            "adapted_biases": "changed, biases trained",
            "adapted_everything": "changed, all trained",
        },
        cells=tuple(cells((*GAMMA_RNNS, "lstm"), 0.5)),
        presets={
            "paper": "--preset paper --disturbance sine",
            "quick": "--preset quick --disturbance sine",
        },
        minutes={"paper": 4000, "quick": 3},
        note="Numbers trained by the quick preset: n and s 128, one pair 2, biases 74, "
        "the LSTM's 266.",
    ),
    Table(
        id="activation/copy-memory",
        title="Copy memory with gamma, from n = 5 and s = 0: loss at the end",
        example=EXAMPLE,
        measures={"test": "test loss"},
        cells=tuple(cells((*NETWORKS, *BASELINES), 0)),
        presets={
            "paper": "--task copy --preset paper --learning-rates 1e-3",
            "quick": "--task copy --preset quick",
        },
        minutes={"paper": 600, "quick": 1},
        reference=("heterogeneous",),
    ),
    Table(
        id="activation/copy-memory-by-epoch",
        title="Learning curves on copy memory",
        curves=("train_loss", "validation"),
        source="activation/copy-memory",
        note="The validation set's loss. The paper preset sees each sequence once, in "
        "one epoch.",
    ),
    Table(
        id="activation/characters",
        title="Characters: bits each, Penn Treebank (quick: part of WikiText-2)",
        example="examples.parameterization.language_model",
        measures={
            "validation_bits": "validation bits per character",
            "test_bits": "test bits per character",
        },
        cells=tuple(Cell(cell, f"--cells {cell}") for cell in LANGUAGE_CELLS),
        seeds=1,
        presets={
            "paper": "--preset gamma-paper --resume",
            "quick": "--preset gamma-quick --resume",
        },
        minutes={"paper": 6000, "quick": 4},
        reference=("gamma",),
        note="The authors' plots lie at about 1.59 to 1.65 bits, with one layer of 600 "
        "units; the second one here is as wide as a character's vector.",
    ),
    Table(
        id="activation/characters-by-epoch",
        title="Learning curves on characters: loss in nats",
        curves=("train_loss", "validation_loss"),
        source="activation/characters",
    ),
    Table(
        id="activation/plane",
        title="The (n, s) plane: start, path and end of training; the learned curves",
        source="activation/permuted-mnist",
        only=NETWORKS,
        picture=plane_figure,
        note="Ring, line and dot: the means over the units at the start, on the way "
        "and at the end, of every run; small dots and curves: single units of the "
        f"first one, of ARUN at single moments. `python -m {EXAMPLE}` draws it from "
        "many starts.",
    ),
)
