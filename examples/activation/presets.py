"""The presets of `gain_and_saturation.py`, by task, and the authors' hints."""

from __future__ import annotations

from typing import Any

from examples.activation.networks import BASELINES, NETWORKS

# The limits of plots in the authors' code, permuted pixels: hints, no results.
HINTS = {"static": ".948", "homogeneous": ".93", "heterogeneous": ".93"}

QUICK = {
    "networks": [*NETWORKS, *BASELINES],
    "units": 64,
    "supervisor_units": 10,
    "saturations": [0.0, 0.5, 1.0],
    "clip_norm": 1.0,
    "reduce_on_plateau": False,
    "seeds": [0],
}
PAPER = {
    "networks": [*NETWORKS, *BASELINES],
    "supervisor_units": 50,
    "saturations": [0.0, 0.25, 0.5, 0.75, 1.0],
    # The published code measures the gradients' norm and clips nothing.
    "clip_norm": 0.0,
    "seeds": [0],
}
PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "mnist": {
        "quick": {
            **QUICK,
            "gains": [1.0, 5.0, 20.0],
            "learning_rates": [5e-3],
            "batch_size": 100,
            "epochs": 6,
            "samples": 10_000,
            "validation_samples": 2_000,
            "test_samples": 10_000,
            "permute": True,
            "published_permutation": False,
            "pixels_per_step": 28,
            "disturbance": "sine",
            "amplitude": 1.0,
            "frequency": 1.0,
            "phase": 0.0,
            "adaptation_epochs": 5,
            "adaptation_rates": [1e-3, 1e-2],
        },
        "paper": {
            **PAPER,
            "units": 400,
            "gains": [1.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5, 20.0],
            "learning_rates": [1e-4],
            "reduce_on_plateau": True,
            "batch_size": 100,
            "epochs": 100,
            "samples": 50_000,
            "validation_samples": 10_000,
            "test_samples": 10_000,
            "permute": True,
            "published_permutation": True,
            "pixels_per_step": 1,
            # The change on which the published code tests its networks.
            "disturbance": "sine",
            "amplitude": 0.5,
            "frequency": 1.0,
            "phase": 0.0,
            # How long to adapt and how fast is ours.
            "adaptation_epochs": 10,
            "adaptation_rates": [1e-4, 1e-3],
        },
    },
    "copy": {
        "quick": {
            **QUICK,
            "gains": [1.0, 5.0],
            "learning_rates": [3e-3],
            "batch_size": 50,
            "epochs": 8,
            "samples": 20_000,
            "validation_samples": 1_000,
            "test_samples": 2_000,
            "time_steps": 10,
            "one_hot": True,
        },
        # The published code draws 100,000 batches, each seen once, and feeds a
        # symbol as its number.
        "paper": {
            **PAPER,
            "units": 128,
            "gains": [1.0, 2.5, 5.0, 7.5],
            "learning_rates": [1e-4, 1e-3],
            "reduce_on_plateau": False,
            "batch_size": 10,
            "epochs": 1,
            "samples": 1_000_000,
            "validation_samples": 1_000,
            "test_samples": 10_000,
            "time_steps": 200,
            "one_hot": False,
        },
    },
}
"""The options' values by task and `--preset`."""
