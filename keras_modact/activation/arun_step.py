"""The equations of the ARUN cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_modact import numerics
from keras_modact.activation.gamma import gamma
from keras_modact.activation.gamma_cell import PlainCell
from keras_modact.arguments import Tensor
from keras_modact.recurrence import arithmetic


class ARUNStep(PlainCell):
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
