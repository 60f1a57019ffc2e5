"""What the bistable cells share (Vecoven, Ernst, Drion 2021, eqs. 4 and 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import keras
from keras import ops

from keras_modact.recurrence import CellArguments, Fixed, RecurrentCell, arithmetic
from keras_modact.utils import validation
from keras_modact.utils.validation import Tensor
from keras_modact.utils.weights import weight_kwargs


class BistableCell(RecurrentCell):
    """What BRC and nBRC share: everything but how the gates read the state."""

    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {
        "tensorflow": 16_000,
        "torch": 40_000,
    }
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
        validation.truth_value("use_candidate_bias", use_candidate_bias)
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
            **weight_kwargs(self, "kernel", blocks=3),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=self.recurrent_shape(),
            **weight_kwargs(self, "recurrent", blocks=2),
        )
        self.bias = None
        if self.use_bias:
            blocks = 3 if self.use_candidate_bias else 2
            self.bias = self.add_weight(
                name="bias",
                shape=(blocks * self.units,),
                **weight_kwargs(self, "bias", blocks=blocks),
            )

    def recurrent_shape(self) -> tuple[int, ...]:
        """Shape of the recurrent kernel, the blocks of a and c side by side."""
        raise TypeError(f"{type(self).__name__} must define `recurrent_shape()`.")

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
        feedback, update, drive = self.gate_inputs(projected, h, recurrent_mask)
        half, update = half_feedback(feedback), arithmetic.sigmoid(update)
        candidate = arithmetic.tanh(arithmetic.multiply_add(half, h, drive, 2))
        return [arithmetic.interpolate(candidate, h, update)]

    def gate_inputs(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What is inside a and c, with what they read of h, and what the candidate
        reads of x."""
        raise TypeError(f"{type(self).__name__} must define `gate_inputs(...)`.")

    def gates(self, inputs: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """Returns the two gates of a step, for inspection.

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
        feedback, update, _ = self.gate_inputs(self.project(inputs), h, None)
        return 2 * half_feedback(feedback), arithmetic.sigmoid(update)


def half_feedback(feedback: Tensor) -> Tensor:
    """The gate a / 2, from what is inside a.

    1 + tanh(p) = 2 sigmoid(2 p), with all digits where it is small, and at a fifth
    of the cost.
    """
    return arithmetic.sigmoid(2 * feedback)
