"""The recurrently neuromodulated bistable cell and layer (Vecoven et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Unpack

import keras
import numpy as np
from keras import ops

from keras_modact.bistability.base import BistableCell
from keras_modact.recurrence import LayerArguments, RecurrentLayer, arithmetic
from keras_modact.utils import conversion, numerics
from keras_modact.utils.validation import Tensor

SHARED = (*conversion.ANY_LAYER, *conversion.LOOP, *conversion.DROPOUT)
"""The constructor arguments of a GRU that an nBRC has with the same meaning."""


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

    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {
        **BistableCell.adjoint_pays_up_to,
        "tensorflow": 10_000,
    }

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


@keras.saving.register_keras_serializable(package="keras_modact")
class NBRC(RecurrentLayer):
    """Recurrently neuromodulated bistable layer.

    Choose it over `BRC` where units must act on each other: the gates read the
    whole state, and the memory itself stays in each unit. It costs about as
    much as a GRU and keeps what a GRU forgets.

    With the input x_t, the state h (zero at first), `*` element by element and
    `@` the matrix product:

        a   = 1 + tanh(x_t U_a + h_(t-1) @ W_a + b_a)    feedback, bistable above 1
        c   = sigmoid(x_t U_c + h_(t-1) @ W_c + b_c)     update
        h_t = c * h_(t-1) + (1 - c) * tanh(x_t U + a * h_(t-1))

    Weights, of `layer.cell`: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (units, 2 units), W_a then W_c; `bias` (2 units), b_a
    then b_c. The biases are the published code's; the paper's equations have none.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.NBRC(16, return_sequences=True),
        keras_modact.NBRC(16),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eqs. 4 and 5.
    """

    cell_class = NBRCCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            use_candidate_bias: bool = False,
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...

    def to_gru(self) -> keras.layers.GRU:
        """Returns a `keras.layers.GRU` that computes the same, with its own weights.

        For deployment, and for converters and kernels that know a GRU: 1 + tanh(p) =
        2 sigmoid(2 p), so that a = 2 r with a reset gate r, c is the update gate, and
        a * h = r * (h @ 2 I). To train on, train the nBRC: as a GRU it has more
        weights, which would leave this form. Regularizers and constraints of the
        weights, which would act on other numbers, stay behind.

        At a masked first step Keras' GRU gives zeros on some backends, where this
        layer gives its initial state.

        Raises:
            ValueError: If the layer is not built, has `recurrent_dropout`, which in
                a GRU acts on the candidate too, or a cell of another class.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 10, 3), "float32")
        layer = keras_modact.NBRC(16)
        outputs = layer(x)
        assert keras.ops.max(keras.ops.abs(layer.to_gru()(x) - outputs)) < 1e-6
        ```
        """
        cell = self.cell
        conversion.check_source("NBRC.to_gru", self, type(self))
        reasons = []
        if type(cell) is not NBRCCell:
            reasons.append(f"its cell is a `{type(cell).__name__}`, not an `NBRCCell`")
        if cell.recurrent_dropout:
            reasons.append(
                f"recurrent_dropout={cell.recurrent_dropout}, which a GRU applies to "
                "the candidate too, must be 0"
            )
        conversion.refuse("NBRC.to_gru", self, reasons)
        gru = keras.layers.GRU(
            cell.units, use_bias=cell.use_bias, **conversion.taken_over(self, SHARED)
        )
        conversion.build_like(gru, self)
        kernel, recurrent, bias = cell.as_gru(cell.variable_dtype)
        gru.cell.kernel.assign(kernel)
        gru.cell.recurrent_kernel.assign(recurrent)
        if cell.use_bias:
            gru.cell.bias.assign(ops.stack([bias, ops.zeros_like(bias)]))
        return gru

    @classmethod
    def from_gru(cls, layer: keras.layers.GRU) -> NBRC:
        """Returns an nBRC that computes what a GRU does, where there is one.

        It takes the GRUs that `to_gru` gives, with any numbers in the other weights:
        `reset_after=True`, tanh and sigmoid, and a candidate whose recurrent kernel
        is 2 I without a recurrent bias.

        Args:
            layer: A built `keras.layers.GRU`. It is not changed.

        Raises:
            ValueError: If the layer is no built `keras.layers.GRU`, or one that is
                not an nBRC: the error names each condition that fails.
        """
        conversion.check_source("NBRC.from_gru", layer, keras.layers.GRU)
        cell = layer.cell
        recurrent = np.split(conversion.array(cell.recurrent_kernel), 3, -1)
        reasons = conversion.other_activations(cell)
        if not cell.reset_after:
            reasons.append("reset_after=False, must be True")
        if cell.recurrent_dropout:
            reasons.append(
                f"recurrent_dropout={cell.recurrent_dropout}, which a GRU applies to "
                "the candidate too, must be 0"
            )
        off = np.abs(recurrent[2] - 2 * np.eye(cell.units)).max()
        if off:
            reasons.append(
                "the candidate's recurrent kernel must be 2 I, and an element is off "
                f"by {off:.3g}"
            )
        biases = None
        if cell.use_bias and cell.reset_after:
            of_inputs, of_states = conversion.array(cell.bias)
            off = np.abs(of_states[2 * cell.units :]).max()
            if off:
                reasons.append(
                    "the candidate's recurrent bias must be 0, and an element is "
                    f"{off:.3g}"
                )
            biases = np.split(of_inputs + of_states, 3)
        conversion.refuse("NBRC.from_gru", layer, reasons)
        candidate_bias = biases is not None and bool(biases[2].any())
        made = cls(
            cell.units,
            use_bias=cell.use_bias,
            use_candidate_bias=candidate_bias,
            **conversion.taken_over(layer, SHARED),
        )
        conversion.build_like(made, layer)
        update, reset, drive = np.split(conversion.array(cell.kernel), 3, -1)
        made.cell.kernel.assign(np.concatenate([reset / 2, update, drive], -1))
        made.cell.recurrent_kernel.assign(
            np.concatenate([recurrent[1] / 2, recurrent[0]], -1)
        )
        if biases is not None:
            own = [biases[1] / 2, biases[0], *biases[2:]][: 3 if candidate_bias else 2]
            made.cell.bias.assign(np.concatenate(own))
        return made
