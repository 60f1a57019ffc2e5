"""Layers of language models: the state carried over windows, the tied embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_modact_examples")
class CarriedState(keras.layers.Layer):
    """Runs a recurrent layer from where it stopped at the end of the last call.

    The gradient does not follow the state into the last call: this is truncated
    backpropagation through time. `stateful=True` of Keras' own layers does the
    same, but not on JAX.

    Args:
        layer: The recurrent layer, with `return_sequences` and `return_state`.
        **kwargs: `name`, `dtype` and `trainable`.

    Input shape:
        `(batch, time, features)`; the batch must be known.

    Output shape:
        `(batch, time, units)`.
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, sequences_shape: Sequence[int | None]) -> None:
        if sequences_shape[0] is None:
            raise ValueError(
                f"A carried state needs a known batch size, received the shape "
                f"{tuple(sequences_shape)}. Use keras.Input(batch_shape=...)."
            )
        self.layer.build(sequences_shape)
        first = keras.tree.flatten(self.layer.get_initial_state(sequences_shape[0]))
        self.states = [
            self.add_weight(
                shape=state.shape,
                initializer="zeros",
                trainable=False,
                name=f"state_{index}",
            )
            for index, state in enumerate(first)
        ]

    def call(self, sequences: Any, training: bool = False) -> Any:
        # Copies, since torch would write the new states into what the backward
        # pass still needs.
        outputs, *states = self.layer(
            sequences,
            initial_state=[ops.copy(state) for state in self.states],
            training=training,
        )
        for variable, state in zip(self.states, states, strict=True):
            variable.assign(ops.stop_gradient(state))
        return outputs

    def reset_state(self) -> None:
        """Lets the next call start from zeros."""
        for state in self.states:
            state.assign(ops.zeros(state.shape))

    def get_config(self) -> dict[str, Any]:
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CarriedState:
        layer = keras.saving.deserialize_keras_object(config.pop("layer"))
        return cls(layer, **config)


@keras.saving.register_keras_serializable(package="keras_modact_examples")
class TiedEmbedding(keras.layers.ReversibleEmbedding):
    """An embedding that gives, with `reverse=True`, logits of the same matrix.

    To what `keras.layers.ReversibleEmbedding` has, it adds a bias of the logits
    and, in training, dropout of whole words: a call draws for every word of the
    vocabulary whether its vector is 0 wherever it stands.

    Args:
        input_dim: The size of the vocabulary.
        output_dim: The size of a word's vector.
        word_dropout: Float in [0, 1), the share of words dropped.
        seed: Integer seed of the dropout, or None.
        **kwargs: Those of `keras.layers.ReversibleEmbedding`.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        word_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_dim, output_dim, **kwargs)
        self.word_dropout = word_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, inputs_shape: Any = None) -> None:
        super().build(inputs_shape)
        self.bias = self.add_weight(
            shape=(self.input_dim,), initializer="zeros", name="bias"
        )

    def call(self, inputs: Any, reverse: bool = False, training: bool = False) -> Any:
        outputs = super().call(inputs, reverse=reverse)
        if reverse:
            return outputs + self.bias
        if not training or self.word_dropout == 0:
            return outputs
        kept = keras.random.dropout(
            ops.ones((self.input_dim, 1)), self.word_dropout, seed=self.seed_generator
        )
        return outputs * ops.take(kept, inputs, axis=0)

    def compute_output_spec(
        self, inputs: Any, reverse: bool = False, training: bool = False
    ) -> Any:
        # Keras passes on `training`, which the class above does not take.
        return super().compute_output_spec(inputs, reverse=reverse)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "word_dropout": self.word_dropout,
            "seed": self.seed,
        }
