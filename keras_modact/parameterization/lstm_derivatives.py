"""The derivatives of the adaptive LSTM cell, for `keras_modact.recurrence.adjoint`.

What `lstm_cell` has as equations is here once more, from the last to the first:

    u   = ((x * pi_x) @ W) * pi_xg + ((h * pi_h) @ R) * pi_hg + b * pi_b
    pi  = [1 +] tau(z' @ U)
    z'  = the output of the policy, an LSTM or rectifiers

In the gradient of z' @ U each diagonal has what it scales as its factor: x, h, the
two products and b, side by side and times the derivative of tau in `linearize`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from keras import ops

from keras_modact import numerics, slopes
from keras_modact.arguments import Tensor
from keras_modact.numerics import masked
from keras_modact.parameterization.lstm_base import GATES
from keras_modact.parameterization.lstm_diagonals import AdaptiveLSTMDiagonals
from keras_modact.recurrence import arithmetic

Masks = tuple[Tensor | None, Tensor | None]
"""The dropout masks of h and of z."""


class AdaptiveLSTMDerivatives(AdaptiveLSTMDiagonals):
    """The part of `AdaptiveLSTMCell` that goes back in time.

    The methods beside those of `RecurrentCell` are for `StackedAdaptiveLSTMCell`,
    which hands them the z of the layer below and takes its gradient.
    """

    def why_no_derivatives(self) -> str | None:
        return slopes.why_unknown("policy_activation", self.policy_activation)

    def linearize(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        masks = recurrent_mask or (None, None)
        factors, *_ = self.differentiate(projected, states, masks)
        return factors

    def differentiate(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        masks: Masks,
        latent_below: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """`linearize`, in a stack with the z of the layer below as well.

        Args:
            projected: As in `linearize`.
            states: As in `linearize`.
            masks: Dropout masks of h and of z, or None.
            latent_below: z of the layer below, `(steps, batch, policy_units)`, or
                None.

        Returns:
            What `linearize` returns, and h after each step.
        """
        x, h, of_policy = self.summarize(projected, states, masks, latent_below)
        if self.policy == "recurrent":
            z, *by_policy = lstm_derivatives(of_policy, states[3])
        else:
            z, by_policy = ops.relu(of_policy), [slopes.of_relu(of_policy)]
        latent = masked(z, masks[1])
        logits = self.logits(latent)
        pi = self.diagonals(logits)
        u, of_input, of_state = self.gates(x, h, self.cut(pi))
        scaled = [x, h, of_input, of_state, None]
        if self.use_bias:
            scaled[-1] = numerics.weight_like(self.bias, u)
        slope = slopes.slope_of(self.policy_activation)
        if slope is None:
            raise TypeError(f"{self.why_no_derivatives()}.")
        of_diagonals = self.cut(slope(logits, pi - 1 if self.around_one else pi))
        by_logits = [
            by_one * what
            for by_one, what in zip(of_diagonals, scaled, strict=True)
            if by_one is not None
        ]
        output, *by_lstm = lstm_derivatives(u, states[1])
        by_logits = arithmetic.concatenate(by_logits)
        return [latent, pi, by_logits, *by_lstm, *by_policy], output

    def pull_back(
        self,
        factors: Sequence[Tensor],
        gradients: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        masks = recurrent_mask or (None, None)
        _, pi, by_logits, *by_lstm = factors
        by_lstm, by_policy = by_lstm[:3], by_lstm[3:]
        diagonals = self.cut(pi)
        of_h, of_c, *of_policy_states = gradients
        of_gates, of_c = pull_back_lstm(of_h, of_c, by_lstm)
        of_x = arithmetic.matmul_transposed(
            masked(of_gates, diagonals.input_gates), self.kernel
        )
        of_h = arithmetic.matmul_transposed(
            masked(of_gates, diagonals.state_gates), self.recurrent_kernel
        )
        of_scaled = [of_x, of_h, of_gates, of_gates, of_gates]
        adapted = [
            gradient
            for gradient, at in zip(of_scaled, self.places, strict=True)
            if at is not None
        ]
        of_logits = arithmetic.concatenate(adapted) * by_logits
        of_z = arithmetic.matmul_transposed(of_logits, self.columns(of_logits))
        of_z = masked(of_z, masks[1])
        if self.policy == "recurrent":
            of_z = of_z + of_policy_states[0]
            of_policy, of_policy_c = pull_back_lstm(
                of_z, of_policy_states[1], by_policy
            )
            of_z = arithmetic.matmul_transposed(of_policy, self.policy_recurrent_kernel)
            of_policy_states = [masked(of_z, masks[1]), of_policy_c]
        else:
            of_policy = of_z * by_policy[0]
        above = self.features + self.units
        of_h = masked(of_h, diagonals.state) + arithmetic.matmul_transposed(
            of_policy, self.policy_kernel[self.features : above]
        )
        kept = [of_gates, of_x, of_logits, of_policy]
        return [masked(of_h, masks[0]), of_c, *of_policy_states], kept

    def weight_gradients(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        factors: Sequence[Tensor],
        kept: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
        masks = recurrent_mask or (None, None)
        return (
            partial(self.input_gradient, factors, kept),
            self.gradients_of_weights(inputs, states, factors, kept, masks),
        )

    def input_gradient(
        self, factors: Sequence[Tensor], kept: Sequence[Tensor]
    ) -> Tensor:
        """The gradient of the inputs, of one step or of any number of steps."""
        of_policy = arithmetic.matmul_transposed(
            kept[-1], self.policy_kernel[: self.features]
        )
        return masked(kept[1], self.cut(factors[1]).input) + of_policy

    def below_gradient(self, kept: Sequence[Tensor]) -> Tensor:
        """The gradient of the z of the layer below."""
        above = self.features + self.units
        return arithmetic.matmul_transposed(kept[-1], self.policy_kernel[above:])

    def gradients_of_weights(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        factors: Sequence[Tensor],
        kept: Sequence[Tensor],
        masks: Masks,
        latent_below: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The gradients of the weights by the names of their attributes.

        Args:
            inputs: As in `weight_gradients`.
            states: As in `weight_gradients`.
            factors: As in `weight_gradients`.
            kept: As in `weight_gradients`.
            masks: As in `differentiate`.
            latent_below: As in `differentiate`.
        """
        latent, pi, *_ = factors
        of_gates, _, of_logits, of_policy = kept
        diagonals = self.cut(pi)
        h = masked(states[0], masks[0])
        below = [] if latent_below is None else [latent_below]
        summary = arithmetic.concatenate([inputs, h, *below])
        gradients = {
            "kernel": arithmetic.outer_sum(
                masked(inputs, diagonals.input),
                masked(of_gates, diagonals.input_gates),
            ),
            "recurrent_kernel": arithmetic.outer_sum(
                masked(h, diagonals.state), masked(of_gates, diagonals.state_gates)
            ),
            "policy_kernel": arithmetic.outer_sum(summary, of_policy),
            "policy_bias": arithmetic.sum_but_last(of_policy),
            "adaptation_kernel": self._in_place(
                arithmetic.outer_sum(latent, of_logits)
            ),
        }
        if self.use_bias:
            of_bias = masked(of_gates, diagonals.bias)
            gradients["bias"] = arithmetic.sum_but_last(of_bias)
        if self.policy == "recurrent":
            gradients["policy_recurrent_kernel"] = arithmetic.outer_sum(
                masked(states[2], masks[1]), of_policy
            )
        return gradients

    def _in_place(self, of_columns: Tensor) -> Tensor:
        """The gradient of U, from that of the columns side by side."""
        if self.slicing == "exact":
            return of_columns
        width = self.adaptation_kernel.shape[-1]
        start, placed = 0, []
        for first, end in self.published_places():
            block = of_columns[:, start : start + end - first]
            placed.append(ops.pad(block, [[0, 0], [first, width - end]]))
            start += end - first
        # Columns that several diagonals read get the gradients of all of them.
        return ops.sum(ops.stack(placed), axis=0)


def lstm_derivatives(gates: Tensor, c: Tensor) -> list[Tensor]:
    """The output of an LSTM step, and the factors of `pull_back_lstm`."""
    i, f, g, o = ops.split(gates, GATES, axis=-1)
    i, f, o = map(arithmetic.sigmoid, (i, f, o))
    g = arithmetic.tanh(g)
    active = arithmetic.tanh(arithmetic.multiply_add(f, c, i * g))
    by_gates = [
        arithmetic.before_sigmoid(i, g),
        arithmetic.before_sigmoid(f, c),
        arithmetic.before_tanh(g, i),
        arithmetic.before_sigmoid(o, active),
    ]
    by_c = arithmetic.before_tanh(active, o)
    return [o * active, arithmetic.concatenate(by_gates), by_c, f]


def pull_back_lstm(
    of_h: Tensor, of_c: Tensor, factors: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """The gradients of the gates, side by side, and of c before an LSTM step."""
    by_gates, by_c, forget = factors
    of_c = arithmetic.multiply_add(of_h, by_c, of_c)
    of_gates = arithmetic.concatenate([of_c, of_c, of_c, of_h]) * by_gates
    return of_gates, of_c * forget
