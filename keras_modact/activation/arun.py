"""The recurrent cell and layer whose activation is set by a network (Geadah et al.)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import keras
from keras import ops

from keras_modact.activation.gamma import gamma_step
from keras_modact.activation.gamma_rnn import GAMMA, PUBLISHED_INITIALIZERS, ElmanCell
from keras_modact.recurrence import (
    CellArguments,
    Fixed,
    LayerArguments,
    RecurrentLayer,
    arithmetic,
)
from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import set_weight_arguments, weight_kwargs

SUPERVISOR = (
    "supervisor_kernel",
    "supervisor_recurrent",
    "supervisor_bias",
    "gain_kernel",
    "gain_bias",
    "saturation_kernel",
    "saturation_bias",
)


@keras.saving.register_keras_serializable(package="keras_modact")
class ARUNCell(ElmanCell):
    """Adaptive recurrent unit: a small network sets each unit's activation.

    Choose the layer `ARUN` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own. (With
    a mask, `keras.layers.RNN` takes no state of three axes on JAX: use the layer.)

    With the input x, the states h (units) and g (units, S), `@` the matrix
    product, and one supervisor network that all units i share:

        a    = x U + h @ V + b
        g_i' = tanh(a_i U_a + g_i @ W_g + b_g)        each unit's own S numbers
        n_i  = g_i' @ w_n + b_n                       gain
        s_i  = g_i' @ w_s + b_s                       saturation
        h_i' = gamma(a_i; n_i, s_i)
        gamma(a; n, s) = (1 - s) softplus(n a) / n + s sigma(n a)

    Weights: `kernel` (features, units), U; `recurrent_kernel` (units, units), V;
    `bias` (units), b; `supervisor_kernel` (1, S), U_a; `supervisor_recurrent_kernel`
    (S, S), W_g; `supervisor_bias` (S), b_g; `gain_kernel` (S, 1), w_n; `gain_bias`
    (1), b_n; `saturation_kernel` (S, 1), w_s; `saturation_bias` (1), b_s. The
    authors' code has two biases in each network, which add up to one.

    Args:
        supervisor_units: Positive integer S, the supervisor's units. Defaults to
            50.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `Henaff`, by its registered name.
        supervisor_kernel_initializer: Initializer of `supervisor_kernel`.
            Defaults to `"he_normal"`.
        supervisor_recurrent_initializer: Initializer of
            `supervisor_recurrent_kernel`. Defaults to `Henaff`.
        supervisor_bias_initializer: Initializer of `supervisor_bias`. Defaults to
            `"zeros"`.
        gain_kernel_initializer: Initializer of `gain_kernel`. Defaults to None,
            which stands for a tenth of `"glorot_normal"`, as published.
        gain_bias_initializer: Initializer of `gain_bias`. Defaults to None, which
            stands for 5 + 2 U(0, 1), as published.
        saturation_kernel_initializer: Initializer of `saturation_kernel`.
            Defaults to None, which stands for a hundredth of `"glorot_normal"`.
        saturation_bias_initializer: Initializer of `saturation_bias`. Defaults
            to `"zeros"`.

    Call arguments:
        states: The states, a list of h `(batch, units)` and g
            `(batch, units, supervisor_units)`.

    Output shape:
        The output `(batch, units)`, and the list of the new states.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.ARUNCell(16, supervisor_units=4))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Geadah, Horoi, Kerg, Wolf, Lajoie, "Neural networks with optimized
        single-neuron adaptation uncover biologically plausible regularization",
        PLoS Computational Biology, 2024; the follow-up of arXiv 2006.12253, which
        defines gamma.
    """

    defaults: ClassVar[Mapping[str, Any]] = PUBLISHED_INITIALIZERS
    fixed_arguments: ClassVar[Mapping[str, Fixed]] = GAMMA

    def __init__(
        self,
        units: int,
        supervisor_units: int = 50,
        supervisor_kernel_initializer: Any = "he_normal",
        supervisor_recurrent_initializer: Any = "keras_modact>Henaff",
        supervisor_bias_initializer: Any = "zeros",
        gain_kernel_initializer: Any = None,
        gain_bias_initializer: Any = None,
        saturation_kernel_initializer: Any = None,
        saturation_bias_initializer: Any = "zeros",
        **kwargs: Unpack[CellArguments],
    ) -> None:
        given = constructor_arguments(locals())
        supervisor_units = validation.positive_integer(
            "supervisor_units", given.pop("supervisor_units")
        )
        supervisor = {
            name: given.pop(name)
            for name in [f"{weight}_initializer" for weight in SUPERVISOR]
        }
        for name, published in (
            ("gain_kernel_initializer", glorot_normal(0.1)),
            ("gain_bias_initializer", keras.initializers.RandomUniform(5.0, 7.0)),
            ("saturation_kernel_initializer", glorot_normal(0.01)),
        ):
            if supervisor[name] is None:
                supervisor[name] = published
        super().__init__(**given)
        self.supervisor_units = supervisor_units
        set_weight_arguments(self, SUPERVISOR, supervisor)
        self.state_size = [self.units, (self.units, supervisor_units)]

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        size = self.supervisor_units

        def add(name: str, weight: str, shape: tuple[int, ...]) -> Any:
            return self.add_weight(
                name=name, shape=shape, **weight_kwargs(self, weight)
            )

        self.supervisor_kernel = add(
            "supervisor_kernel", "supervisor_kernel", (1, size)
        )
        self.supervisor_recurrent_kernel = add(
            "supervisor_recurrent_kernel", "supervisor_recurrent", (size, size)
        )
        self.supervisor_bias = None
        if self.use_bias:
            self.supervisor_bias = add("supervisor_bias", "supervisor_bias", (size,))
        self.gain_kernel = add("gain_kernel", "gain_kernel", (size, 1))
        self.gain_bias = add("gain_bias", "gain_bias", (1,))
        self.saturation_kernel = add(
            "saturation_kernel", "saturation_kernel", (size, 1)
        )
        self.saturation_bias = add("saturation_bias", "saturation_bias", (1,))

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, g = states
        a = self.pre_activation(projected, h, recurrent_mask)
        g = self._supervise(a, g)
        gain, saturation = self.adaptation(g)
        return [gamma_step(a, gain, saturation), g]

    def _supervise(self, a: Tensor, g: Tensor) -> Tensor:
        """The supervisor's next state, for every unit by itself."""
        # Tensors `(..., units, supervisor_units)` are the cost of this cell, and torch
        # pays more for the memory of a new one than for a sum. So sums over them go by
        # `+=`, which is in place there, always into a tensor made the line before.
        driven = numerics.matmul(g, self.supervisor_recurrent_kernel)
        driven += a[..., None] * numerics.weight_like(self.supervisor_kernel, a)
        if self.use_bias:
            driven += numerics.weight_like(self.supervisor_bias, a)
        return arithmetic.tanh(driven)

    def adaptation(self, g: Any) -> tuple[Tensor, Tensor]:
        """Returns the gain and the saturation of every unit, also for inspection.

        Args:
            g: The supervisor's state, `(..., units, supervisor_units)`.

        Returns:
            The gain n and the saturation s, each `(..., units)`.
        """
        g = ops.convert_to_tensor(g)
        gain = numerics.matmul(g, self.gain_kernel)
        saturation = numerics.matmul(g, self.saturation_kernel)
        return (
            ops.squeeze(gain + numerics.weight_like(self.gain_bias, g), -1),
            ops.squeeze(saturation + numerics.weight_like(self.saturation_bias, g), -1),
        )


