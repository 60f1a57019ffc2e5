"""Mistakes that mypy must find in classes which derive from Keras' own.

Not run: `tox run -e types` reads it. An ignored error that is none is an error itself.
"""

from __future__ import annotations

from typing import Any

import keras

import keras_modact
from keras_modact.recurrence import RecurrentCell, RecurrentLayer


class Cell(RecurrentCell):
    def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
        self.add_weight(name="a")
        return self.summarise(projected)  # type: ignore[attr-defined]


class Layer(RecurrentLayer):
    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        self.cells = self.cell, self.states
        self.reset_states()
        self.reset_gates()  # type: ignore[attr-defined]


class Negative(keras_modact.NegLU):
    def call(self, inputs: Any) -> Any:
        assert not isinstance(self.built, str)
        return self.negative(inputs)  # type: ignore[attr-defined]


class Start(keras_modact.Henaff):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "low": self.low}  # type: ignore[attr-defined]


def of_keras(inputs: Any) -> None:
    """The layers of Keras that nothing derives from are anything to mypy."""
    keras.layers.Dense(1).whatever(keras.ops.whatever(inputs))
    keras_modact.NBRC(8)(inputs)
    keras_modact.NBRC(8).forget()  # type: ignore[attr-defined]
    keras_modact.AdaptiveConv2D(8, 3).filter  # type: ignore[attr-defined]  # noqa: B018
    keras_modact.NBRC(8, return_sequence=True)  # type: ignore[call-arg]
    keras_modact.StackedAdaptiveLSTM([8, 8], policy_units="8")  # type: ignore[arg-type]
