"""Layers of language models: the state carried over windows, the tied embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from examples.parameterization.weight_drop import WeightDrop


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

    def __init__(self, layer: keras.layers.RNN | WeightDrop, **kwargs: Any) -> None:
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
class TiedEmbedding(keras.layers.Layer):
    """An embedding that gives, with `reverse=True`, logits of the same matrix.

    To what `keras.layers.ReversibleEmbedding` does, it adds a bias of the logits
    and, in training, dropout of whole words: a call draws for every word of the
    vocabulary whether its vector is 0 wherever it stands.

    Args:
        vocabulary: The number of words.
        units: The size of a word's vector.
        embedding_range: Float, the size of the largest initial weights, which are
            uniform. Defaults to 0.1, as published with AWD-LSTM.
        word_dropout: Float in [0, 1), the share of words dropped.
        seed: Integer seed of the dropout, or None.
        **kwargs: `name`, `dtype` and `trainable`.
    """

    def __init__(
        self,
        vocabulary: int,
        units: int,
        embedding_range: float = 0.1,
        word_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.units = units
        self.embedding_range = embedding_range
        self.word_dropout = word_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.embedding = keras.layers.ReversibleEmbedding(
            vocabulary,
            units,
            embeddings_initializer=keras.initializers.RandomUniform(
                -embedding_range, embedding_range
            ),
        )

    def build(self, inputs_shape: Sequence[int | None]) -> None:
        self.embedding.build(inputs_shape)
        self.bias = self.add_weight(
            shape=(self.vocabulary,), initializer="zeros", name="bias"
        )

    def call(self, inputs: Any, reverse: bool = False, training: bool = False) -> Any:
        outputs = self.embedding(inputs, reverse=reverse)
        if reverse:
            return outputs + self.bias
        if not training or self.word_dropout == 0:
            return outputs
        shape = (self.vocabulary, 1)
        # The noise shape has torch draw from the layer's own generator.
        kept = keras.random.dropout(
            ops.ones(shape), self.word_dropout, shape, seed=self.seed_generator
        )
        return outputs * ops.take(kept, inputs, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "units": self.units,
            "embedding_range": self.embedding_range,
            "word_dropout": self.word_dropout,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="keras_modact_examples")
class ActivationPenalty(keras.layers.Layer):
    """Adds to the loss how large the last layer's outputs are, and how they change.

    In training, the mean square of what dropout leaves of h, times `alpha`, and
    the mean square of h_t - h_(t-1), before dropout, times `beta` (Merity,
    Keskar, Socher 2017, section 4.3).

    Args:
        alpha: Float of at least 0, of the outputs; AWD-LSTM has 2.
        beta: Float of at least 0, of their changes; AWD-LSTM has 1.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        sequences: The outputs `(batch, time, units)` without and with dropout.

    Output shape:
        That of one of them: the outputs with dropout.
    """

    def __init__(self, alpha: float = 0.0, beta: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha
        self.beta = beta

    def call(self, sequences: Sequence[Any], training: bool = False) -> Any:
        whole, dropped = sequences
        if training:
            self.add_loss(self.alpha * ops.mean(ops.square(dropped)))
            # A window of one step has no change.
            if whole.shape[1] is None or whole.shape[1] > 1:
                change = whole[:, 1:] - whole[:, :-1]
                self.add_loss(self.beta * ops.mean(ops.square(change)))
        return dropped

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta}
