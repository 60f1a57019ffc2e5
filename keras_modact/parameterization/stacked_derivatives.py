"""The derivatives of a stack of adaptive LSTM cells, by those of its cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from keras_modact.arguments import Tensor
from keras_modact.numerics import masked
from keras_modact.parameterization.lstm_base import AdaptiveLSTMBase


class StackedAdaptiveLSTMDerivatives(AdaptiveLSTMBase):
    """The part of `StackedAdaptiveLSTMCell` that goes back in time.

    Its factors are those of each layer with h as the layer above reads it, from
    the first layer to the last. Gradients go the other way: a layer hands those of
    its input and of the z that it reads to the layer below, and the first layer
    that of z to the last one, a step before.
    """

    def why_no_derivatives(self) -> str | None:
        reason: str | None = self.cells[0].why_no_derivatives()
        return reason

    def linearize(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        masks = self.masks_by_layer(recurrent_mask)
        states = self.by_layer(states)
        below = self.first_below(states, masks)
        factors: list[Tensor] = []
        for cell, before, of_cell in zip(self.cells, states, masks, strict=True):
            if factors:
                projected = cell.project(factors[-1])
            of_layer, h = cell.differentiate(projected, before, of_cell, below)
            below = of_layer[0]
            factors += [*of_layer, masked(h, of_cell[0])]
        return factors

    def pull_back(
        self,
        factors: Sequence[Tensor],
        gradients: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> tuple[list[Tensor], list[Tensor]]:
        masks = self.masks_by_layer(recurrent_mask)
        after = self.by_layer(gradients)
        layers = len(self.cells)
        before: list[list[Tensor]] = [[]] * layers
        kept: list[list[Tensor]] = [[]] * layers
        of_factors = self._split(factors)
        for number in reversed(range(layers)):
            cell, of_layer = self.cells[number], of_factors[number][:-1]
            before[number], kept[number] = cell.pull_back(
                of_layer, after[number], masks[number]
            )
            if number:
                h, c, z, policy_c = after[number - 1]
                of_h, of_z = masks[number - 1]
                h = h + masked(cell.input_gradient(of_layer, kept[number]), of_h)
                z = z + masked(cell.below_gradient(kept[number]), of_z)
                after[number - 1] = [h, c, z, policy_c]
        if layers > 1:
            of_z = masked(self.cells[0].below_gradient(kept[0]), masks[-1][1])
            before[-1][2] = before[-1][2] + of_z
        return self.flat(before), [tensor for of_layer in kept for tensor in of_layer]

    def weight_gradients(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        factors: Sequence[Tensor],
        kept: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
        masks = self.masks_by_layer(recurrent_mask)
        states = self.by_layer(states)
        below = self.first_below(states, masks)
        of_factors, of_kept = self._split(factors), self._split(kept)
        of_inputs = partial(self.cells[0].input_gradient, of_factors[0], of_kept[0])
        gradients = {}
        for number, cell in enumerate(self.cells):
            *of_layer, h = of_factors[number]
            of_weights = cell.gradients_of_weights(
                inputs, states[number], of_layer, of_kept[number], masks[number], below
            )
            for name, gradient in of_weights.items():
                gradients[f"{cell.name}.{name}"] = gradient
            inputs, below = h, of_layer[0]
        return of_inputs, gradients

    def _split(self, tensors: Sequence[Tensor]) -> list[Sequence[Tensor]]:
        """Tensors of all layers, of each the same number, by layer."""
        size = len(tensors) // len(self.cells)
        return [tensors[at : at + size] for at in range(0, len(tensors), size)]
