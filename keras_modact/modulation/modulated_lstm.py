"""The modulated LSTM, cell and layer (Sha, Schwarcz, Hong 2019, section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Unpack

import keras
import numpy as np
from keras import ops

from keras_modact.modulation.identity_init import steady_bias
from keras_modact.modulation.tanhshrink import modulator_activation as activation_of
from keras_modact.recurrence import (
    CellArguments,
    RecurrentCell,
    RecurrentLayer,
    arithmetic,
)
from keras_modact.utils import conversion, numerics, validation
from keras_modact.utils.initialization import with_unit_forget_bias
from keras_modact.utils.validation import Tensor
from keras_modact.utils.weights import weight_kwargs

GATES = 5
MODULATES = ("slope", "output")


class Gates(NamedTuple):
    """What the five gates of a modulated LSTM give, each `(..., units)`."""

    input: Tensor
    """sigma(i), in (0, 1)."""
    forget: Tensor
    """sigma(f), in (0, 1)."""
    integration: Tensor
    """g, what a node adds up of its inputs, before its activation."""
    output: Tensor
    """sigma(o), in (0, 1)."""
    modulation: Tensor
    """tau(m), the slope of the node's activation."""


@keras.saving.register_keras_serializable(package="keras_modact")
class ModulatedLSTMCell(RecurrentCell):
    """LSTM cell whose candidate has a slope set by a fifth gate.

    Choose the layer `ModulatedLSTM` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the states h and c, `@` the matrix product, sigma the
    logistic sigmoid, tau the modulator's activation, and each of the gates
    i, f, g, o, m a block of x W + h @ R + b:

        c' = sigma(f) * c + sigma(i) * tanh(tau(m) * g)
        h' = sigma(o) * tanh(c')

    With tau = 1 this is `keras.layers.LSTMCell`. With `modulates="output"` the
    fifth gate comes after the activation, tau(m) * tanh(g): the paper's control
    3, an LSTM with an extra input gate.

    Weights: `kernel` (features, 5 units), W; `recurrent_kernel` (units,
    5 units), R; `bias` (5 units), b; columns i, f, g, o, m. An initializer draws
    the block of each gate by itself. Published is
    `keras.initializers.RandomUniform(-k, k)`, k = units^-0.5, for all three,
    with `unit_forget_bias=False`.

    Args:
        modulator_activation: tau: the name of a Keras activation,
            `"tanhshrink"`, or a callable. Defaults to `"sigmoid"`, as published
            for names and Penn Treebank; `"tanhshrink"` for SST-2, with which the
            candidate is all but silent at first.
        modulates: `"slope"`, tanh(tau(m) * g), or `"output"`, tau(m) * tanh(g).
            Defaults to `"slope"`.
        unit_forget_bias: Boolean, start the bias of the forget gate at 1.
            Defaults to `True`, as in `keras.layers.LSTM`.
        activation: The activation of candidate and output, tanh in the equations.
            Defaults to `"tanh"`, as published.
        recurrent_activation: The activation of the gates i, f and o, sigma in the
            equations. Defaults to `"sigmoid"`, as published.

    Call arguments:
        states: The states h and c, each `(batch, units)`.

    Output shape:
        The output `(batch, units)`, and the new states h and c of that shape.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.ModulatedLSTMCell(16))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2, the modulated LSTM.
    """

    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {
        "tensorflow": 5_000,
        "torch": 20_000,
    }

    def __init__(
        self,
        units: int,
        modulator_activation: Any = "sigmoid",
        modulates: str = "slope",
        unit_forget_bias: bool = True,
        *,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        **kwargs: Unpack[CellArguments],
    ) -> None:
        tau = activation_of(modulator_activation)
        modulates = validation.one_of("modulates", modulates, MODULATES)
        unit_forget_bias = validation.truth_value("unit_forget_bias", unit_forget_bias)
        activation = validation.activation("activation", activation)
        recurrent_activation = validation.activation(
            "recurrent_activation", recurrent_activation
        )
        super().__init__(units, **kwargs)
        self.modulator_activation = tau
        self.modulates = modulates
        self.unit_forget_bias = unit_forget_bias
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.state_size = [self.units, self.units]

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, GATES * self.units),
            **weight_kwargs(self, "kernel", blocks=GATES),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, GATES * self.units),
            **weight_kwargs(self, "recurrent", blocks=GATES),
        )
        self.bias = None
        if self.use_bias:
            of_bias = weight_kwargs(self, "bias", blocks=GATES)
            if self.unit_forget_bias:
                of_bias["initializer"] = with_unit_forget_bias(
                    of_bias["initializer"], GATES
                )
            self.bias = self.add_weight(
                name="bias", shape=(GATES * self.units,), **of_bias
            )

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.product(inputs, self.kernel)
        if self.use_bias:
            projected = projected + numerics.weight_like(self.bias, projected)
        return projected

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, c = states
        read = numerics.masked(h, recurrent_mask)
        gates = self._gates(projected + numerics.matmul(read, self.recurrent_kernel))
        if self.modulates == "slope":
            candidate = self._activate(gates.modulation * gates.integration)
        else:
            candidate = gates.modulation * self._activate(gates.integration)
        c = arithmetic.multiply_add(gates.forget, c, gates.input * candidate)
        return [gates.output * self._activate(c), c]

    @classmethod
    def from_lstm_cell(
        cls,
        cell: keras.layers.LSTMCell,
        modulator_activation: Any = "sigmoid",
        modulates: str = "slope",
        start_unchanged: bool = True,
        **kwargs: Any,
    ) -> ModulatedLSTMCell:
        """A modulated cell that computes what an LSTM's does, before training.

        As `ModulatedLSTM.from_lstm` does for a layer. Dropout is refused: Keras'
        cell draws its masks by a hook that is not public.

        Args:
            cell: A built `keras.layers.LSTMCell`. It is not changed.
            modulator_activation: As in the constructor.
            modulates: As in the constructor.
            start_unchanged: As in `ModulatedLSTM.from_lstm`.
            **kwargs: `name`, in place of the cell's own.

        Raises:
            ValueError: As in `ModulatedLSTM.from_lstm`, and if the cell has dropout.
        """
        return _converted(
            cls,
            "ModulatedLSTMCell.from_lstm_cell",
            cell,
            (*conversion.LSTM_CELL, *conversion.ACTIVATIONS),
            {
                "modulator_activation": modulator_activation,
                "modulates": modulates,
                **kwargs,
            },
            start_unchanged,
        )

    def _activate(self, x: Tensor) -> Tensor:
        return arithmetic.activate(self.activation, x)

    def gates(self, inputs: Tensor, state: Tensor) -> Gates:
        """Returns the gates of a step, for inspection.

        Args:
            inputs: Tensor `(batch, features)`, or `(batch, time, features)`.
            state: The state h before the step, `(batch, units)`, or
                `(batch, time, units)`.

        Returns:
            A named tuple of `input`, `forget`, `integration`, `output` and
            `modulation`, each of the shape of `state`.
        """
        self.check_built()
        self.check_describes_step("gates")
        h = ops.convert_to_tensor(state, dtype=self.compute_dtype)
        inputs = ops.convert_to_tensor(inputs, dtype=self.compute_dtype)
        leading = tuple(inputs.shape[:-1])
        wanted = [(*leading, self.features), (*leading, self.units)]
        if [tuple(inputs.shape), tuple(h.shape)] != wanted:
            raise ValueError(
                "`gates` takes inputs (..., features) and one state h (..., units), "
                f"here of {self.features} features and {self.units} units, received "
                f"the shapes {tuple(inputs.shape)} and {tuple(h.shape)}."
            )
        summed = self.project(inputs) + numerics.matmul(h, self.recurrent_kernel)
        return self._gates(summed)

    def _gates(self, summed: Tensor) -> Gates:
        i, f, g, o, m = arithmetic.split(summed, GATES)
        i, f, o = (arithmetic.activate(self.recurrent_activation, x) for x in (i, f, o))
        m = arithmetic.activate(self.modulator_activation, m)
        return Gates(input=i, forget=f, integration=g, output=o, modulation=m)


