"""What the bistable cells share (Vecoven, Ernst, Drion 2021, eqs. 4 and 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_modact import arguments, numerics, weight_arguments
from keras_modact.arguments import Tensor
from keras_modact.recurrence import RecurrentCell


class BistableCell(RecurrentCell):
    """What BRC and nBRC share: everything but how the gates read the state."""

    def __init__(self, use_candidate_bias: bool = False, **kwargs: Any) -> None:
        arguments.truth_value("use_candidate_bias", use_candidate_bias)
        if use_candidate_bias and not kwargs.get("use_bias", True):
            raise ValueError(
                "`use_candidate_bias=True` adds to the gates' bias, received "
                "use_bias=False with it. Pass use_bias=True, or leave "
                "`use_candidate_bias` out."
            )
        super().__init__(**kwargs)
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

    def recur(self, h: Tensor) -> Tensor:
        """What the gates read of the state, r_a and r_c side by side."""
        raise TypeError(f"{type(self).__name__} must define `recur(h)`.")

    def project(self, inputs: Tensor) -> Tensor:
        return numerics.matmul(inputs, self.kernel)

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h = states[0]
        read = h if recurrent_mask is None else h * recurrent_mask
        feedback, update = self._gates(projected, read)
        drive = projected[..., 2 * self.units :]
        if self.use_candidate_bias:
            drive = drive + numerics.weight_like(self.bias, h)[2 * self.units :]
        candidate = numerics.tanh(drive + feedback * h)
        return [update * h + (1 - update) * candidate]

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
        h = ops.convert_to_tensor(
            keras.tree.flatten(state)[0], dtype=self.compute_dtype
        )
        inputs = ops.convert_to_tensor(inputs, dtype=self.compute_dtype)
        return self._gates(self.project(inputs), h)

    def _gates(self, projected: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        pre_gates = projected[..., : 2 * self.units] + self.recur(h)
        if self.use_bias:
            pre_gates = pre_gates + numerics.weight_like(self.bias, h)[: 2 * self.units]
        feedback, update = ops.split(pre_gates, 2, axis=-1)
        return 1 + numerics.tanh(feedback), ops.sigmoid(update)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_candidate_bias": self.use_candidate_bias,
        }
