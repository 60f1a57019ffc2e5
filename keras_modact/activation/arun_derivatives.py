"""The equations of the ARUN cell, as a step and as its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from keras_modact import numerics
from keras_modact.activation.gamma import gamma, gamma_derivatives
from keras_modact.activation.gamma_cell import PlainCell
from keras_modact.arguments import Tensor
from keras_modact.recurrence import affine, arithmetic


class ARUNDerivatives(PlainCell):
    """What `ARUNCell` computes; the weights are made in its `build`.

    Tensors `(..., units, supervisor_units)` are the cost of this cell, and torch
    pays more for the memory of a new one than for a sum. So sums over them go by
    `+=`, which is in place there, always into a tensor made the line before.
    """

    supervisor_kernel: Any
    supervisor_recurrent_kernel: Any
    supervisor_bias: Any
    gain_kernel: Any
    gain_bias: Any
    saturation_kernel: Any
    saturation_bias: Any

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, g = states
        a = self.pre_activation(projected, h, recurrent_mask)
        g = self._supervise(a, g)
        gain, saturation = self.adaptation(g)
        return [gamma(a, gain, saturation), g]

    def _supervise(self, a: Tensor, g: Tensor) -> Tensor:
        """The supervisor's next state, for every unit by itself."""
        driven = numerics.matmul(g, self.supervisor_recurrent_kernel)
        driven += a[..., None] * numerics.weight_like(self.supervisor_kernel, a)
        if self.use_bias:
            driven += numerics.weight_like(self.supervisor_bias, a)
        return arithmetic.tanh(driven)

    def adaptation(self, g: Any) -> tuple[Tensor, Tensor]:
        """Gain and saturation of every unit, also for a look at what they do.

        Args:
            g: The supervisor's state, `(..., units, supervisor_units)`.

        Returns:
            The gain n and the saturation s, each `(..., units)`.
        """
        g = ops.convert_to_tensor(g)
        gain = numerics.matmul(g, self.gain_kernel)
        saturation = numerics.matmul(g, self.saturation_kernel)
        return (
            ops.squeeze(gain + numerics.weight_like(self.gain_bias, g), -1),
            ops.squeeze(saturation + numerics.weight_like(self.saturation_bias, g), -1),
        )

    def linearize(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, g = states
        a = self.pre_activation(projected, h, recurrent_mask)
        # The state after a step is the one before the next: only that after the
        # last is to be computed. (After a masked step it is another one than the
        # step gives, and no gradient enters such a step.)
        after = ops.concatenate([g[1:], self._supervise(a[-1:], g[-1:])])
        derivatives = gamma_derivatives(a, *self.adaptation(after))
        return [*(ops.cast(by, a.dtype) for by in derivatives), after, a]

    def pull_back(
        self,
        factors: Sequence[Tensor],
        gradients: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        by_a, by_gain, by_saturation, after, _ = factors
        of_h, of_g = gradients
        of_gain, of_saturation = of_h * by_gain, of_h * by_saturation
        of_driven = arithmetic.matmul_transposed(of_gain[..., None], self.gain_kernel)
        of_driven += arithmetic.matmul_transposed(
            of_saturation[..., None], self.saturation_kernel
        )
        of_driven += of_g
        of_driven = arithmetic.before_tanh(after, of_driven)
        through = arithmetic.matmul_transposed(of_driven, self.supervisor_kernel)
        of_a = of_h * by_a + through[..., 0]
        before = [
            affine.state_gradient(self, of_a, recurrent_mask),
            arithmetic.matmul_transposed(of_driven, self.supervisor_recurrent_kernel),
        ]
        return before, [of_a, of_gain, of_saturation, of_driven]

    def weight_gradients(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        factors: Sequence[Tensor],
        kept: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
        h, g = states
        *_, after, a = factors
        of_a, of_gain, of_saturation, of_driven = kept
        of_inputs, gradients = affine.weight_gradients(
            self, inputs, h, of_a, recurrent_mask
        )
        gradients["supervisor_kernel"] = arithmetic.outer_sum(a[..., None], of_driven)
        gradients["supervisor_recurrent_kernel"] = arithmetic.outer_sum(g, of_driven)
        if self.use_bias:
            gradients["supervisor_bias"] = arithmetic.sum_but_last(of_driven)
        for name, of_one in (("gain", of_gain), ("saturation", of_saturation)):
            column = of_one[..., None]
            gradients[f"{name}_kernel"] = arithmetic.outer_sum(after, column)
            gradients[f"{name}_bias"] = arithmetic.sum_but_last(column)
        return of_inputs, gradients
