"""What the adaptive LSTM cells share: their arguments, and how a mask acts."""

from __future__ import annotations

from typing import Any

import keras

from keras_modact import arguments, weight_arguments
from keras_modact.recurrence import RecurrentCell

GATES = 4
POLICIES = ("recurrent", "static")
ADAPTATIONS = ("input", "output", "io")
SLICINGS = ("exact", "published")
POLICY_WEIGHTS = ("policy_kernel", "policy_recurrent", "policy_bias", "adaptation")


class AdaptiveLSTMBase(RecurrentCell):
    """The constructor of the adaptive LSTM cells.

    Args:
        units: Positive integer, the size of the output.
        policy_units: Positive integer, A, the size of the policy's z.
        adaptation: "input", "output" or "io".
        adapt_bias: Boolean, whether the bias is adapted.
        policy_activation: tau.
        around_one: Boolean, pi = 1 + tau(z U), U zero at first.
        slicing: "exact" or "published".
        unit_forget_bias: Boolean, start the bias of the forget gate at 1.
        policy_dropout: Float in [0, 1), share of z dropped in training.
        policy_kernel_initializer: Initializer of `policy_kernel`, or None.
        policy_recurrent_initializer: Initializer of `policy_recurrent_kernel`,
            or None.
        policy_bias_initializer: Initializer of `policy_bias`, or None.
        adaptation_initializer: Initializer of `adaptation_kernel`, or None.
        policy_kernel_regularizer: Regularizer of `policy_kernel`.
        policy_recurrent_regularizer: Regularizer of `policy_recurrent_kernel`.
        policy_bias_regularizer: Regularizer of `policy_bias`.
        adaptation_regularizer: Regularizer of `adaptation_kernel`.
        **kwargs: The arguments of `RecurrentCell`.
    """

    def __init__(
        self,
        units: int,
        policy_units: int,
        adaptation: str,
        adapt_bias: bool,
        policy_activation: Any,
        around_one: bool,
        slicing: str,
        unit_forget_bias: bool,
        policy_dropout: float,
        policy_kernel_initializer: Any,
        policy_recurrent_initializer: Any,
        policy_bias_initializer: Any,
        adaptation_initializer: Any,
        policy_kernel_regularizer: Any,
        policy_recurrent_regularizer: Any,
        policy_bias_regularizer: Any,
        adaptation_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        policy_units = arguments.positive_integer("policy_units", policy_units)
        adaptation = arguments.one_of("adaptation", adaptation, ADAPTATIONS)
        adapt_bias = arguments.truth_value("adapt_bias", adapt_bias)
        tau = arguments.activation("policy_activation", policy_activation)
        around_one = arguments.truth_value("around_one", around_one)
        slicing = arguments.one_of("slicing", slicing, SLICINGS)
        unit_forget_bias = arguments.truth_value("unit_forget_bias", unit_forget_bias)
        policy_dropout = arguments.dropout_rate("policy_dropout", policy_dropout)
        super().__init__(units=units, **kwargs)
        for weight in POLICY_WEIGHTS:
            if given[f"{weight}_initializer"] is None:
                zero = weight == "adaptation" and around_one
                published = keras.initializers.RandomUniform(
                    -(policy_units**-0.5), policy_units**-0.5
                )
                given[f"{weight}_initializer"] = "zeros" if zero else published
        weight_arguments.keep(self, POLICY_WEIGHTS, given)
        self.policy_units = policy_units
        self.adaptation_name = adaptation
        self.adapt_bias = adapt_bias
        self.policy_activation = tau
        self.around_one = around_one
        self.slicing = slicing
        self.unit_forget_bias = unit_forget_bias
        self.policy_dropout = policy_dropout
        if policy_dropout and not (self.dropout or self.recurrent_dropout):
            self.seed_generator = keras.random.SeedGenerator(self.seed)

    def dropout_rates(self) -> dict[str, float]:
        return {**super().dropout_rates(), "policy_dropout": self.policy_dropout}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "policy_units": self.policy_units,
            "adaptation": self.adaptation_name,
            "adapt_bias": self.adapt_bias,
            "policy_activation": keras.activations.serialize(self.policy_activation),
            "around_one": self.around_one,
            "slicing": self.slicing,
            "unit_forget_bias": self.unit_forget_bias,
            "policy_dropout": self.policy_dropout,
            **weight_arguments.config(self, POLICY_WEIGHTS),
        }