def glorot_normal(factor: float) -> keras.initializers.Initializer:
    """Glorot's normal initializer, its standard deviation times a factor."""
    return keras.initializers.VarianceScaling(
        factor**2, mode="fan_avg", distribution="truncated_normal"
    )


@keras.saving.register_keras_serializable(package="keras_modact")
class ARUN(RecurrentLayer):
    """Adaptive recurrent units: a small network sets each unit's activation.

    Choose it over `GammaRNN` where units should change their activation within a
    sequence, as neurons adapt to a stimulus. Every step costs the supervisor's
    (batch, units, S) numbers on top. To see gain and saturation over time, run
    `layer.cell` step by step and give g to `layer.cell.adaptation`.

    With the input x_t, the states h (units) and g (units, S), zero at first, `@`
    the matrix product, and one supervisor network that all units i share:

        a_t     = x_t U + h_(t-1) @ V + b
        g_(t,i) = tanh(a_(t,i) U_a + g_(t-1,i) @ W_g + b_g)
        n_(t,i) = g_(t,i) @ w_n + b_n                   gain
        s_(t,i) = g_(t,i) @ w_s + b_s                   saturation
        h_(t,i) = gamma(a_(t,i); n_(t,i), s_(t,i))
        gamma(a; n, s) = (1 - s) softplus(n a) / n + s sigma(n a)

    Weights, of `layer.cell`: `kernel` (features, units), U; `recurrent_kernel`
    (units, units), V; `bias` (units), b; `supervisor_kernel` (1, S), U_a;
    `supervisor_recurrent_kernel` (S, S), W_g; `supervisor_bias` (S), b_g;
    `gain_kernel` (S, 1), w_n; `gain_bias` (1), b_n; `saturation_kernel` (S, 1),
    w_s; `saturation_bias` (1), b_s. The authors' code has two biases in each
    network, which add up to one.

    Call arguments:
        initial_state: The list of the states before the first step, h
            `(batch, units)` and g `(batch, units, supervisor_units)`. Defaults to
            zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, `(batch, units)` and
        `(batch, units, supervisor_units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras_modact.ARUN(16, supervisor_units=4, return_state=True)
    output, h, g = layer(np.ones((2, 10, 3), "float32"))
    gain, saturation = layer.cell.adaptation(g)
    assert gain.shape == (2, 16)
    ```

    Reference:
        Geadah, Horoi, Kerg, Wolf, Lajoie, "Neural networks with optimized
        single-neuron adaptation uncover biologically plausible regularization",
        PLoS Computational Biology, 2024; the follow-up of arXiv 2006.12253, which
        defines gamma.
    """

    cell_class = ARUNCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            supervisor_units: int = 50,
            supervisor_kernel_initializer: Any = "he_normal",
            supervisor_recurrent_initializer: Any = "keras_modact>Henaff",
            supervisor_bias_initializer: Any = "zeros",
            gain_kernel_initializer: Any = None,
            gain_bias_initializer: Any = None,
            saturation_kernel_initializer: Any = None,
            saturation_bias_initializer: Any = "zeros",
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...
