"""One step at a time, the states handed on, gives what the whole sequence gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_modact import NBRC, ModulatedLSTMCell, one_step
from tests.gradients import as_float64
from tests.layer_table import RECURRENT_CLASSES, Row, row_id


def by_steps(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What the model of one step gives, step by step."""
    x = ops.convert_to_tensor(x)
    step = one_step(model)
    states = [ops.zeros((x.shape[0], *s.shape[1:])) for s in step.inputs[1:]]
    outputs = []
    for t in range(x.shape[1]):
        output, *states = step([x[:, t], *states])
        outputs.append(as_float64(output))
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_every_cell(row: Row) -> None:
    layer = row.layer(return_sequences=True, go_backwards=False)
    model = keras.Sequential([keras.Input((None, row.input_shape[-1])), layer])
    x = row.batch(3)
    whole = as_float64(model(x))
    assert np.abs(whole[:, 1:] - whole[:, :-1]).max() > 1e-3
    np.testing.assert_allclose(by_steps(model, x), whole, rtol=0, atol=1e-6)


def test_a_stack_with_layers_of_keras_and_one_output_at_the_end() -> None:
    stacked = layers.RNN([layers.LSTMCell(3), ModulatedLSTMCell(4)], True)
    inner = keras.Sequential([layers.Dense(4, "tanh"), layers.LayerNormalization()])
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            stacked,
            layers.TimeDistributed(inner),
            layers.GRU(4, return_sequences=True),
            NBRC(5),
            layers.Dense(2),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    got = by_steps(model, x)
    for t in (1, 3):
        np.testing.assert_allclose(
            got[:, t], as_float64(model(x[:, : t + 1])), rtol=0, atol=1e-6
        )


def of(*inner: Any) -> keras.Model:
    return keras.Sequential([keras.Input((6, 4)), *inner])


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a functional model": (
        lambda: keras.Model(x := keras.Input((6, 4)), NBRC(2)(x)),
        "takes a built keras.Sequential, received Functional",
    ),
    "not built": (lambda: keras.Sequential([NBRC(2)]), "built=False. Build it"),
    "backwards": (
        lambda: of(NBRC(2, go_backwards=True, name="back")),
        "NBRC 'back' has go_backwards=True",
    ),
    "both ways": (
        lambda: of(layers.Bidirectional(NBRC(2), name="both")),
        "Bidirectional 'both' does not act on each step",
    ),
    "over time": (
        lambda: of(NBRC(2, return_sequences=True), layers.Flatten(name="flat")),
        "Flatten 'flat' does not act on each step",
    ),
    "after the end": (
        lambda: of(NBRC(2), layers.RepeatVector(3), NBRC(2, name="second")),
        "NBRC 'second' comes after a layer with return_sequences=False",
    ),
    "no states": (lambda: of(layers.Dense(2)), "no recurrent layer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        one_step(make())
