"""The base class of the package's recurrent cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_modact import arguments, numerics, weight_arguments
from keras_modact.arguments import Tensor

WEIGHTS = ("kernel", "recurrent", "bias")


class RecurrentCell(keras.layers.Layer):
    """One step of a recurrent layer, split so that it can be run in several ways.

    A cell states its mathematics in two methods:

    * `project(inputs)`: the part that depends on the input alone, all gates in
      one product. It takes one step `(batch, features)` as well as a whole
      sequence `(batch, time, features)`.
    * `step(projected, states, recurrent_mask)`: the recurrence, one time step.

    `call` is `step` after `project`, so that `keras.layers.RNN(cell)`,
    `keras.layers.StackedRNNCells` and `keras.layers.Bidirectional` work with no
    help. The output of a cell is its first state, always. No random number is
    drawn and no variable changes inside a step.

    A subclass adds `build`, `project`, `step`, and its own constructor
    arguments to `get_config`. A cell with more than one state also sets
    `state_size` to the list of their sizes, after `super().__init__`; a size is
    an integer, or a tuple for a state with more axes than `(batch, size)`. One
    with further dropout adds its rate to `dropout_rates`, and its mask to the
    recurrent one in `dropout_masks`.

    Args:
        units: Positive integer, the number of units.
        use_bias: Boolean, whether the cell has a bias.
        kernel_initializer: Initializer of the input kernel.
        recurrent_initializer: Initializer of the recurrent kernel.
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the input kernel.
        recurrent_regularizer: Regularizer of the recurrent kernel.
        bias_regularizer: Regularizer of the bias.
        kernel_constraint: Constraint on the input kernel.
        recurrent_constraint: Constraint on the recurrent kernel.
        bias_constraint: Constraint on the bias.
        dropout: Float in [0, 1), share of the inputs dropped in training.
        recurrent_dropout: Float in [0, 1), share of the state that is dropped,
            in training, where the gates read it. The state that is carried on
            is never dropped.
        seed: Integer seed of the dropout masks, or None.
        **kwargs: `name`, `dtype` and `trainable`, as in `keras.layers.Layer`.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        units = arguments.positive_integer("units", units)
        use_bias = arguments.truth_value("use_bias", use_bias)
        dropout = arguments.dropout_rate("dropout", dropout)
        recurrent_dropout = arguments.dropout_rate(
            "recurrent_dropout", recurrent_dropout
        )
        seed = arguments.random_seed("seed", seed)
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        weight_arguments.keep(self, WEIGHTS, given)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        if dropout or recurrent_dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)
        self.state_size: Any = units
        self.output_size = units

    def project(self, inputs: Tensor) -> Tensor:
        """The part of a step that depends on the input alone.

        Args:
            inputs: Tensor `(batch, features)` or `(batch, time, features)`.

        Returns:
            Tensor with the same leading axes and the gates on the last one.
        """
        raise TypeError(f"{type(self).__name__} must define `project(inputs)`.")

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        """The recurrence, from one time step to the next.

        Args:
            projected: What `project` returned for this step.
            states: The states before the step, each `(batch, size)`.
            recurrent_mask: Dropout mask `(batch, units)` for the state where
                the gates read it, or None.

        Returns:
            The states after the step; the first is the output.
        """
        raise TypeError(
            f"{type(self).__name__} must define "
            "`step(projected, states, recurrent_mask)`."
        )

    def call(
        self, inputs: Tensor, states: Any, training: bool = False
    ) -> tuple[Tensor, Any]:
        rates = self.dropout_rates()
        if training and any(rates.values()):
            received = ", ".join(f"{name}={rate}" for name, rate in rates.items())
            raise ValueError(
                f"A bare {type(self).__name__} cannot draw dropout masks: one "
                "mask must serve a whole sequence, and `keras.layers.RNN` calls "
                "the cell step by step with no hook before the loop. Received "
                f"{received}, training=True. Use the layer of the same name "
                "without `Cell`, which draws them, or set all of them to 0."
            )
        inputs = numerics.as_float(inputs, self.compute_dtype)
        nested = keras.tree.is_nested(states)
        new_states = self.step(
            self.project(inputs), list(states) if nested else [states]
        )
        return new_states[0], new_states if nested else new_states[0]

    def dropout_rates(self) -> dict[str, float]:
        """The rate of each kind of dropout, by the name of its argument."""
        return {"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout}

    def dropout_masks(
        self, batch_size: Any, features: int, training: bool
    ) -> tuple[Tensor | None, Any]:
        """Draws one input mask and one recurrent mask for a whole sequence.

        Args:
            batch_size: Integer or scalar tensor.
            features: Number of input features.
            training: Boolean; outside training nothing is drawn.

        Returns:
            The input mask `(batch, features)` and the recurrent mask
            `(batch, units)`, or whatever `step` takes in its place; None for a
            rate of 0.
        """
        if not training:
            return None, None
        return (
            self.draw_mask(batch_size, features, self.dropout),
            self.draw_mask(batch_size, self.units, self.recurrent_dropout),
        )

    def draw_mask(self, batch_size: Any, size: int, rate: float) -> Tensor | None:
        """A mask `(batch, size)` with kept elements at `1 / (1 - rate)`, or None."""
        if not rate:
            return None
        ones = ops.ones((batch_size, size), dtype=self.compute_dtype)
        # Without a noise shape Keras draws from torch's own generator wherever the
        # seed is None, and a layer's saved state does not bring its masks back.
        return keras.random.dropout(
            ones, rate, noise_shape=(None, size), seed=self.seed_generator
        )

    def state_shapes(self) -> list[tuple[int, ...]]:
        """The shape of every state, without the batch."""
        several = isinstance(self.state_size, list)
        sizes = self.state_size if several else [self.state_size]
        return [(size,) if isinstance(size, int) else tuple(size) for size in sizes]

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros for every state, in the compute dtype."""
        return [
            ops.zeros((batch_size, *shape), dtype=self.compute_dtype)
            for shape in self.state_shapes()
        ]

    def get_config(self) -> dict[str, Any]:
        config = {
            "units": self.units,
            "use_bias": self.use_bias,
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }
        config |= weight_arguments.config(self, WEIGHTS)
        return {**super().get_config(), **config}

    def checked_features(self, input_shape: Sequence[int | None]) -> int:
        """The number of input features, for `build`; kept in `self.features`."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' needs the number of input "
                f"features to make its weights, received the input shape "
                f"{tuple(input_shape)}. Give the last axis a size, for example "
                "with `keras.Input((None, 8))` for sequences of any length with "
                "8 features."
            )
        self.features = features
        return features

    def check_built(self) -> None:
        """Refuses a look at what weights do that are not there yet."""
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has no weights before it is "
                "built. Call it, or put it into a model with a `keras.Input`, first."
            )
