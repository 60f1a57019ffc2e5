"""What the adaptive LSTM cells share: their arguments, and how a mask acts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import keras

from keras_modact.recurrence import CellArguments, Fixed, LayerArguments, RecurrentCell
from keras_modact.utils import validation
from keras_modact.utils.weights import set_weight_arguments

GATES = 4
POLICIES = ("recurrent", "static")
ADAPTATIONS = ("input", "output", "io")
SLICINGS = ("exact", "published")
POLICY_WEIGHTS = ("policy_kernel", "policy_recurrent", "policy_bias", "adaptation")


class AdaptiveLSTMArguments(LayerArguments, total=False):
    """What the layers take beside units and policy, for editors and type checkers."""

    adaptation: str
    adapt_bias: bool
    policy_activation: Any
    around_one: bool
    slicing: str
    unit_forget_bias: bool
    policy_kernel_initializer: Any
    policy_recurrent_initializer: Any
    policy_bias_initializer: Any
    adaptation_initializer: Any
    policy_kernel_regularizer: Any
    policy_recurrent_regularizer: Any
    policy_bias_regularizer: Any
    adaptation_regularizer: Any
    policy_dropout: float


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

    defaults: ClassVar[Mapping[str, Any]] = {
        "kernel_initializer": "orthogonal",
        "recurrent_initializer": "orthogonal",
    }
    fixed_arguments: ClassVar[Mapping[str, Fixed]] = {
        "activation": Fixed("tanh", "the candidate is a tanh, by equation 8"),
        "recurrent_activation": Fixed(
            "sigmoid", "the gates are sigmoids, by equation 8"
        ),
    }

    def __init__(
        self,
        units: int,
        policy_units: int | None = None,
        adaptation: str = "io",
        adapt_bias: bool = True,
        policy_activation: Any = "tanh",
        around_one: bool = False,
        slicing: str = "exact",
        unit_forget_bias: bool = True,
        policy_kernel_initializer: Any = None,
        policy_recurrent_initializer: Any = None,
        policy_bias_initializer: Any = None,
        adaptation_initializer: Any = None,
        policy_kernel_regularizer: Any = None,
        policy_recurrent_regularizer: Any = None,
        policy_bias_regularizer: Any = None,
        adaptation_regularizer: Any = None,
        policy_dropout: float = 0.0,
        **kwargs: Unpack[CellArguments],
    ) -> None:
        given = dict(locals())
        units = validation.positive_integer("units", units)
        if policy_units is None:
            policy_units = default_policy_units(units)
        policy_units = validation.positive_integer("policy_units", policy_units)
        adaptation = validation.one_of("adaptation", adaptation, ADAPTATIONS)
        adapt_bias = validation.truth_value("adapt_bias", adapt_bias)
        tau = validation.activation("policy_activation", policy_activation)
        around_one = validation.truth_value("around_one", around_one)
        slicing = validation.one_of("slicing", slicing, SLICINGS)
        unit_forget_bias = validation.truth_value("unit_forget_bias", unit_forget_bias)
        policy_dropout = validation.dropout_rate("policy_dropout", policy_dropout)
        super().__init__(units=units, **kwargs)
        for weight in POLICY_WEIGHTS:
            if given[f"{weight}_initializer"] is None:
                zero = weight == "adaptation" and around_one
                published = keras.initializers.RandomUniform(
                    -(policy_units**-0.5), policy_units**-0.5
                )
                given[f"{weight}_initializer"] = "zeros" if zero else published
        set_weight_arguments(self, POLICY_WEIGHTS, given)
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
        return {**super().get_config(), "adaptation": self.adaptation_name}


def default_policy_units(*units: int) -> int:
    """The published proportion: 100 for the smaller layer of 1,150 and 400 units."""
    return max(1, min(units) // 4)
