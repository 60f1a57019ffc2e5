"""What the adjoint of a recurrent layer does with a block of steps.

Forward: one product for the inputs of all its steps, then the recurrence. Backward:
the projections and the cell's local derivatives are recomputed at once
(`cell.linearize`), then comes the one reverse recurrence that there is, that of the
states' gradient (`cell.pull_back`), and the gradients of inputs and weights follow
in a few large products (`cell.weight_gradients`). `adjoint_torch` and
`adjoint_scan` are the loops over blocks.

A masked step keeps the states: its input is replaced by zero before it is used,
and the states' gradient goes around it, so a NaN in the padding reaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_modact.arguments import Tensor
from keras_modact.recurrence import arithmetic, loop
from keras_modact.recurrence.cell import RecurrentCell

Body = Callable[[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]
"""From what is carried and the slices of one turn to what is carried and kept."""


def unrolled(
    body: Body, carried: list[Tensor], sequences: list[Tensor], reverse: bool
) -> tuple[list[Tensor], list[Tensor]]:
    """The loop written out, turn by turn."""
    turns = list(zip(*map(arithmetic.unstack, sequences), strict=True))
    kept = []
    for slices in reversed(turns) if reverse else turns:
        carried, of_turn = body(carried, list(slices))
        kept.append(of_turn)
    if reverse:
        kept.reverse()
    return carried, [arithmetic.stack(rows) for rows in zip(*kept, strict=True)]


@dataclass
class Block:
    """Some steps of a sequence, the time axis first."""

    cell: RecurrentCell
    inputs: Tensor
    """`(steps, batch, features)`."""
    valid: Tensor | None
    """Boolean `(steps, batch)`, or None where no step is masked."""
    recurrent_mask: Any
    """What `cell.step` takes as such."""

    def __post_init__(self) -> None:
        if self.valid is not None:
            self.inputs = self._zero_masked(self.inputs)

    def forward(self, states: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The states after the block, and those after each step of it."""

        def step(
            states: list[Tensor], slices: list[Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            projected, *valid = slices
            new = self.cell.step(projected, states, self.recurrent_mask)
            if valid:
                new = loop.where_valid(valid[0], new, states)
            return new, new

        slices = [self.cell.project(self.inputs), *self._valid()]
        return unrolled(step, list(states), slices, False)

    def backward(
        self,
        before: Sequence[Tensor],
        upstream: Tensor | None,
        gradients: Sequence[Tensor],
    ) -> tuple[list[Tensor], Callable[[], Tensor], dict[str, Tensor]]:
        """Takes gradients back through the block.

        Args:
            before: The states before each step, `(steps, batch, ...)`.
            upstream: Gradient of each step's output `(steps, batch, units)`, or
                None.
            gradients: Gradients of the states after the last step.

        Returns:
            The gradients of the states before the first step, a function that
            gives those of the inputs, and the gradients of the weights by name.
        """
        cell = self.cell
        factors = cell.linearize(cell.project(self.inputs), before, self.recurrent_mask)
        outer = [] if upstream is None else [upstream]
        count = len(factors)

        def step(
            gradients: list[Tensor], slices: list[Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            of_step, rest = slices[:count], slices[count:]
            if outer:
                gradients = [gradients[0] + rest[0], *gradients[1:]]
            if self.valid is None:
                return cell.pull_back(of_step, gradients, self.recurrent_mask)
            zeros = [ops.zeros_like(gradient) for gradient in gradients]
            entering = loop.where_valid(rest[-1], gradients, zeros)
            passing = loop.where_valid(rest[-1], zeros, gradients)
            before, kept = cell.pull_back(of_step, entering, self.recurrent_mask)
            return [b + p for b, p in zip(before, passing, strict=True)], kept

        slices = [*factors, *outer, *self._valid()]
        gradients, kept = unrolled(step, list(gradients), slices, True)
        of_inputs, of_weights = cell.weight_gradients(
            self.inputs, before, factors, kept, self.recurrent_mask
        )
        if self.valid is None:
            return gradients, of_inputs, of_weights
        return gradients, lambda: self._zero_masked(of_inputs()), of_weights

    def _zero_masked(self, x: Tensor) -> Tensor:
        """x `(steps, batch, size)` with zeros at masked steps."""
        return loop.where_valid(self.valid, [x], [ops.zeros_like(x)])[0]

    def _valid(self) -> list[Tensor]:
        """The mask, if there is one."""
        return [] if self.valid is None else [self.valid]


def weight_names(cell: RecurrentCell) -> list[str]:
    """The attribute that holds each of `cell.weights`; a stack's have a path."""
    names = {
        id(value): name
        for name, value in vars(cell).items()
        if isinstance(value, keras.Variable)
    }
    return [names.get(id(weight), "") for weight in cell.weights]
