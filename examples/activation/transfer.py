"""Changed pixels, and how far n and s alone bring a trained network back.

For `gain_and_saturation.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from examples.activation.networks import build_model
from examples.activation.tasks import Splits, disturb
from examples.activation.training import Run, count, fit, score
from examples.shared import tables

ADAPTED: dict[str, tuple[str, ...] | None] = {
    "gain and saturation": ("gain", "saturation"),
    # As few numbers, and found in every network: what n and s have to beat.
    "biases": ("bias",),
    "everything": None,
}
"""What is trained on the changed pixels, by the names of its weights."""


@dataclass
class Transfer:
    """A trained network on changed pixels, after some of its weights saw them.

    `test_accuracy` is None where the adaptation diverged.
    """

    run: Run
    adapted: str
    parameters: int
    learning_rate: float | None
    seconds: float
    test_accuracy: float | None

    def record(self) -> dict[str, Any]:
        """What is not the run's, for `results.json`."""
        return {k: v for k, v in vars(self).items() if k != "run"}


def train_only(model: keras.Model, names: Sequence[str]) -> None:
    """Freezes every weight but those of these names; to be compiled after."""
    for w in model.trainable_weights:
        w.trainable = w.name in names


def copy_to_adapt(
    options: argparse.Namespace, run: Run, names: Sequence[str] | None
) -> keras.Model:
    """A trained network once more, with the weights of these names free, or all."""
    model = build_model(options, run.network, run.gain, run.saturation)
    model.set_weights(run.model.get_weights())
    if names is not None:
        train_only(model, names)
    return model


def adapt(
    options: argparse.Namespace, run: Run, adapted: str, changed: Splits
) -> Transfer:
    """Trains a copy at every rate; that which is best on the validation set counts."""
    tried: list[tuple[float, Transfer]] = []
    for rate in options.adaptation_rates:
        keras.utils.set_random_seed(run.seed)
        model = copy_to_adapt(options, run, ADAPTED[adapted])
        numbers = count(model.trainable_weights)
        print(
            f"\nAdapting {run.network} to changed pixels: {adapted} ({numbers:,} "
            f"numbers), learning rate {rate:g}"
        )
        began = time.perf_counter()
        history = fit(options, model, changed, rate, options.adaptation_epochs)
        seconds = time.perf_counter() - began
        if np.isfinite(history["loss"][-1]):
            reached = score(options, model, changed.test)
            watched = history["val_accuracy"][-1]
        else:
            reached, watched = None, -1.0
        tried.append((watched, Transfer(run, adapted, numbers, rate, seconds, reached)))
    return max(tried, key=lambda one: one[0])[1]


def transfer_all(
    options: argparse.Namespace, runs: Sequence[Run], splits: Splits
) -> None:
    """Takes trained networks to changed pixels, with the weights of `ADAPTED`.

    A network that has none of them is left out: n and s of a static one are
    fixed, an ARUN computes its own, and others have none.
    """
    changed = Splits(*((disturb(x, options), y) for x, y in splits))
    for run in runs:
        reached = score(options, run.model, changed.test)
        run.transfers.append(Transfer(run, "nothing", 0, None, 0.0, reached))
        for adapted, names in ADAPTED.items():
            if copy_to_adapt(options, run, names).trainable_weights:
                run.transfers.append(adapt(options, run, adapted, changed))


def transfer_table(transfers: Sequence[Transfer]) -> str:
    """A Markdown table of what was adapted, and how well each network reads then."""
    rows = [["network", "adapted", "numbers", "rate", "clean", "changed", "seconds"]]
    for one in transfers:
        rows.append(
            [
                one.run.network,
                one.adapted,
                f"{one.parameters:,}",
                "-" if one.learning_rate is None else f"{one.learning_rate:g}",
                f"{one.run.test:.3f}",
                "diverged" if one.test_accuracy is None else f"{one.test_accuracy:.3f}",
                f"{one.seconds:.0f}",
            ]
        )
    return tables.markdown_table(rows)
