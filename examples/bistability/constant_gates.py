"""A BRC whose a and c are learned constants (Vecoven, Ernst, Drion 2021, section 4.1).

The paper reports that constant a and c, one pair for each unit, are not enough: a
unit has to become bistable, and to let its input in, when the input asks for it.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="examples")
class ConstantGatesCell(keras.layers.Layer):
    """h' = c * h + (1 - c) * tanh(x U + a * h), a = 1 + tanh(b_a), c = sigmoid(b_c).

    Equation 4 with a and c that neither the input nor the state moves.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            (input_shape[-1], self.units), "glorot_uniform", name="kernel"
        )
        self.feedback_bias = self.add_weight((self.units,), "zeros", name="feedback")
        self.update_bias = self.add_weight((self.units,), "zeros", name="update")

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        (h,) = states
        feedback = 1 + ops.tanh(self.feedback_bias)
        update = ops.sigmoid(self.update_bias)
        candidate = ops.tanh(ops.matmul(inputs, self.kernel) + feedback * h)
        h = update * h + (1 - update) * candidate
        return h, [h]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def constant_gates_layer(units: int, **kwargs: Any) -> keras.layers.RNN:
    """The cell over a sequence."""
    return keras.layers.RNN(ConstantGatesCell(units), **kwargs)
