"""The Legendre memory unit (Voelker, Kajic, Eliasmith 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import keras
import numpy as np
from keras import ops

from keras_modact.baselines.legendre import delay_matrices
from keras_modact.recurrence import (
    CellArguments,
    Fixed,
    LayerArguments,
    RecurrentCell,
    RecurrentLayer,
    arithmetic,
)
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import set_weight_arguments, weight_kwargs

FURTHER = ("memory_kernel", "input_encoder", "hidden_encoder", "memory_encoder")
"""The weights whose initializers this cell has beside those of every cell."""


@keras.saving.register_keras_serializable(package="keras_modact")
class LMUCell(RecurrentCell):
    """Legendre memory cell: a fixed linear memory of the last `theta` steps.

    Use the layer `LMU` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the states h (units) and m (order), and `@` the matrix
    product:

        u  = x @ e_x + h @ e_h + m @ e_m                 what is written
        m' = Ad m + Bd u                                 memory
        h' = tanh(x @ K_x + h @ K_h + m' @ K_m)          output

    m holds the Legendre polynomials' coefficients of the input u over the last
    `theta` steps, and (A, B) is the linear system that slides this window, held
    constant between steps (zero-order hold):

        A_ij = (2i + 1) / theta (-1 if i < j else (-1)^(i - j + 1))
        B_i  = (2i + 1) / theta (-1)^i                    i, j = 0 ... order - 1

    Ad = exp(A), Bd = A^-1 (Ad - 1) B. They are computed in float64 and never
    trained.

    Weights: `input_encoder` (features, 1), e_x;
    `hidden_encoder` (units, 1), e_h; `memory_encoder` (order, 1), e_m; `kernel`
    (features, units), K_x; `recurrent_kernel` (units, units), K_h;
    `memory_kernel` (order, units), K_m; `bias` (units), b, with `use_bias` only;
    and, not trained, `memory_transition` (order, order), the transposed Ad, and
    `memory_input` (1, order), the transposed Bd.

    Args:
        units: Positive integer, the number of units.
        order: Positive integer q, the size of the memory: how many Legendre
            polynomials describe the window. The authors take 256.
        theta: Positive number, the length of the window in time steps, as long as
            what has to be remembered. The authors take 1000.
        use_bias: Boolean, whether h has a bias. Defaults to `False`, as in the
            paper.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_normal"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"glorot_normal"`.
        memory_kernel_initializer: Initializer of `memory_kernel`. Defaults to
            `"glorot_normal"`.
        input_encoder_initializer: Initializer of `input_encoder`. Defaults to
            `"lecun_uniform"`.
        hidden_encoder_initializer: Initializer of `hidden_encoder`. Defaults to
            `"lecun_uniform"`.
        memory_encoder_initializer: Initializer of `memory_encoder`. Defaults to
            `"zeros"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training.
        recurrent_dropout: Float in [0, 1), share of the state h dropped, in
            training, where e_h and K_h read it. Both need the layer `LMU`: a bare
            cell refuses them in training.
        seed: Integer seed of the dropout masks, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: The states, a list of h `(batch, units)` and m `(batch, order)`.
        training: Boolean, whether the step belongs to training.

    Input shape:
        `(batch, features)`.

    Output shape:
        The output `(batch, units)`, and the list of the new states.

    Raises:
        ValueError: If an argument is out of its range, or the number of
            features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.LMUCell(16, order=8, theta=10))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Voelker, Kajic, Eliasmith, "Legendre memory units: continuous-time
        representation in recurrent neural networks", NeurIPS 2019, eqs. 1 to 7.
    """

    defaults: ClassVar[Mapping[str, Any]] = {
        "use_bias": False,
        "kernel_initializer": "glorot_normal",
        "recurrent_initializer": "glorot_normal",
    }
    fixed_arguments: ClassVar[Mapping[str, Fixed]] = {
        "activation": Fixed("tanh", "the output is a tanh, by equation 7")
    }
    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {"tensorflow": 3_000, "torch": 0}

    def __init__(
        self,
        units: int,
        order: int,
        theta: float,
        memory_kernel_initializer: Any = "glorot_normal",
        input_encoder_initializer: Any = "lecun_uniform",
        hidden_encoder_initializer: Any = "lecun_uniform",
        memory_encoder_initializer: Any = "zeros",
        **kwargs: Unpack[CellArguments],
    ) -> None:
        given = constructor_arguments(locals())
        order = validation.positive_integer("order", given.pop("order"))
        theta = validation.positive_number("theta", given.pop("theta"))
        further = {f"{w}_initializer": given.pop(f"{w}_initializer") for w in FURTHER}
        super().__init__(**given)
        self.order = order
        self.theta = theta
        set_weight_arguments(self, FURTHER, further)
        self.state_size = [self.units, order]

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)

        def add(name: str, arguments: str, shape: tuple[int, ...]) -> Any:
            return self.add_weight(
                name=name, shape=shape, **weight_kwargs(self, arguments)
            )

        self.input_encoder = add("input_encoder", "input_encoder", (features, 1))
        self.hidden_encoder = add("hidden_encoder", "hidden_encoder", (self.units, 1))
        self.memory_encoder = add("memory_encoder", "memory_encoder", (self.order, 1))
        self.kernel = add("kernel", "kernel", (features, self.units))
        self.recurrent_kernel = add(
            "recurrent_kernel", "recurrent", (self.units, self.units)
        )
        self.memory_kernel = add(
            "memory_kernel", "memory_kernel", (self.order, self.units)
        )
        self.bias = add("bias", "bias", (self.units,)) if self.use_bias else None
        transition, write = delay_matrices(self.order, self.theta)
        self.memory_transition = self._add_fixed("memory_transition", transition.T)
        self.memory_input = self._add_fixed("memory_input", write[None])

    def _add_fixed(self, name: str, matrix: np.ndarray) -> Any:
        return self.add_weight(
            name=name,
            shape=matrix.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(matrix, dtype),
            trainable=False,
        )

    def project(self, inputs: Tensor) -> Tensor:
        kernel = numerics.weight_like(self.kernel, inputs)
        encoder = numerics.weight_like(self.input_encoder, inputs)
        projected = self.product(inputs, arithmetic.concatenate([kernel, encoder]))
        if not self.use_bias:
            return projected
        bias = numerics.weight_like(self.bias, projected)
        return projected + ops.concatenate([bias, ops.zeros_like(bias[:1])])

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, m = states
        read = numerics.masked(h, recurrent_mask)
        drive, written = arithmetic.split_at(projected, (self.units, 1))
        written = written + numerics.matmul(read, self.hidden_encoder)
        written = written + numerics.matmul(m, self.memory_encoder)
        m = arithmetic.multiply_add(
            written,
            numerics.weight_like(self.memory_input, m),
            numerics.matmul(m, self.memory_transition),
        )
        drive = drive + numerics.matmul(read, self.recurrent_kernel)
        return [arithmetic.tanh(drive + numerics.matmul(m, self.memory_kernel)), m]


@keras.saving.register_keras_serializable(package="keras_modact")
class LMU(RecurrentLayer):
    """Legendre memory unit: a fixed linear memory of the last `theta` steps.

    Choose it where the last `theta` steps must be kept as they were, also at
    hundreds of steps: the memory is optimal for a window of that length, and only
    what is written to it and read of it is learned. What is older is lost.

    With the input x_t, the states h (units) and m (order), zero at first, and `@`
    the matrix product:

        u_t = x_t @ e_x + h_(t-1) @ e_h + m_(t-1) @ e_m      what is written
        m_t = Ad m_(t-1) + Bd u_t                            memory
        h_t = tanh(x_t @ K_x + h_(t-1) @ K_h + m_t @ K_m)    output

    m holds the Legendre polynomials' coefficients of the input u over the last
    `theta` steps, and (A, B) is the linear system that slides this window, held
    constant between steps (zero-order hold):

        A_ij = (2i + 1) / theta (-1 if i < j else (-1)^(i - j + 1))
        B_i  = (2i + 1) / theta (-1)^i                    i, j = 0 ... order - 1

    Ad = exp(A), Bd = A^-1 (Ad - 1) B. They are computed in float64 and never
    trained.

    Weights, of `layer.cell`: `input_encoder` (features, 1), e_x;
    `hidden_encoder` (units, 1), e_h; `memory_encoder` (order, 1), e_m; `kernel`
    (features, units), K_x; `recurrent_kernel` (units, units), K_h;
    `memory_kernel` (order, units), K_m; `bias` (units), b, with `use_bias` only;
    and, not trained, `memory_transition` (order, order), the transposed Ad, and
    `memory_input` (1, order), the transposed Bd.

    Call arguments:
        initial_state: The list of the states before the first step, h
            `(batch, units)` and m `(batch, order)`. Defaults to zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, `(batch, units)` and
        `(batch, order)`.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.LMU(16, order=8, theta=10, return_state=True)
    output, h, m = layer(np.ones((2, 10, 3), "float32"))
    assert m.shape == (2, 8)
    ```

    Reference:
        Voelker, Kajic, Eliasmith, "Legendre memory units: continuous-time
        representation in recurrent neural networks", NeurIPS 2019, eqs. 1 to 7.
    """

    cell_class = LMUCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            order: int,
            theta: float,
            memory_kernel_initializer: Any = "glorot_normal",
            input_encoder_initializer: Any = "lecun_uniform",
            hidden_encoder_initializer: Any = "lecun_uniform",
            memory_encoder_initializer: Any = "zeros",
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...