@keras.saving.register_keras_serializable(package="keras_modact")
class ModulatedLSTM(RecurrentLayer):
    """LSTM whose candidates have slopes set by a fifth gate.

    Choose it over `keras.layers.LSTM` where how strongly a node answers should
    depend on the context: a fifth gate, which reads what the others read, sets
    the slope of each node's activation at every step. It costs a quarter more
    weights than an LSTM of the same width.

    With the input x_t, the states h and c (zero at first), `@` the matrix
    product, sigma the logistic sigmoid, tau the modulator's activation, and each
    of the gates i, f, g, o, m a block of x_t W + h_(t-1) @ R + b:

        c_t = sigma(f) * c_(t-1) + sigma(i) * tanh(tau(m) * g)
        h_t = sigma(o) * tanh(c_t)

    With tau = 1 this is `keras.layers.LSTM`. With `modulates="output"` the fifth
    gate comes after the activation, tau(m) * tanh(g): the paper's control 3, an
    LSTM with an extra input gate.

    Weights, of `layer.cell`: `kernel` (features, 5 units), W;
    `recurrent_kernel` (units, 5 units), R; `bias` (5 units), b; columns
    i, f, g, o, m. An initializer draws the block of each gate by itself.
    Published is `keras.initializers.RandomUniform(-k, k)`, k = units^-0.5, for
    all three, with `unit_forget_bias=False`. What the gates do, step by step,
    `layer.cell.gates` tells.

    Call arguments:
        initial_state: The states before the first step, a list of h and c, each
            `(batch, units)`. Defaults to zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last h and c, each `(batch, units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.ModulatedLSTM(16, modulator_activation="tanhshrink"),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2, the modulated LSTM.
    """

    cell_class = ModulatedLSTMCell

    @classmethod
    def from_lstm(
        cls,
        layer: keras.layers.LSTM,
        modulator_activation: Any = "sigmoid",
        modulates: str = "slope",
        start_unchanged: bool = True,
        **kwargs: Any,
    ) -> ModulatedLSTM:
        """A modulated LSTM that computes what an LSTM does, before it is trained.

        The modulator starts as a constant, tau(bias), and what it multiplies is
        divided by it: with `modulates="slope"` the weights of the candidate, where a
        power of two changes no digit. The other weights are the LSTM's. Regularizers
        and constraints come along, and act on all five blocks.

        Args:
            layer: A built `keras.layers.LSTM`. It is not changed.
            modulator_activation: As in the constructor.
            modulates: As in the constructor.
            start_unchanged: Boolean, whether the modulator starts as a constant. If
                `False` it is drawn as in a new layer, and nothing is divided.
                Defaults to `True`.
            **kwargs: `name`, in place of the layer's own.

        Raises:
            ValueError: If the layer is no built `keras.layers.LSTM`, or one with
                `use_cudnn=True`, which is no other layer's; if
                `modulator_activation` gives no such constant (with
                `modulates="output"` it must be 1, which a sigmoid never is), or
                needs a bias and the layer has none.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 10, 3), "float32")
        lstm = keras.layers.LSTM(16)
        outputs = lstm(x)
        layer = keras_modact.ModulatedLSTM.from_lstm(lstm)
        assert keras.ops.max(keras.ops.abs(layer(x) - outputs)) < 1e-6
        ```
        """
        return _converted(
            cls,
            "ModulatedLSTM.from_lstm",
            layer,
            (*conversion.LSTM, *conversion.ACTIVATIONS),
            {
                "modulator_activation": modulator_activation,
                "modulates": modulates,
                **kwargs,
            },
            start_unchanged,
        )


