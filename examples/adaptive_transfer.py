"""Changed pixels, and how far n and s alone bring a trained network back.

For `adaptive_activation.py`; it runs nothing by itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

if __package__:
    from examples import adaptive_training, common
    from examples.adaptive_tasks import Splits, disturb
    from examples.adaptive_training import Run
else:
    import adaptive_training
    import common
    from adaptive_tasks import Splits, disturb
    from adaptive_training import Run

ADAPTED: dict[str, tuple[str, ...] | None] = {
    "gain and saturation": ("gain", "saturation"),
    # As few numbers, and found in every network: what n and s have to beat.
    "biases": ("bias",),
    "everything": None,
}
"""What is trained on the changed pixels, by the names of its weights."""


@dataclass
class Transfer:
    """One network on changed pixels, after training some of its weights on them."""

    network: str
    start: tuple[float | None, float | None]
    seed: int
    adapted: str
    parameters: int
    learning_rate: float | None
    seconds: float
    clean_test_accuracy: float
    test_accuracy: float


def train_only(model: keras.Model, names: Sequence[str]) -> None:
    """Freezes every weight but those of these names; to be compiled after."""
    for w in model.trainable_weights:
        w.trainable = w.name in names


def transfer_all(
    options: argparse.Namespace, runs: Sequence[Run], splits: Splits
) -> list[Transfer]:
    """Takes trained networks to changed pixels, with the weights of `ADAPTED`.

    Every rate is tried, and the one that is best on the validation set counts.
    """
    changed = Splits(*((disturb(x, options), y) for x, y in splits))
    found: list[Transfer] = []
    for run in runs:
        before = Transfer(
            network=run.network,
            start=(run.gain, run.saturation),
            seed=run.seed,
            adapted="nothing",
            parameters=0,
            learning_rate=None,
            seconds=0.0,
            clean_test_accuracy=run.test,
            test_accuracy=adaptive_training.score(options, run.model, changed.test),
        )
        found.append(before)
        for adapted, names in ADAPTED.items():
            tried: list[tuple[float, Transfer]] = []
            for rate in options.adaptation_rates:
                keras.utils.set_random_seed(run.seed)
                model = adaptive_training.build_model(
                    options, run.network, run.gain, run.saturation
                )
                model.set_weights(run.model.get_weights())
                if names is not None:
                    train_only(model, names)
                parameters = adaptive_training.count(model.trainable_weights)
                if not parameters:
                    continue
                print(
                    f"\nAdapting {run.network} to changed pixels: {adapted} "
                    f"({parameters} numbers), learning rate {rate:g}"
                )
                began = time.perf_counter()
                history = adaptive_training.fit(
                    options, model, changed, rate, options.adaptation_epochs
                )
                after = replace(
                    before,
                    adapted=adapted,
                    parameters=parameters,
                    learning_rate=rate,
                    seconds=time.perf_counter() - began,
                    test_accuracy=adaptive_training.score(options, model, changed.test),
                )
                if np.isfinite(history["loss"][-1]):
                    tried.append((history["val_accuracy"][-1], after))
            if tried:
                found.append(max(tried, key=lambda one: one[0])[1])
    return found


def transfer_table(transfers: Sequence[Transfer]) -> str:
    """A Markdown table of what was adapted, and how well each network reads then."""
    rows = [
        [
            "network",
            "adapted",
            "numbers",
            "learning rate",
            "clean",
            "changed",
            "seconds",
        ]
    ]
    for one in transfers:
        rate = "-" if one.learning_rate is None else f"{one.learning_rate:g}"
        rows.append(
            [
                one.network,
                one.adapted,
                f"{one.parameters:,}",
                rate,
                f"{one.clean_test_accuracy:.3f}",
                f"{one.test_accuracy:.3f}",
                f"{one.seconds:.0f}",
            ]
        )
    return common.markdown_table(rows)
