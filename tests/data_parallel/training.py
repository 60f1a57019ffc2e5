"""What the scripts of all backends share: models, batch, steps and the result."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from tests.layer_table import LAYER_ROWS, Row

# As many sequences as the adjoint wants on JAX.
BATCH_SIZE = 16
STEPS = 10
LEARNING_RATE = 0.01

# Layers that train alike however a batch is divided, and have what is trained: of
# each room one that is not recurrent, and of the recurrent ones, which share how they
# run, one with derivatives written by hand and one without.
ROWS = list(
    {
        row.cls.__module__.split(".")[1]: row
        for row in LAYER_ROWS
        if not row.draws and row.count and not row.is_recurrent
    }.values()
) + [row for row in LAYER_ROWS if row.name in ("NBRC", "ModulatedLSTM")]

Train = Callable[[keras.Model, np.ndarray, np.ndarray], None]


def arguments() -> tuple[Path, int]:
    """The file to write and the number of devices, from the command line."""
    output, devices = sys.argv[1:]
    return Path(output), int(devices)


def new_model(row: Row) -> keras.Model:
    """A model that starts with the same weights in every process."""
    keras.utils.set_random_seed(1)
    model = row.model()
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(scale=0.1, size=variable.shape))
    return model


def batch(model: keras.Model) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and targets of every step."""
    random = np.random.default_rng(2)
    inputs = random.normal(size=(BATCH_SIZE, *model.input_shape[1:]))
    targets = random.normal(size=(BATCH_SIZE, *model.output_shape[1:]))
    return inputs.astype("float32"), targets.astype("float32")


def fit(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> None:
    """Trains as a user of Keras does; the backend's distribution is in force."""
    model.compile(keras.optimizers.SGD(LEARNING_RATE), "mean_squared_error")
    model.fit(
        inputs, targets, batch_size=BATCH_SIZE, epochs=STEPS, shuffle=False, verbose=0
    )


def train_every_row(train: Train) -> dict[str, np.ndarray]:
    """Trains a model for every row.

    Returns:
        Arrays named `row/number/initial` and `row/number/trained` for every
        trainable weight.
    """
    weights = {}

    def note(model: keras.Model, row: Row, when: str) -> None:
        for number, variable in enumerate(model.trainable_variables):
            value = keras.ops.convert_to_numpy(variable)
            weights[f"{row.name}/{number}/{when}"] = np.array(value)

    for row in ROWS:
        model = new_model(row)
        note(model, row, "initial")
        train(model, *batch(model))
        note(model, row, "trained")
    return weights