def _converted(
    cls: Any,
    method: str,
    source: Any,
    carried: Sequence[str],
    given: dict[str, Any],
    start_unchanged: bool,
) -> Any:
    """A layer or a cell with the weights of one of Keras'.

    Args:
        cls: The class of what is made.
        method: What an error calls the conversion.
        source: What the weights come from.
        carried: The arguments that are taken over from it.
        given: The other ones.
        start_unchanged: Whether the fifth gate starts as a constant.
    """
    conversion.check_lstm(method, source)
    taken_over = conversion.taken_over(source, carried)
    made = cls(**conversion.merged(method, taken_over, given))
    cell = getattr(made, "cell", made)
    bias, signal = None, 1.0
    if start_unchanged:
        bias, signal = steady_bias(
            cell.modulator_activation, method, only_one=cell.modulates == "output"
        )
        if bias and not cell.use_bias:
            raise ValueError(
                f"`{method}` needs a bias of {bias:g} in the modulator, and "
                f"{type(source).__name__} '{source.name}' has none. Take "
                "modulator_activation='sigmoid' with modulates='slope', which needs "
                "none."
            )
    conversion.build_like(made, source)
    weights = getattr(source, "cell", source)
    for name in ("kernel", "recurrent_kernel", "bias"):
        weight = getattr(cell, name)
        if weight is None:
            continue
        i, f, g, o = np.split(conversion.array(getattr(weights, name)), GATES - 1, -1)
        m = np.split(conversion.array(weight), GATES, -1)[-1]
        if bias is not None:
            m = np.full_like(m, bias if name == "bias" else 0.0)
        weight.assign(np.concatenate([i, f, g / signal, o, m], -1))
    return made
