"""Tail regression: a small network that adapts its weights to reach extreme values.

Networks learn y = (2 x1)^2 - (3 x2)^4 + noise from x in two dimensions, drawn from
N(0, I) (Flennerhag et al. 2018, section 5.1, figure 2). Nearly all targets
lie close together, and those of a large |x2| lie thousands away. Singular value
adaptation, two layers of rank 2 and 55 parameters, stands against feed-forward
networks with layers of 10 units. Both sides count layers as the paper does on
MNIST, where "1-layer" is the output layer alone, so that "3-layer" has two
hidden layers: 151 parameters, 2.7 times 55 ("three times larger"). The model
`mlp-deep` reads it as three hidden layers, 261 parameters, and does better:

    export KERAS_BACKEND=jax
    python -m examples.parameterization.tail_regression
    python -m examples.parameterization.tail_regression --scale-targets
    python -m examples.parameterization.tail_regression --preset paper

The presets differ in the number of seeds; quick takes two to three minutes on two
cores.

"pi is a gated linear unit", says the paper here, and it says tanh where it comes
to the LSTM. So the policy of `adaptive` ends linearly, and a layer's output can
grow as the square of its input, two layers' as the fourth power; that of
`adaptive-tanh`, the default of `AdaptiveDense`, ends in a tanh, which bounds the
singular values. Neither has another activation function. With the paper's
settings (JAX, 20 seeds) the mean squared error of `adaptive` in the tail was .0005
to .19 of that of `mlp`, median .0024, and .0014 to 1.7 of that of `mlp-deep`, median
.030; that of `adaptive-tanh` .016 to 1.5 and .23 to 6.3, medians .11 and .86. A part
of the distance is the raw targets': compare with --scale-targets.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

import keras_modact
from examples.parameterization import tail_report
from examples.shared import command_line, records
from examples.shared.command_line import positive

# By name, how the policy ends, or the hidden layers of 10 units.
MODELS = {"adaptive": "linear", "adaptive-tanh": "tanh", "mlp": 2, "mlp-deep": 3}
RANK = 2
UNITS = 10
# The gated linear unit that gives 55 parameters, the nearest to a third of 151.
POLICY_UNITS = 2
# The tail: this share of the test samples, those with the largest |x2|.
TAIL = 0.05
TEST_SEED = 2018

PAPER_PRESET = {
    "batch_size": 50,
    # Fresh samples at every step, 10,000 steps.
    "epochs": 1,
    "samples": 500_000,
    "test_samples": 100_000,
    "learning_rate": 3e-3,
    "models": list(MODELS),
    "seeds": list(range(10)),
}

PRESETS = {"quick": {**PAPER_PRESET, "seeds": [0, 1, 2, 3, 4]}, "paper": PAPER_PRESET}


@dataclass
class Run:
    """One training, its errors on the test set, and what was trained.

    The predictor is the network with its outputs on the scale of the targets.
    """

    model: str
    seed: int
    parameters: int
    seconds: float
    tail_mse: float
    rest_mse: float
    tail_median: float
    rest_median: float
    network: keras.Model = field(repr=False)
    predictor: keras.Model = field(repr=False)

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        return {
            k: v for k, v in vars(self).items() if k not in ("network", "predictor")
        }


def make_samples(
    samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs `(samples, 2)` and targets `(samples, 1)`."""
    x = generator.standard_normal((samples, 2), "float32")
    noise = generator.standard_normal((samples, 1), "float32")
    return x, truth(x) + noise


def truth(x: np.ndarray) -> np.ndarray:
    """The target without its noise."""
    return (2 * x[:, :1]) ** 2 - (3 * x[:, 1:]) ** 4


def in_tail(x: np.ndarray) -> np.ndarray:
    """Whether each sample belongs to the share with the largest |x2|."""
    distance = np.abs(x[:, 1])
    return distance >= np.quantile(distance, 1 - TAIL)


def build_model(options: argparse.Namespace, model: str) -> keras.Model:
    """A network by name, compiled; its last layer gives the prediction."""
    kind = MODELS[model]
    if isinstance(kind, int):
        hidden = [keras.layers.Dense(UNITS, activation="relu") for _ in range(kind)]
        layers = [*hidden, keras.layers.Dense(1)]
    else:
        layers = [
            keras_modact.AdaptiveDense(
                units,
                adaptation="sva",
                rank=RANK,
                policy="glu",
                policy_units=options.policy_units,
                policy_activation=kind,
                around_one=options.around_one,
            )
            for units in (RANK, 1)
        ]
    network = keras.Sequential([keras.Input((2,)), *layers])
    network.compile(
        keras.optimizers.Adam(options.learning_rate),
        "mean_squared_error",
        # The steps are so small that on JAX much of the time passes between them.
        steps_per_execution=20 if keras.backend.backend() == "jax" else 1,
    )
    return network


def train_all(
    options: argparse.Namespace, test: tuple[np.ndarray, np.ndarray]
) -> list[Run]:
    """Trains every model with every seed; models of one seed see the same samples."""
    runs: list[Run] = []
    total = len(options.models) * len(options.seeds)
    test_x, test_y = test
    tail = in_tail(test_x)
    for seed in options.seeds:
        x, y = make_samples(options.samples, np.random.default_rng(seed))
        shift, factor = (y.mean(), y.std()) if options.scale_targets else (0.0, 1.0)
        for model in options.models:
            print(f"\nTraining {len(runs) + 1} of {total}: {model}, seed {seed}")
            keras.utils.set_random_seed(seed)
            network = build_model(options, model)
            start = time.perf_counter()
            network.fit(
                x,
                (y - shift) / factor,
                batch_size=options.batch_size,
                epochs=options.epochs,
                verbose=command_line.fit_verbosity(options),
            )
            seconds = time.perf_counter() - start
            unscale = keras.layers.Rescaling(float(factor), float(shift))
            predictor = keras.Sequential([keras.Input((2,)), network, unscale])
            predictions = predictor.predict(test_x, batch_size=10_000, verbose=0)
            error = (predictions - test_y)[:, 0]
            of_tail, of_rest = error[tail], error[~tail]
            runs.append(
                Run(
                    model,
                    seed,
                    network.count_params(),
                    seconds,
                    float(np.mean(of_tail**2)),
                    float(np.mean(of_rest**2)),
                    float(np.median(abs(of_tail))),
                    float(np.median(abs(of_rest))),
                    network,
                    predictor,
                )
            )
    return runs


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = command_line.option_parser(__doc__, "tail_regression")
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, help="which networks")
    add("--learning-rate", type=float, help="Adam's")
    add("--policy-units", type=positive, default=POLICY_UNITS)
    add(
        "--around-one",
        action="store_true",
        help="adapted singular values start at 1, not at random near 0",
    )
    add(
        "--scale-targets",
        action="store_true",
        help="train on targets of mean 0 and variance 1, not on raw ones as the paper",
    )
    return command_line.parse(parser, PRESETS, argv)


def make_test(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """The test set, the same for all runs."""
    return make_samples(options.test_samples, np.random.default_rng(TEST_SEED))


def run(options: argparse.Namespace) -> list[Run]:
    """Draws the data and trains, without a report."""
    return train_all(options, make_test(options))


def main(argv: Sequence[str] | None = None) -> list[Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    test = make_test(options)
    runs = train_all(options, test)
    records.write_results(options, (run.record() for run in runs))
    tail_report.report(options, runs, test, in_tail(test[0]), truth)
    return runs


if __name__ == "__main__":
    main()
