"""Weight drop: dropout on a recurrent matrix, not on what passes through it.

Merity, Keskar, Socher, "Regularizing and Optimizing LSTM Language Models", 2017,
section 3, for any recurrent layer of Keras or of keras_modact.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_modact_examples")
class WeightDrop(keras.layers.Layer):
    """Runs a recurrent layer with some of its recurrent weights set to 0.

    In training every weight of `layer.cell.recurrent_kernel` is 0 with the
    probability `rate`, and the others are divided by 1 - rate. A call draws one
    mask, for all of its steps and sequences. A weight that was dropped has no
    gradient in that call. An activity regularizer of the layer does not act in
    training.

    Args:
        layer: The recurrent layer. It can be called with what this one is
            called with, and gives what this one gives.
        rate: Float in [0, 1), the share of weights dropped.
        seed: Integer seed of the masks, or None.
        **kwargs: `name`, `dtype` and `trainable`.
    """

    def __init__(
        self,
        layer: keras.layers.RNN,
        rate: float,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` must be in [0, 1), received {rate}.")
        super().__init__(**kwargs)
        self.layer = layer
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, sequences_shape: Sequence[int | None], *_: Any) -> None:
        if not self.layer.built:
            self.layer.build(sequences_shape)

    def call(
        self, sequences: Any, initial_state: Any = None, training: bool = False
    ) -> Any:
        if not training or self.rate == 0:
            return self.layer(sequences, initial_state=initial_state, training=training)
        kernel = self.layer.cell.recurrent_kernel
        # Without a noise shape, torch would draw from its global generator, which
        # no checkpoint of the model's variables holds.
        dropped = keras.random.dropout(
            kernel.value,
            self.rate,
            noise_shape=kernel.shape,
            seed=self.seed_generator,
        )
        fixed = self.layer.non_trainable_variables
        # Values in place of variables: so the backend's gradient goes through
        # the mask to the variable itself, which is never written to.
        outputs, new_values = self.layer.stateless_call(
            *(
                [dropped if v is kernel else v.value for v in variables]
                for variables in (self.layer.trainable_variables, fixed)
            ),
            sequences,
            initial_state=initial_state,
            training=True,
        )
        for variable, value in zip(fixed, new_values, strict=True):
            # A frozen kernel must not take its dropped value.
            if variable is not kernel:
                variable.assign(value)
        return outputs

    def get_initial_state(self, batch_size: int) -> Any:
        """The layer's, as of a recurrent layer."""
        return self.layer.get_initial_state(batch_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "rate": self.rate,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightDrop:
        layer = keras.saving.deserialize_keras_object(config.pop("layer"))
        return cls(layer, **config)
