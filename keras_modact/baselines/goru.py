"""The gated orthogonal recurrent unit (Jing et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import keras
import numpy as np
from keras import ops

from keras_modact.recurrence import (
    Fixed,
    LayerArguments,
    RecurrentCell,
    RecurrentLayer,
    arithmetic,
)
from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import set_weight_arguments, weight_kwargs

THRESHOLD = 0.001
"""What modReLU adds to a length before its bias, in the authors' code."""


@keras.saving.register_keras_serializable(package="keras_modact")
class GORUBias(keras.initializers.Initializer):
    """Initializer of a GORU's bias as published: 0.01 for c, 2 for r, 0 for g.

    The reset gate starts open, so that the candidate is the rotated state.

    Call arguments:
        shape: `(3 * units,)`.
        dtype: Dtype of the bias.
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        start = np.repeat([0.01, 2.0, 0.0], shape[0] // 3)
        return ops.convert_to_tensor(start, keras.backend.standardize_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {}


@keras.saving.register_keras_serializable(package="keras_modact")
class GORUCell(RecurrentCell):
    """Gated orthogonal recurrent cell: a GRU whose candidate rotates the state.

    Use the layer `GORU` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the state h, `*` element by element, `@` the matrix product
    and an orthogonal matrix Q:

        r  = sigmoid(x U_r + h @ W_r + b_r)                    reset
        g  = sigmoid(x U_g + h @ W_g + b_g)                    update
        c  = modReLU(r * (h @ Q) + x U_c; b_c)                 candidate
        h' = g * h + (1 - g) * c
        modReLU(v; b) = sign(v) * relu(|v| + 0.001 + b)

    Q is a product of log2(units) layers of plane rotations, as in a fast Fourier
    transform, so h @ Q costs units * log2(units) and is orthogonal whatever the
    angles. Layer i rotates the pairs of units p and p + d, d = units / 2^(i + 1),
    for each p with p mod 2d < d, by the angle
    `rotation[i, 2^i * (p mod d) + p // (2 d)]`.

    Weights: `kernel` (features, 3 units), columns U_c, U_r, U_g;
    `recurrent_kernel` (units, 2 units), W_r then W_g; `rotation` (log2(units),
    units / 2), the angles; `bias` (3 units), b_c, b_r, b_g.

    Args:
        units: Positive integer, the number of units, a power of two.
        use_bias: Boolean, whether the cell has a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to None, which
            stands for U(-0.01, 0.01), as published.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            None, which stands for U(-0.01, 0.01), as published.
        rotation_initializer: Initializer of `rotation`. Defaults to None, which
            stands for U(-pi, pi), as published.
        bias_initializer: Initializer of `bias`. Defaults to `GORUBias`, by its
            registered name: 0.01 for c, 2 for r, 0 for g. (In the authors' code
            that of g is left to the framework, which draws Glorot uniform.)
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training.
        recurrent_dropout: Float in [0, 1), share of the state dropped, in
            training, where W_r, W_g and Q read it. Both need the layer `GORU`: a
            bare cell refuses them in training.
        seed: Integer seed of the dropout masks, or None.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: The state `(batch, units)`, or a list of it.
        training: Boolean, whether the step belongs to training.

    Input shape:
        `(batch, features)`.

    Output shape:
        The output `(batch, units)`, and the new state of the same shape.

    Raises:
        ValueError: If an argument is out of its range, `units` is not a power of
            two, or the number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.GORUCell(16))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Jing et al., "Gated orthogonal recurrent units: on learning to forget",
        Neural Computation 31, 2019, arXiv 1706.02761; as in the comparison of
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows for
        long-lasting memory", PLoS ONE 16, 2021.
    """

    fixed_arguments: ClassVar[Mapping[str, Fixed]] = {
        "activation": Fixed(None, "it is modReLU, by the equations above"),
        "recurrent_activation": Fixed("sigmoid", "the gates are sigmoids"),
    }

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        recurrent_initializer: Any = None,
        rotation_initializer: Any = None,
        bias_initializer: Any = "keras_modact>GORUBias",
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
        given = constructor_arguments(locals())
        for name, limit in (
            ("kernel_initializer", 0.01),
            ("recurrent_initializer", 0.01),
            ("rotation_initializer", np.pi),
        ):
            if given[name] is None:
                given[name] = keras.initializers.RandomUniform(-limit, limit)
        rotation = {"rotation_initializer": given.pop("rotation_initializer")}
        super().__init__(**given)
        if self.units < 2 or self.units & (self.units - 1):
            below = max(2, 1 << (self.units.bit_length() - 1))
            raise ValueError(
                f"`units` of {type(self).__name__} must be a power of two, since its "
                "orthogonal matrix rotates the units by pairs, at distances that "
                f"halve from units / 2 to 1. Received units={units!r}. Pass for "
                f"example units={below} or units={2 * below}."
            )
        set_weight_arguments(self, ("rotation",), rotation)

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, 3 * self.units),
            **weight_kwargs(self, "kernel", blocks=3),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, 2 * self.units),
            **weight_kwargs(self, "recurrent", blocks=2),
        )
        # Not cast to a compute dtype before its sine is: in bfloat16 an angle near pi
        # is off by up to 1/128.
        self.rotation = self.add_weight(
            name="rotation",
            shape=(self.units.bit_length() - 1, self.units // 2),
            autocast=False,
            **weight_kwargs(self, "rotation"),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(3 * self.units,),
                **weight_kwargs(self, "bias"),
            )

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.product(inputs, self.kernel)
        if not self.use_bias:
            return projected
        bias = numerics.weight_like(self.bias, projected)
        # That of the candidate acts inside modReLU.
        zeros = ops.zeros_like(bias[: self.units])
        return projected + ops.concatenate([zeros, bias[self.units :]])

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h = states[0]
        read = numerics.masked(h, recurrent_mask)
        drive, gates = arithmetic.split_at(projected, (self.units, 2 * self.units))
        gates = arithmetic.sigmoid(gates + numerics.matmul(read, self.recurrent_kernel))
        reset, update = arithmetic.split(gates, 2)
        v = arithmetic.multiply_add(reset, self.rotate(read), drive)
        return [arithmetic.interpolate(self._modrelu(v), h, update)]

    def rotate(self, h: Tensor) -> Tensor:
        """The product h @ Q, of the same length as h.

        Args:
            h: Tensor `(batch, units)`.
        """
        cosines, sines = (
            arithmetic.unstack(ops.cast(of_angles, h.dtype))
            for of_angles in numerics.cos_and_sin(self.rotation.value)
        )
        # The units are kept in the order in which those of a pair are half of all
        # units apart: each layer moves the highest digit of a unit's binary number to
        # the lowest place, and after the last one every digit is back in its own. The
        # other digits, at layer i, are the place of the pair's angle in `rotation[i]`.
        for cosine, sine in zip(cosines, sines, strict=True):
            first, second = ops.split(h, 2, axis=-1)
            rotated = [
                arithmetic.multiply_add(sine, second, cosine * first, -1),
                arithmetic.multiply_add(sine, first, cosine * second),
            ]
            h = ops.reshape(arithmetic.stack(rotated, -1), (-1, self.units))
        return h

    def _modrelu(self, v: Tensor) -> Tensor:
        length = ops.abs(v) + THRESHOLD
        if self.use_bias:
            length = length + numerics.weight_like(self.bias, v)[: self.units]
        return ops.sign(v) * ops.relu(length)


@keras.saving.register_keras_serializable(package="keras_modact")
class GORU(RecurrentLayer):
    """Gated orthogonal recurrent unit: a GRU whose candidate rotates the state.

    Choose it as a baseline for long memory: the candidate reads the state through
    an orthogonal matrix, which neither shrinks it nor lets it grow, and gates
    decide what is forgotten.

    With the input x_t, the state h (zero at first), `*` element by element, `@`
    the matrix product and an orthogonal matrix Q:

        r   = sigmoid(x_t U_r + h_(t-1) @ W_r + b_r)           reset
        g   = sigmoid(x_t U_g + h_(t-1) @ W_g + b_g)           update
        c   = modReLU(r * (h_(t-1) @ Q) + x_t U_c; b_c)        candidate
        h_t = g * h_(t-1) + (1 - g) * c
        modReLU(v; b) = sign(v) * relu(|v| + 0.001 + b)

    Q is a product of log2(units) layers of plane rotations, as in a fast Fourier
    transform, so h @ Q costs units * log2(units) and is orthogonal whatever the
    angles. Layer i rotates the pairs of units p and p + d, d = units / 2^(i + 1),
    for each p with p mod 2d < d, by the angle
    `rotation[i, 2^i * (p mod d) + p // (2 d)]`.

    Weights, of `layer.cell`: `kernel` (features, 3 units), columns U_c, U_r, U_g;
    `recurrent_kernel` (units, 2 units), W_r then W_g; `rotation` (log2(units),
    units / 2), the angles; `bias` (3 units), b_c, b_r, b_g.

    Raises:
        ValueError: If an argument is out of its range, `units` is not a power of
            two, the inputs or the initial state have another shape than the
            above, or the number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.GORU(16, return_sequences=True)
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 10, 16)
    ```

    Reference:
        Jing et al., "Gated orthogonal recurrent units: on learning to forget",
        Neural Computation 31, 2019, arXiv 1706.02761; as in the comparison of
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows for
        long-lasting memory", PLoS ONE 16, 2021.
    """

    cell_class = GORUCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            rotation_initializer: Any = None,
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...
