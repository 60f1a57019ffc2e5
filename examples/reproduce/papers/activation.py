"""Geadah, Kerg, Horoi, Wolf, Lajoie 2020: permuted MNIST and copy memory.

The figures beside the first are the limits of plots in the authors' code, hints and
no results; the paper's own are not at hand.
"""

from __future__ import annotations

from examples.activation.networks import NETWORKS
from examples.activation.presets import HINTS
from examples.reproduce.catalog import Cell, Table

EXAMPLE = "examples.activation.gain_and_saturation"
START = "--gains 5 --saturations 0.5"

TABLES = (
    Table(
        id="activation/permuted-mnist",
        title="Permuted sequential MNIST with gamma, from n = 5 and s = .5",
        example=EXAMPLE,
        measures={"test": "test accuracy"},
        cells=tuple(
            Cell(network, f"--networks {network} {START}") for network in NETWORKS
        ),
        presets={
            "paper": "--preset paper --disturbance none",
            "quick": "--preset quick --disturbance none",
        },
        minutes={"paper": 3000, "quick": 1},
        reference=("heterogeneous",),
        note="Hints from the authors' plots: "
        + ", ".join(f"{network} {hint}" for network, hint in HINTS.items())
        + ".",
    ),
    Table(
        id="activation/copy-memory",
        title="Copy memory with gamma, from n = 5 and s = 0: loss at the end",
        example=EXAMPLE,
        measures={"test": "test loss"},
        cells=tuple(
            Cell(network, f"--networks {network} --gains 5 --saturations 0")
            for network in NETWORKS
        ),
        presets={
            "paper": "--task copy --preset paper --learning-rates 1e-3",
            "quick": "--task copy --preset quick",
        },
        minutes={"paper": 600, "quick": 1},
        reference=("heterogeneous",),
    ),
)
