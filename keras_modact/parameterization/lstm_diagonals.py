"""The diagonals of the adaptive LSTM cell: what they are called, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from keras import ops

from keras_modact.parameterization.lstm_base import GATES
from keras_modact.recurrence import arithmetic
from keras_modact.utils.validation import Tensor


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


@dataclass(frozen=True)
class DiagonalLayout:
    """Where the adapted diagonals lie side by side in tau(z @ U)."""

    features: int
    units: int
    adaptation: str
    """"input", "output" or "io"."""
    bias: bool
    """Whether there is a bias that is adapted."""
    published: bool
    """Whether U has the columns of the authors' code, which overlap."""

    @property
    def sizes(self) -> list[int]:
        """The size of each diagonal in the order of `Adaptation`, 0 where it is 1."""
        before = self.adaptation in ("input", "io")
        after = self.adaptation in ("output", "io")
        gates = [GATES * self.units] * 3
        sizes = [self.features, self.units, *gates]
        adapted = [before, before, after, after, self.bias]
        return [size * there for size, there in zip(sizes, adapted, strict=True)]

    @property
    def columns(self) -> int:
        """The number of columns of U."""
        return self.features + 13 * self.units if self.published else sum(self.sizes)

    def select(self, kernel: Tensor) -> Tensor:
        """The columns of U that are read, one block a diagonal."""
        if not self.published:
            return kernel
        i, h = self.features, self.units
        places = [(0, i), (i, i + h), (h, 5 * h), (4 * h, 8 * h), (4 * h, 8 * h)]
        blocks = [
            kernel[:, start:end]
            for (start, end), size in zip(places, self.sizes, strict=True)
            if size
        ]
        return ops.concatenate(blocks, axis=-1)

    def cut(self, diagonals: Tensor) -> Adaptation:
        """The diagonals apart, from the tensor that has them side by side."""
        sizes = self.sizes
        parts = iter(arithmetic.split_at(diagonals, [size for size in sizes if size]))
        return Adaptation(*(next(parts) if size else None for size in sizes))
