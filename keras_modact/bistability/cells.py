"""The bistable recurrent cells (Vecoven, Ernst, Drion 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from keras_modact import numerics
from keras_modact.arguments import Tensor
from keras_modact.bistability.base import BistableCell
from keras_modact.recurrence import arithmetic


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
    The biases are the published code's; the paper's equation has none.
    An initializer draws the block of each gate by itself.

    Args:
        use_candidate_bias: Boolean, whether the candidate has a bias as well
            (`bias` then has 3 units' blocks). The paper has none.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"ones"`, as published.

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

    defaults: ClassVar[Mapping[str, Any]] = {"recurrent_initializer": "ones"}

    def recurrent_shape(self) -> tuple[int, ...]:
        return (2 * self.units,)

    def gate_inputs(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        read = numerics.masked(h, recurrent_mask)
        feedback, update, drive = arithmetic.split(projected, 3)
        of_feedback, of_update = arithmetic.split(
            numerics.weight_like(self.recurrent_kernel, read), 2
        )
        return (
            arithmetic.multiply_add(read, of_feedback, feedback),
            arithmetic.multiply_add(read, of_update, update),
            drive,
        )


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
    then b_c. The biases are the published code's; the paper's equations have none.
    An initializer draws the block of each gate by itself.

    Args:
        use_candidate_bias: Boolean, whether the candidate has a bias as well
            (`bias` then has 3 units' blocks). The paper has none.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"orthogonal"`, as in the authors' first code; their final code has
            `"glorot_uniform"`.

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

    def as_gru(self, dtype: str) -> tuple[Tensor, Tensor, Tensor]:
        """The weights of the GRU that computes the same.

        1 + tanh(p) = 2 sigma(2 p), so a = 2 r with the reset gate r = sigma(2 p),
        and a * h = r * (h @ 2 I).

        Args:
            dtype: The dtype of the weights.

        Returns:
            The kernel `(features, 3 units)`, the recurrent kernel `(units,
            3 units)` and the bias of the inputs `(3 units)`, in the layout of
            `keras.layers.GRU(reset_after=True)`: update, reset, candidate.
        """
        kernel = ops.cast(self.kernel, dtype)
        of_feedback, of_update, of_drive = ops.split(kernel, 3, axis=-1)
        kernel = ops.concatenate([of_update, 2 * of_feedback, of_drive], axis=-1)
        recurrent = ops.cast(self.recurrent_kernel, dtype)
        of_feedback, of_update = ops.split(recurrent, 2, axis=-1)
        twice = 2 * ops.eye(self.units, dtype=dtype)
        recurrent = ops.concatenate([of_update, 2 * of_feedback, twice], axis=-1)
        of_feedback, of_update, of_drive = ops.split(self.full_bias(dtype), 3)
        bias = ops.concatenate([of_update, 2 * of_feedback, of_drive])
        return kernel, recurrent, bias

    def recurrent_shape(self) -> tuple[int, ...]:
        return (self.units, 2 * self.units)

    def gate_inputs(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        read = numerics.masked(h, recurrent_mask)
        feedback, update, drive = arithmetic.split(projected, 3)
        of_feedback, of_update = arithmetic.split(
            numerics.matmul(read, self.recurrent_kernel), 2
        )
        return feedback + of_feedback, update + of_update, drive
