"""What the adjoint of a recurrent layer does with a block of steps.

Forward: one product for the inputs of all its steps, then the recurrence. Backward:
the same once more, differentiated by the backend. `adjoint_torch` and
`adjoint_tensorflow` are the loops over blocks.

A masked step keeps the states: its input is replaced by zero before it is used,
and the states' gradient goes around it, so a NaN in the padding reaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from keras_modact.recurrence import arithmetic, loop
from keras_modact.recurrence.call import keeps_the_step
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.recurrence.loop import with_weights
from keras_modact.recurrence.vjp import vjp
from keras_modact.utils.validation import Tensor

Body = Callable[[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]
"""From what is carried and the slices of one turn to what is carried and kept."""
Gradients = tuple[list[Tensor], Tensor, list[Any]]
"""Those of the states, of the inputs and of the weights, some of which are None."""


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
    weights: Sequence[Tensor]
    """The values of `cell.weights`."""
    inputs: Tensor
    """`(steps, batch, features)`."""
    valid: Tensor | None
    """Boolean `(steps, batch)`, or None where no step is masked."""
    recurrent_mask: Any
    """What `cell.step` takes as such."""

    def __post_init__(self) -> None:
        if self.valid is not None:
            self.inputs = self.zero_masked(self.inputs)

    def forward(self, states: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The states after the block, and those after each step of it."""

        def step(
            states: list[Tensor], slices: list[Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            projected, *valid = slices
            new = self.cell.next_states(projected, states, self.recurrent_mask)
            if valid:
                new = loop.where_valid(valid[0], new, states)
            return new, new

        with with_weights(self.cell, self.weights):
            slices = [self.cell.project(self.inputs), *self._valid()]
            return unrolled(step, list(states), slices, False)

    def backward(
        self,
        before: Sequence[Tensor],
        upstream: Tensor | None,
        gradients: Sequence[Tensor],
        inputs: bool = True,
    ) -> Gradients:
        """Takes gradients back through the block.

        Args:
            before: The states before each step, `(steps, batch, ...)`.
            upstream: Gradient of each step's output `(steps, batch, units)`, or
                None.
            gradients: Gradients of the states after the last step.
            inputs: Whether the gradient of the inputs is asked for.

        Returns:
            The gradients of the states before the first step, of the inputs and of
            the weights.
        """
        count = len(before)

        def run(*tensors: Tensor) -> list[Tensor]:
            block = replace(self, inputs=tensors[0], weights=tensors[1 + count :])
            last, after = block.forward(tensors[1 : 1 + count])
            return [*last, *after[: len(outer)]]

        outer = [] if upstream is None else [upstream]
        first = [rows[0] for rows in before]
        _, pull = vjp(run, [self.inputs, *first, *self.weights])
        asked = range(0 if inputs else 1, 1 + count + len(self.weights))
        pulled = pull([*gradients, *outer], asked)
        of_inputs = pulled.pop(0) if inputs else None
        of_states = [
            ops.zeros_like(state) if gradient is None else gradient
            for gradient, state in zip(pulled[:count], first, strict=True)
        ]
        if self.valid is not None and of_inputs is not None:
            of_inputs = self.zero_masked(of_inputs)
        return of_states, of_inputs, pulled[count:]

    def zero_masked(self, x: Tensor) -> Tensor:
        """x `(steps, batch, size)` with zeros at masked steps."""
        return loop.where_valid(self.valid, [x], [ops.zeros_like(x)])[0]

    def _valid(self) -> list[Tensor]:
        """The mask, if there is one."""
        return [] if self.valid is None else [self.valid]


BY_HAND: dict[type[RecurrentCell], type[Block]] = {}
"""The blocks of cells whose derivatives are written out, where that pays."""


def register(cell: type[RecurrentCell], block: type[Block]) -> None:
    """Makes a block known that is right for the step of a class of cells."""
    BY_HAND[cell] = block


def block_of(cell: RecurrentCell) -> type[Block]:
    """The block for a cell."""
    fit = (block for cls, block in BY_HAND.items() if keeps_the_step(cell, cls))
    return next(fit, Block)
