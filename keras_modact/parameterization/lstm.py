"""The adaptive LSTM, cell and layer (Flennerhag et al. 2018, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import keras
from keras import ops

from keras_modact.parameterization.from_lstm import converted
from keras_modact.parameterization.lstm_base import (
    GATES,
    POLICIES,
    AdaptiveLSTMArguments,
    AdaptiveLSTMBase,
)
from keras_modact.parameterization.lstm_diagonals import (
    Adaptation,
    DiagonalLayout,
)
from keras_modact.recurrence import RecurrentLayer, arithmetic
from keras_modact.utils import conversion, numerics, validation
from keras_modact.utils.initialization import with_unit_forget_bias
from keras_modact.utils.numerics import masked
from keras_modact.utils.validation import Tensor
from keras_modact.utils.weights import weight_kwargs


@keras.saving.register_keras_serializable(package="keras_modact")
class AdaptiveLSTMCell(AdaptiveLSTMBase):
    """LSTM cell whose matrices are adapted to what it reads, at every step.

    Choose the layer `AdaptiveLSTM` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the states h and c, v = [x; h], `@` the matrix product,
    sigma the logistic sigmoid, "1 +" with `around_one` only, and each of the
    gates i, f, g, o a block of u:

        z' = the output of an LSTM that reads v, with the states z and its c
        pi  = [1 +] tau(z' @ U), of which pi_x, pi_h, pi_xg, pi_hg, pi_b are blocks
        u  = ((x * pi_x) @ W) * pi_xg + ((h * pi_h) @ R) * pi_hg + b * pi_b
        c' = sigma(f) * c + sigma(i) * tanh(g)
        h' = sigma(o) * tanh(c')

    With `policy="static"` z' = relu(v P + p). With pi = 1 this is
    `keras.layers.LSTMCell`. As published z and so pi start near 0, and the cell
    all but closed; with `around_one=True` it starts as the LSTM with the same
    weights.

    Weights: `kernel` (features, 4 units), W; `recurrent_kernel` (units,
    4 units), R; `bias` (4 units), b; columns i, f, g, o. `policy_kernel`
    (features + units, 4 policy_units), `policy_recurrent_kernel` (policy_units,
    4 policy_units) and `policy_bias` (4 policy_units), the policy's LSTM, with
    columns i, f, g, o as well; a static policy has `policy_kernel`, P, and
    `policy_bias`, p, with policy_units columns. `adaptation_kernel`
    (policy_units, features + 13 units), U, with the columns of pi_x, pi_h,
    pi_xg, pi_hg and pi_b, without those that are not adapted. The published
    policy has two biases that are added up; one is as good.

    Args:
        policy_units: Positive integer, the size of z. Defaults to `None`: a quarter
            of `units`, as published for the smaller of two layers (100 for 400).
        policy: `"recurrent"`, z from a small LSTM, or `"static"`, from a dense
            layer of rectifiers. Defaults to `"recurrent"`.
        adaptation: What is adapted: `"input"`, pi_x and pi_h; `"output"`, pi_xg
            and pi_hg; `"io"`, all four. Defaults to `"io"`.
        adapt_bias: Boolean, whether the bias is adapted, by pi_b. Defaults to
            `True`.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, pi = 1 + tau(z' @ U) in place of tau(z' @ U), with U
            zero at first. Defaults to `False`, as in the paper.
        slicing: `"exact"`, or `"published"`: the authors' code takes sizes for
            places and cuts tau(z' @ U), with I features and H units, into pi_x
            [0, I), pi_h [I, I + H), pi_xg [H, 5H), and [4H, 8H) for both pi_hg
            and pi_b, and leaves the rest of its I + 13 H columns unused, which
            are kept whatever is adapted. For comparisons with published figures
            only. Defaults to `"exact"`.
        unit_forget_bias: Boolean, start b at 1 for the forget gate. Defaults to
            `True`.
        kernel_initializer: Initializer of `kernel`, all gates at once. Defaults
            to `"orthogonal"`.
        recurrent_initializer: Initializer of `recurrent_kernel`, all gates at
            once. Defaults to `"orthogonal"`.
        policy_kernel_initializer: Initializer of `policy_kernel`. Defaults to
            `None`: uniform within 1 / sqrt(policy_units) of 0.
        policy_recurrent_initializer: Initializer of `policy_recurrent_kernel`,
            with the same default.
        policy_bias_initializer: Initializer of `policy_bias`, with the same
            default.
        adaptation_initializer: Initializer of `adaptation_kernel`, with the same
            default, or zeros with `around_one`.
        policy_kernel_regularizer: Regularizer of `policy_kernel`.
        policy_recurrent_regularizer: Regularizer of `policy_recurrent_kernel`.
        policy_bias_regularizer: Regularizer of `policy_bias`.
        adaptation_regularizer: Regularizer of `adaptation_kernel`.
        recurrent_dropout: Float in [0, 1), share of the state h dropped, in
            training, where the gates and the policy read it.
        policy_dropout: Float in [0, 1), share of z dropped, in training, where U
            and the policy read it.

    Call arguments:
        states: The states h and c, each `(batch, units)`, and with a recurrent
            policy z and its c, each `(batch, policy_units)`.

    Output shape:
        The output `(batch, units)`, and the new states, of the shapes above.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.AdaptiveLSTMCell(16, policy_units=4))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 6
        to 9, the first matrices tied over the gates.
    """

    def __init__(
        self,
        units: int,
        policy_units: int | None = None,
        policy: str = "recurrent",
        **kwargs: Any,
    ) -> None:
        policy = validation.one_of("policy", policy, POLICIES)
        super().__init__(units, policy_units, **kwargs)
        self.policy = policy
        self.state_size = [self.units, self.units]
        if policy == "recurrent":
            self.state_size += [self.policy_units, self.policy_units]
        # The size of another layer's z in v, which `StackedAdaptiveLSTMCell` sets.
        self.latent_below = 0

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)
        blocks = GATES if self.policy == "recurrent" else 1
        summary = features + self.units + self.latent_below

        def add(name: str, weight: str, *shape: int) -> Any:
            made = weight_kwargs(self, weight)
            if name == "bias" and self.unit_forget_bias:
                made["initializer"] = with_unit_forget_bias(made["initializer"], GATES)
            return self.add_weight(name=name, shape=shape, **made)

        self.kernel = add("kernel", "kernel", features, GATES * self.units)
        self.recurrent_kernel = add(
            "recurrent_kernel", "recurrent", self.units, GATES * self.units
        )
        self.bias = None
        if self.use_bias:
            self.bias = add("bias", "bias", GATES * self.units)
        of_policy = blocks * self.policy_units
        self.policy_kernel = add("policy_kernel", "policy_kernel", summary, of_policy)
        self.policy_recurrent_kernel = None
        if self.policy == "recurrent":
            self.policy_recurrent_kernel = add(
                "policy_recurrent_kernel",
                "policy_recurrent",
                self.policy_units,
                of_policy,
            )
        self.policy_bias = add("policy_bias", "policy_bias", of_policy)
        self.layout = DiagonalLayout(
            self.features,
            self.units,
            self.adaptation_name,
            self.adapt_bias and self.use_bias,
            self.slicing == "published",
        )
        self.adaptation_kernel = add(
            "adaptation_kernel",
            "adaptation",
            self.policy_units,
            self.layout.columns,
        )

    def project(self, inputs: Tensor) -> Tensor:
        of_policy = self.product(inputs, self.policy_kernel[: self.features])
        of_policy = of_policy + numerics.weight_like(self.policy_bias, of_policy)
        # What the policy makes of h scales x before W reads it.
        return ops.concatenate([of_policy, inputs], axis=-1)

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        return self.advance(projected, states, recurrent_mask or (None, None))

    def advance(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        masks: tuple[Tensor | None, Tensor | None],
        latent_below: Tensor | None = None,
    ) -> list[Tensor]:
        """One step; in a stack with the z of the layer below as well.

        Args:
            projected: What `project` returned for this step.
            states: h, c, and with a recurrent policy z and its c.
            masks: Dropout masks of h and of z, or None.
            latent_below: z of the layer below, `(batch, policy_units)`, or None.

        Returns:
            The states after the step.
        """
        x, h, of_policy = self.summarize(projected, states, masks, latent_below)
        if self.policy == "recurrent":
            policy_states = lstm(of_policy, states[3])
            z = policy_states[0]
        else:
            policy_states, z = [], ops.relu(of_policy)
        u = self.gates(x, h, self.diagonals(masked(z, masks[1])))
        return [*lstm(u, states[1]), *policy_states]

    def summarize(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        masks: tuple[Tensor | None, Tensor | None],
        latent_below: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x, h without what is dropped, and what is inside the policy's gates.

        Args:
            projected: What `project` returned.
            states: As in `advance`.
            masks: As in `advance`.
            latent_below: As in `advance`.
        """
        columns = projected.shape[-1] - self.features
        of_policy, x = arithmetic.split_at(projected, (columns, self.features))
        h = masked(states[0], masks[0])
        kernel = numerics.weight_like(self.policy_kernel, h)
        above = self.features + self.units
        of_policy = of_policy + h @ kernel[self.features : above]
        if latent_below is not None:
            of_policy = of_policy + latent_below @ kernel[above:]
        if self.policy == "recurrent":
            z = masked(states[2], masks[1])
            of_policy = of_policy + numerics.matmul(z, self.policy_recurrent_kernel)
        return x, h, of_policy

    def diagonals(self, z: Tensor) -> Adaptation:
        """pi, which is tau(z @ U) or 1 + tau(z @ U), cut into the five of them."""
        kernel = numerics.weight_like(self.adaptation_kernel, z)
        logits = z @ self.layout.select(kernel)
        if self.around_one and self.policy_activation is keras.activations.tanh:
            # 1 + tanh, with all digits where it is small, and at a fifth of the cost.
            return self.layout.cut(2 * ops.sigmoid(2 * logits))
        tau = numerics.activate(self.policy_activation, logits)
        return self.layout.cut(1 + tau if self.around_one else tau)

    def adaptation(self, latent: Any) -> Adaptation:
        """Returns the diagonals pi for a policy's z, for inspection.

        Args:
            latent: z, `(..., policy_units)`: with a recurrent policy the third
                state after the step, with a static one relu(v P + p).

        Returns:
            A named tuple of `input`, `state`, `input_gates`, `state_gates` and
            `bias`.
        """
        self.check_built()
        z = ops.convert_to_tensor(latent)
        if z.shape[-1] != self.policy_units:
            raise ValueError(
                "`adaptation` takes z of shape (..., policy_units), here with "
                f"{self.policy_units} units, received the shape {tuple(z.shape)}."
            )
        return self.diagonals(z)

    @classmethod
    def from_lstm_cell(
        cls, cell: keras.layers.LSTMCell, policy_units: int | None = None, **kwargs: Any
    ) -> AdaptiveLSTMCell:
        """Returns an adaptive cell that computes what an LSTM's does, until trained.

        As `AdaptiveLSTM.from_lstm` does for a layer. Dropout is refused: Keras' cell
        draws its masks by a hook that is not public.

        Args:
            cell: A built `keras.layers.LSTMCell`, with tanh and sigmoid as its
                activations. It is not changed.
            policy_units: As in the constructor.
            **kwargs: Further arguments of the constructor, those that the cell does
                not answer; `name`, in place of the cell's own.

        Raises:
            ValueError: As in `AdaptiveLSTM.from_lstm`, and if the cell has dropout.
        """
        return converted(
            cls,
            "AdaptiveLSTMCell.from_lstm_cell",
            cell,
            policy_units,
            conversion.LSTM_CELL,
            kwargs,
        )

    def gates(self, x: Tensor, h: Tensor, pi: Adaptation) -> Tensor:
        """Equation 9, all gates at once."""
        of_input = self.product(masked(x, pi.input), self.kernel)
        of_state = numerics.matmul(masked(h, pi.state), self.recurrent_kernel)
        u = masked(of_input, pi.input_gates) + masked(of_state, pi.state_gates)
        if self.use_bias:
            u = u + masked(numerics.weight_like(self.bias, u), pi.bias)
        return u

    def dropout_masks(
        self, batch_size: Any, features: int, training: bool
    ) -> tuple[Tensor | None, Any]:
        of_input, of_h = super().dropout_masks(batch_size, features, training)
        if not training:
            return None, None
        of_z = self.draw_mask(batch_size, self.policy_units, self.policy_dropout)
        return of_input, (of_h, of_z)


