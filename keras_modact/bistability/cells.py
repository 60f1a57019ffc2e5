"""The bistable recurrent cells (Vecoven, Ernst, Drion 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_modact import arguments, numerics
from keras_modact.arguments import Tensor
from keras_modact.recurrence import RecurrentCell, constructor_arguments, per_gate


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
            initializer=per_gate(self.kernel_initializer, 3),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=self.recurrent_shape(),
            initializer=per_gate(self.recurrent_initializer, 2),
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = None
        if self.use_bias:
            blocks = 3 if self.use_candidate_bias else 2
            self.bias = self.add_weight(
                name="bias",
                shape=(blocks * self.units,),
                initializer=per_gate(self.bias_initializer, blocks),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def recurrent_shape(self) -> tuple[int, ...]:
        """Shape of the recurrent kernel, the blocks of a and c side by side."""
        raise TypeError(f"{type(self).__name__} must define `recurrent_shape()`.")

    def recur(self, h: Tensor) -> Tensor:
        """What the gates read of the state, r_a and r_c side by side."""
        raise TypeError(f"{type(self).__name__} must define `recur(h)`.")

    def project(self, inputs: Tensor) -> Tensor:
        projected = numerics.matmul(inputs, self.kernel)
        if self.bias is None:
            return projected
        bias = ops.convert_to_tensor(self.bias)
        if not self.use_candidate_bias:
            bias = ops.pad(bias, (0, self.units))
        return projected + bias

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h = states[0]
        read = h if recurrent_mask is None else h * recurrent_mask
        feedback, update = self._gates(projected, read)
        candidate = numerics.tanh(projected[..., 2 * self.units :] + feedback * h)
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
        feedback, update = ops.split(pre_gates, 2, axis=-1)
        return 1 + numerics.tanh(feedback), ops.sigmoid(update)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_candidate_bias": self.use_candidate_bias,
        }


@keras.saving.register_keras_serializable(package="keras_modact")
class BRCCell(BistableCell):
    """Bistable recurrent cell: each unit remembers by itself.

    Choose it for memory over long sequences at a cost that grows with the
    number of units only: every recurrent connection is from a unit to itself.
    Use the layer `BRC` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the state h and `*` element by element:

        a  = 1 + tanh(x U_a + w_a * h + b_a)      feedback, bistable where a > 1
        c  = sigmoid(x U_c + w_c * h + b_c)       update
        h' = c * h + (1 - c) * tanh(x U + a * h)

    Weights: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (2 units), w_a then w_c; `bias` (2 units), b_a then b_c.
    An initializer draws the block of each gate by itself.

    Args:
        units: Positive integer, the number of units.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        use_candidate_bias: Boolean, whether the candidate has a bias as well
            (`bias` then has 3 units' blocks). The paper has none, and neither
            does the default, `False`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"ones"`, as published.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training.
        recurrent_dropout: Float in [0, 1), share of the state dropped, in
            training, where the gates read it; the carried state never is.
            Both need the layer `BRC`: a bare cell refuses them in training.
        seed: Integer seed of the dropout masks, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: The state h `(batch, units)`, or a list that holds it.
        training: Boolean, whether the step belongs to training.

    Input shape:
        `(batch, features)`.

    Output shape:
        The output `(batch, units)`, and the new state of the same shape, in a
        list if `states` came in one.

    Raises:
        ValueError: If an argument is out of its range, or the number of
            features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.BRCCell(16), return_sequences=True)
    outputs = layer(np.ones((2, 10, 3), "float32"))
    assert outputs.shape == (2, 10, 16)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eq. 4.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        use_candidate_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "ones",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**constructor_arguments(locals()))

    def recurrent_shape(self) -> tuple[int, ...]:
        return (2 * self.units,)

    def recur(self, h: Tensor) -> Tensor:
        weights = ops.convert_to_tensor(self.recurrent_kernel)
        return ops.concatenate([h, h], axis=-1) * weights


@keras.saving.register_keras_serializable(package="keras_modact")
class NBRCCell(BistableCell):
    """Recurrently neuromodulated bistable cell: units set each other's gates.

    Choose it over `BRCCell` where units must act on each other: the gates read
    the whole state, and the memory itself stays in each unit. It is a GRU whose
    reset gate may exceed 1. Use the layer `NBRC` to run it over a sequence; the
    cell is for `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of
    your own.

    With the input x, the state h, `*` element by element and `@` the matrix
    product:

        a  = 1 + tanh(x U_a + h @ W_a + b_a)      feedback, bistable where a > 1
        c  = sigmoid(x U_c + h @ W_c + b_c)       update
        h' = c * h + (1 - c) * tanh(x U + a * h)

    Weights: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (units, 2 units), W_a then W_c; `bias` (2 units), b_a
    then b_c. An initializer draws the block of each gate by itself.

    Args:
        units: Positive integer, the number of units.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        use_candidate_bias: Boolean, whether the candidate has a bias as well
            (`bias` then has 3 units' blocks). The paper has none, and neither
            does the default, `False`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"orthogonal"`, as in the authors' first code; their final code has
            `"glorot_uniform"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training.
        recurrent_dropout: Float in [0, 1), share of the state dropped, in
            training, where the gates read it; the carried state never is.
            Both need the layer `NBRC`: a bare cell refuses them in training.
        seed: Integer seed of the dropout masks, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: The state h `(batch, units)`, or a list that holds it.
        training: Boolean, whether the step belongs to training.

    Input shape:
        `(batch, features)`.

    Output shape:
        The output `(batch, units)`, and the new state of the same shape, in a
        list if `states` came in one.

    Raises:
        ValueError: If an argument is out of its range, or the number of
            features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.NBRCCell(16), return_sequences=True)
    outputs = layer(np.ones((2, 10, 3), "float32"))
    assert outputs.shape == (2, 10, 16)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eqs. 4 and 5.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        use_candidate_bias: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**constructor_arguments(locals()))

    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.units, 2 * self.units)

    def recur(self, h: Tensor) -> Tensor:
        return numerics.matmul(h, self.recurrent_kernel)
