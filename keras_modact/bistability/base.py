"""What the bistable cells share (Vecoven, Ernst, Drion 2021, eqs. 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Unpack

import keras
from keras import ops

from keras_modact import arguments, numerics, weight_arguments
from keras_modact.arguments import Tensor
from keras_modact.recurrence import CellArguments, Fixed, RecurrentCell, arithmetic


class BistableCell(RecurrentCell):
    """What BRC and nBRC share: everything but how the gates read the state."""

    fixed_arguments: ClassVar[Mapping[str, Fixed]] = {
        "activation": Fixed("tanh", "the candidate is a tanh, by equation 4"),
        "recurrent_activation": Fixed(
            "sigmoid", "the update gate is a sigmoid, by equation 4"
        ),
    }

    def __init__(
        self,
        units: int,
        use_candidate_bias: bool = False,
        **kwargs: Unpack[CellArguments],
    ) -> None:
        arguments.truth_value("use_candidate_bias", use_candidate_bias)
        if use_candidate_bias and not kwargs.get("use_bias", True):
            raise ValueError(
                "`use_candidate_bias=True` adds to the gates' bias, received "
                "use_bias=False with it. Pass use_bias=True, or leave "
                "`use_candidate_bias` out."
            )
        super().__init__(units, **kwargs)
        self.use_candidate_bias = use_candidate_bias

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, 3 * self.units),
            **weight_arguments.of(self, "kernel", blocks=3),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=self.recurrent_shape(),
            **weight_arguments.of(self, "recurrent", blocks=2),
        )
        self.bias = None
        if self.use_bias:
            blocks = 3 if self.use_candidate_bias else 2
            self.bias = self.add_weight(
                name="bias",
                shape=(blocks * self.units,),
                **weight_arguments.of(self, "bias", blocks=blocks),
            )

    def recurrent_shape(self) -> tuple[int, ...]:
        """Shape of the recurrent kernel, the blocks of a and c side by side."""
        raise TypeError(f"{type(self).__name__} must define `recurrent_shape()`.")

    def recur(
        self, feedback: Tensor, update: Tensor, h: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Adds what the gates a and c read of the state to what they read of x."""
        raise TypeError(f"{type(self).__name__} must define `recur(...)`.")

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.product(inputs, self.kernel)
        if not self.use_bias:
            return projected
        # In place, on torch: it is as large as all else that a block of steps needs.
        projected += self.full_bias(projected.dtype)
        return projected

    def full_bias(self, dtype: Any) -> Tensor:
        """The bias of a, c and the candidate, zero where there is none."""
        if not self.use_bias:
            return ops.zeros((3 * self.units,), dtype=dtype)
        bias = ops.cast(self.bias, dtype)
        if self.use_candidate_bias:
            return bias
        return ops.concatenate([bias, ops.zeros_like(bias[: self.units])])

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h = states[0]
        _, update, candidate = self._parts(projected, h, recurrent_mask)
        return [arithmetic.interpolate(candidate, h, update)]

    def why_no_derivatives(self) -> str | None:
        return None

    def linearize(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h = states[0]
        half, update, candidate = self._parts(projected, h, recurrent_mask)
        # The derivatives of h' by the drive, and by what is inside a and c.
        by_drive = arithmetic.before_tanh(candidate, 1 - update)
        by_feedback = arithmetic.before_sigmoid(half, 4 * by_drive * h)
        by_update = arithmetic.before_sigmoid(update, h - candidate)
        update = arithmetic.multiply_add(half, by_drive, update, 2)
        return self.reduce(update, by_feedback, by_update, by_drive, recurrent_mask)

    def reduce(
        self,
        direct: Tensor,
        by_feedback: Tensor,
        by_update: Tensor,
        by_drive: Tensor,
        recurrent_mask: Tensor | None,
    ) -> list[Tensor]:
        """What `pull_back` reads first, then the derivatives by the three blocks.

        Args:
            direct: The derivative of h' by h, but for what the gates read.
            by_feedback: That by what is inside a.
            by_update: That by what is inside c.
            by_drive: That by the drive of the candidate.
            recurrent_mask: As in `step`.
        """
        raise TypeError(f"{type(self).__name__} must define `reduce(...)`.")

    def weight_gradients(
        self,
        inputs: Tensor,
        states: Sequence[Tensor],
        factors: Sequence[Tensor],
        kept: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> tuple[Callable[[], Tensor], dict[str, Tensor]]:
        h = states[0]
        read = numerics.masked(h, recurrent_mask)
        of_blocks = [kept[0] * factor for factor in factors[1:]]
        # Each block by itself: side by side they would have to be copied.
        gradients = {
            "kernel": arithmetic.concatenate(
                [arithmetic.outer_sum(inputs, block) for block in of_blocks]
            ),
            "recurrent_kernel": arithmetic.concatenate(
                [self.recurrent_gradient(read, block) for block in of_blocks[:2]]
            ),
        }
        if self.bias is not None:
            biased = of_blocks if self.use_candidate_bias else of_blocks[:2]
            gradients["bias"] = arithmetic.concatenate(
                [arithmetic.sum_but_last(block) for block in biased]
            )

        def of_inputs() -> Tensor:
            columns = ops.split(self.kernel, 3, axis=-1)
            return sum(
                arithmetic.matmul_transposed(block, of_block)
                for block, of_block in zip(of_blocks, columns, strict=True)
            )

        return of_inputs, gradients

    def recurrent_gradient(self, read: Tensor, of_gate: Tensor) -> Tensor:
        """The gradient of a gate's block of the recurrent kernel.

        Args:
            read: The states as the gates read them.
            of_gate: The gradient of what is inside the gate.
        """
        raise TypeError(f"{type(self).__name__} must define `recurrent_gradient`.")

    def gates(self, inputs: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """The two gates of a step, for a look at what they do.

        Args:
            inputs: Tensor `(batch, features)`, or `(batch, time, features)`.
            state: The state h before the step (or a list that holds it),
                `(batch, units)`, or `(batch, time, units)`.

        Returns:
            The feedback gate a in (0, 2), bistable where it is above 1, and the
            update gate c in (0, 1), each of the shape of `state`.
        """
        self.check_describes_step("gates")
        h = ops.convert_to_tensor(
            keras.tree.flatten(state)[0], dtype=self.compute_dtype
        )
        inputs = ops.convert_to_tensor(inputs, dtype=self.compute_dtype)
        half, update = self._gates(self.project(inputs), h)
        return 2 * half, update

    def _parts(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gates a / 2 and c, and the candidate, from the state before a step."""
        half, update = self._gates(projected, numerics.masked(h, recurrent_mask))
        drive = arithmetic.multiply_add(half, h, projected[..., 2 * self.units :], 2)
        return half, update, arithmetic.tanh(drive)

    def _gates(self, projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The gates a / 2 and c."""
        feedback, update = self.recur(
            projected[..., : self.units],
            projected[..., self.units : 2 * self.units],
            h,
        )
        # 1 + tanh(p) = 2 sigmoid(2 p), with all digits where it is small, and at a
        # fifth of the cost.
        return arithmetic.sigmoid(2 * feedback), arithmetic.sigmoid(update)