def lstm(gates: Tensor, c: Tensor) -> list[Tensor]:
    """The states h and c of an LSTM after its gates i, f, g, o are added up."""
    i, f, g, o = arithmetic.split(gates, GATES)
    drive = arithmetic.sigmoid(i) * arithmetic.tanh(g)
    c = arithmetic.multiply_add(arithmetic.sigmoid(f), c, drive)
    return [arithmetic.sigmoid(o) * arithmetic.tanh(c), c]


@keras.saving.register_keras_serializable(package="keras_modact")
class AdaptiveLSTM(RecurrentLayer):
    """LSTM whose matrices are adapted to what it reads, at every step.

    Choose it over `keras.layers.LSTM` where one set of weights should serve
    changing contexts, as in language models: a small network, the policy, scales
    the rows and columns of the LSTM's matrices at every step, which makes a
    given number of weights go further. For several layers see
    `StackedAdaptiveLSTM`, whose policies know of each other.

    With the input x_t, the states h and c (zero at first), v = [x_t; h_(t-1)],
    `@` the matrix product, sigma the logistic sigmoid, "1 +" with `around_one`
    only, and each of the gates i, f, g, o a block of u:

        z_t = the output of an LSTM that reads v, with the states z and its c
        pi  = [1 +] tau(z_t @ U), of which pi_x, pi_h, pi_xg, pi_hg, pi_b are blocks
        u   = ((x_t * pi_x) @ W) * pi_xg + ((h_(t-1) * pi_h) @ R) * pi_hg + b * pi_b
        c_t = sigma(f) * c_(t-1) + sigma(i) * tanh(g)
        h_t = sigma(o) * tanh(c_t)

    With `policy="static"` z_t = relu(v P + p). With pi = 1 this is
    `keras.layers.LSTM`. As published z and so pi start near 0, and the cell all
    but closed; with `around_one=True` it starts as the LSTM with the same
    weights.

    Weights, of `layer.cell`: `kernel` (features, 4 units), W; `recurrent_kernel`
    (units, 4 units), R; `bias` (4 units), b; columns i, f, g, o. `policy_kernel`
    (features + units, 4 policy_units), `policy_recurrent_kernel` (policy_units,
    4 policy_units) and `policy_bias` (4 policy_units), the policy's LSTM, with
    columns i, f, g, o as well; a static policy has `policy_kernel`, P, and
    `policy_bias`, p, with policy_units columns. `adaptation_kernel`
    (policy_units, features + 13 units), U, with the columns of pi_x, pi_h,
    pi_xg, pi_hg and pi_b, without those that are not adapted. The published
    policy has two biases that are added up; one is as good. What pi is for a z,
    `layer.cell.adaptation` tells.

    Call arguments:
        initial_state: The states before the first step, a list of h and c, each
            `(batch, units)`, and with a recurrent policy z and its c, each
            `(batch, policy_units)`. Defaults to zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, of the shapes above.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.AdaptiveLSTM(16, policy_units=4),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 6
        to 9, the first matrices tied over the gates.
    """

    cell_class = AdaptiveLSTMCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            policy_units: int | None = None,
            policy: str = "recurrent",
            **kwargs: Unpack[AdaptiveLSTMArguments],
        ) -> None: ...

    @classmethod
    def from_lstm(
        cls, layer: keras.layers.LSTM, policy_units: int | None = None, **kwargs: Any
    ) -> AdaptiveLSTM:
        """Returns an adaptive LSTM that computes what an LSTM does, until trained.

        It is one with `around_one=True` whose policy starts at zero, and the LSTM's
        weights.

        Args:
            layer: A built `keras.layers.LSTM`, with tanh and sigmoid as its
                activations. It is not changed.
            policy_units: As in the constructor.
            **kwargs: Further arguments of the constructor, those that the layer
                does not answer; `name`, in place of the layer's own.

        Raises:
            ValueError: If the layer is no built `keras.layers.LSTM`, or one with
                other activations or `use_cudnn=True`, or `policy_activation` is not
                0 at 0.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 10, 3), "float32")
        lstm = keras.layers.LSTM(16)
        outputs = lstm(x)
        layer = keras_modact.AdaptiveLSTM.from_lstm(lstm, policy_units=4)
        assert keras.ops.max(keras.ops.abs(layer(x) - outputs)) < 1e-6
        ```
        """
        return converted(
            cls, "AdaptiveLSTM.from_lstm", layer, policy_units, conversion.LSTM, kwargs
        )
