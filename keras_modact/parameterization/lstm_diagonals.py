"""The diagonals of the adaptive LSTM cell: where they lie, and what they are."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_modact import numerics
from keras_modact.arguments import Tensor
from keras_modact.parameterization.lstm_base import GATES, AdaptiveLSTMBase


class Adaptation(NamedTuple):
    """The diagonals of one step, each `(..., size)`, or None where it is 1."""

    input: Tensor | None
    """pi_x, of the size of the input."""
    state: Tensor | None
    """pi_h, of the size of h."""
    input_gates: Tensor | None
    """pi_xg, for what the four gates read of the input."""
    state_gates: Tensor | None
    """pi_hg, for what the four gates read of h."""
    bias: Tensor | None
    """pi_b, for the four gates' bias."""


class AdaptiveLSTMDiagonals(AdaptiveLSTMBase):
    """The part of `AdaptiveLSTMCell` between the policy's z and the gates."""

    def diagonal_places(self) -> tuple[tuple[tuple[int, int] | None, ...], int]:
        """Where each diagonal lies in what `diagonals` returns, and U's columns."""
        sizes = self._sizes()
        ends = pairwise(accumulate(sizes, initial=0))
        places = tuple(at if at[0] < at[1] else None for at in ends)
        if self.slicing == "published":
            return places, self.features + 13 * self.units
        return places, sum(sizes)

    def _sizes(self) -> list[int]:
        """The sizes of the diagonals, 0 where one is not adapted."""
        before = self.adaptation_name in ("input", "io")
        after = self.adaptation_name in ("output", "io")
        adapted = [before, before, after, after, self.adapt_bias and self.use_bias]
        gates = [GATES * self.units] * 3
        sizes = [self.features, self.units, *gates]
        return [size * there for size, there in zip(sizes, adapted, strict=True)]

    def published_places(self) -> list[tuple[int, int]]:
        """Where the authors' code has the adapted diagonals in tau(z @ U)."""
        i, h = self.features, self.units
        places = [(0, i), (i, i + h), (h, 5 * h), (4 * h, 8 * h), (4 * h, 8 * h)]
        return [at for at, size in zip(places, self._sizes(), strict=True) if size]

    def adaptation(self, latent: Any) -> Adaptation:
        """The diagonals pi that a policy's z stands for, also for a look at them.

        Args:
            latent: z, `(..., policy_units)`: with a recurrent policy the third
                state after the step, with a static one relu(v P + p).

        Returns:
            A named tuple of `input`, `state`, `input_gates`, `state_gates` and
            `bias`.
        """
        self.check_built()
        z = ops.convert_to_tensor(latent)
        if z.shape[-1] != self.policy_units:
            raise ValueError(
                "`adaptation` takes z of shape (..., policy_units), here with "
                f"{self.policy_units} units, received the shape {tuple(z.shape)}."
            )
        return self.cut(self.diagonals(self.logits(z)))

    def logits(self, z: Tensor) -> Tensor:
        """z @ U, the columns of the adapted diagonals side by side."""
        return z @ self.columns(z)

    def columns(self, like: Tensor) -> Tensor:
        """U in the dtype of a tensor, its columns as `logits` has them."""
        kernel = numerics.weight_like(self.adaptation_kernel, like)
        if self.slicing == "exact":
            return kernel
        places = self.published_places()
        return ops.concatenate([kernel[:, start:end] for start, end in places], axis=-1)

    def diagonals(self, logits: Tensor) -> Tensor:
        """pi, all that are adapted side by side, from z @ U."""
        if self.around_one and self.policy_activation is keras.activations.tanh:
            # 1 + tanh, with all digits where it is small, and at a fifth of the cost.
            return 2 * ops.sigmoid(2 * logits)
        tau = numerics.activate(self.policy_activation, logits)
        return 1 + tau if self.around_one else tau

    def cut(self, pi: Tensor) -> Adaptation:
        """The diagonals of which `diagonals` makes one tensor."""
        return Adaptation(
            *(None if at is None else pi[..., at[0] : at[1]] for at in self.places)
        )
