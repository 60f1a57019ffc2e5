"""Low-rank additions to kernels, as `enable_lora` of Keras' layers makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class LowRankAdditions(keras.layers.Layer):
    """What is added to the kernels of a layer, a product A @ B for each.

    A layer of its own, since a layer that is built takes no more weights; empty
    until `add`. A file has the kernels with the additions in them, so that layers
    with and without them read each other's weights.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = 0
        self.alpha = 0.0
        self.factors: list[tuple[Any, Any]] = []
        # There is nothing to build; Keras quantizes no model with an unbuilt layer.
        self.built = True

    def add(
        self,
        kernels: Sequence[keras.Variable],
        rank: int,
        alpha: float | None,
        initializers: tuple[Any, Any],
        regularizer: Any,
    ) -> None:
        """Makes additions to kernels, which are frozen.

        Args:
            kernels: Variables `(rows, columns)`.
            rank: The number of columns of A and rows of B.
            alpha: The products are scaled by alpha / rank; None for 1.
            initializers: Those of A and B.
            regularizer: Of A and B.
        """
        for kernel in kernels:
            rows, columns = kernel.shape
            shapes = ("a", (rows, rank)), ("b", (rank, columns))
            # In float32, so that small steps are not lost, as in Keras.
            pair = [
                self.add_weight(
                    name=f"lora_{kernel.name}_{letter}",
                    shape=shape,
                    initializer=keras.initializers.get(initializer),
                    regularizer=regularizer,
                    dtype="float32",
                )
                for (letter, shape), initializer in zip(
                    shapes, initializers, strict=True
                )
            ]
            self.factors.append((pair[0], pair[1]))
            kernel.trainable = False
        self.rank = rank
        self.alpha = float(rank if alpha is None else alpha)

    def added_to(self, place: int, kernel: Any) -> Any:
        """The kernel of a place with its addition, if there is one."""
        if not self.rank:
            return kernel
        a, b = self.factors[place]
        product = ops.matmul(a, b) * (self.alpha / self.rank)
        return ops.cast(kernel, product.dtype) + product

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: they stay in float32 in Keras' layers as well."""

    def save_own_variables(self, store: Any) -> None:
        """Nothing: what they add is in the kernels of the file."""

    def load_own_variables(self, store: Any) -> None:
        for _, b in self.factors:
            b.assign(ops.zeros(b.shape))
