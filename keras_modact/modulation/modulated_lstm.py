"""The modulated LSTM, cell and layer (Sha, Schwarcz, Hong 2019, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import keras
from keras import ops

from keras_modact.modulation import modulators
from keras_modact.modulation.from_lstm import converted
from keras_modact.modulation.tanhshrink import modulator_activation as activation_of
from keras_modact.recurrence import (
    CellArguments,
    LayerArguments,
    RecurrentCell,
    RecurrentLayer,
    arithmetic,
)
from keras_modact.utils import conversion, numerics, validation
from keras_modact.utils.initialization import with_unit_forget_bias
from keras_modact.utils.layers import freeze_parts, output_shape, with_layers
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
    """tau(m), the slope of the node's activation; `(..., 1)` if all nodes share it."""


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

    A layer as `modulator` gives m in place of the fifth gate, from [x; h], or, with
    `context_features`, from the last features of the input, the context, which the
    four gates then do not read.

    Weights: `kernel` (features, 5 units), W; `recurrent_kernel` (units,
    5 units), R; `bias` (5 units), b; columns i, f, g, o, m. An initializer draws
    the block of each gate by itself. Published is
    `keras.initializers.RandomUniform(-k, k)`, k = 1 / sqrt(units), for all
    three, with `unit_forget_bias=False`. With a layer as `modulator` there are four
    blocks, those of `keras.layers.LSTM`, in rows of the features without the
    context, and the weights of that layer.

    Args:
        modulator_activation: tau: the name of a Keras activation,
            `"tanhshrink"`, or a callable. Defaults to `"sigmoid"`, as published
            for names and Penn Treebank; `"tanhshrink"` for SST-2, with which the
            candidate is all but silent at first.
        modulates: `"slope"`, tanh(tau(m) * g), or `"output"`, tau(m) * tanh(g).
            Defaults to `"slope"`.
        modulator: None, the fifth gate, or a Keras layer that gives m `(batch, units)`,
            or `(batch, 1)` for one slope of all nodes, from vectors: [x; h] `(batch,
            features + units)`, or the context `(batch, context_features)`. Such as
            two `Dense` in a `keras.Sequential`; the loop runs it, so it must draw no
            random numbers, keep no statistics and have no activity regularizer.
            Defaults to `None`, as published.
        context_features: Integer, how many features at the end of the input are the
            context, which `modulator` reads in place of [x; h]. Defaults to 0.
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

    def __init__(
        self,
        units: int,
        modulator_activation: Any = "sigmoid",
        modulates: str = "slope",
        unit_forget_bias: bool = True,
        *,
        modulator: keras.layers.Layer | None = None,
        context_features: int = 0,
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
        modulators.check_in_loop(modulator)
        context_features = validation.non_negative_integer(
            "context_features", context_features
        )
        if context_features and modulator is None:
            raise ValueError(
                "`context_features` is what a layer as `modulator` reads, received "
                f"context_features={context_features} and no such layer. Pass for "
                f"example modulator=keras.layers.Dense({units})."
            )
        super().__init__(units, **kwargs)
        self.modulator_activation = tau
        self.modulates = modulates
        self.unit_forget_bias = unit_forget_bias
        self.modulator = modulator
        self.context_features = context_features
        self.activation = activation
        self.recurrent_activation = recurrent_activation
        self.state_size = [self.units, self.units]
        self.blocks = GATES if modulator is None else GATES - 1
        freeze_parts(self)

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape) - self.context_features
        if features < 1:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' takes the last "
                f"{self.context_features} features as the context, and there are "
                f"{self.features}, which leaves none to the gates. Concatenate input "
                "and context."
            )
        columns = self.blocks * self.units
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, columns),
            **weight_kwargs(self, "kernel", blocks=self.blocks),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, columns),
            **weight_kwargs(self, "recurrent", blocks=self.blocks),
        )
        self.bias = None
        if self.use_bias:
            of_bias = weight_kwargs(self, "bias", blocks=self.blocks)
            if self.unit_forget_bias:
                of_bias["initializer"] = with_unit_forget_bias(
                    of_bias["initializer"], self.blocks
                )
            self.bias = self.add_weight(name="bias", shape=(columns,), **of_bias)
        if self.modulator is not None:
            size = self.context_features or features + self.units
            signal = output_shape(self.modulator, (None, size))
            if len(signal) != 2 or signal[-1] not in (1, self.units):
                raise ValueError(
                    f"`modulator` of {type(self).__name__} '{self.name}' must turn "
                    f"the shape (None, {size}) into (None, {self.units}) or "
                    f"(None, 1), and '{self.modulator.name}' gives {signal}. Give "
                    f"its last layer {self.units} units, or 1."
                )

    def project(self, inputs: Tensor) -> Tensor:
        x = read = inputs
        if self.context_features:
            x = inputs[..., : -self.context_features]
            read = inputs[..., -self.context_features :]
        projected = self.product(x, self.kernel)
        if self.use_bias:
            projected = projected + numerics.weight_like(self.bias, projected)
        if self.modulator is None:
            return projected
        return ops.concatenate([projected, read], axis=-1)

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        h, c = states
        gates = self._gates(projected, numerics.masked(h, recurrent_mask))
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
        """Returns a modulated cell that computes what an LSTM's does, until trained.

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
        return converted(
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
        # A modulator takes vectors.
        rows = [ops.reshape(a, (-1, a.shape[-1])) for a in (inputs, h)]
        gates = self._gates(self.project(rows[0]), rows[1])
        return Gates(*(ops.reshape(gate, (*leading, -1)) for gate in gates))

    def _gates(self, projected: Tensor, h: Tensor) -> Gates:
        of_state = numerics.matmul(h, self.recurrent_kernel)
        if self.modulator is None:
            i, f, g, o, m = arithmetic.split(projected + of_state, GATES)
        else:
            sizes = self.blocks * self.units, self.context_features or self.features
            summed, read = arithmetic.split_at(projected, sizes)
            i, f, g, o = arithmetic.split(summed + of_state, self.blocks)
            if not self.context_features:
                read = arithmetic.concatenate([read, h])
            m = ops.cast(self.modulator(read), g.dtype)
        i, f, o = (arithmetic.activate(self.recurrent_activation, x) for x in (i, f, o))
        m = arithmetic.activate(self.modulator_activation, m)
        return Gates(input=i, forget=f, integration=g, output=o, modulation=m)

    def get_config(self) -> dict[str, Any]:
        modulator = self.modulator
        if modulator is not None:
            modulator = keras.saving.serialize_keras_object(modulator)
        return {**super().get_config(), "modulator": modulator}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> ModulatedLSTMCell:
        return cls(**with_layers(config, ("modulator",), custom_objects))


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

    A layer as `modulator` gives m in place of the fifth gate: a deeper network of
    [x_t; h_(t-1)], or one slope for all nodes. With `context_features` it is driven
    from elsewhere: the last features of every step are the context c_t, which it
    alone reads, m = modulator(c_t), and the gates read the others. The context is
    concatenated to the sequence (`keras.layers.Concatenate()([x, context])`, a single
    vector after `keras.layers.RepeatVector`), and so is masked, reversed and dropped
    with it. It is the output of another layer, of other steps too, if shifted; it
    cannot be this layer's own at other steps than the last.

    Weights, of `layer.cell`: `kernel` (features, 5 units), W;
    `recurrent_kernel` (units, 5 units), R; `bias` (5 units), b; columns
    i, f, g, o, m. An initializer draws the block of each gate by itself.
    Published is `keras.initializers.RandomUniform(-k, k)`, k = 1 / sqrt(units),
    for all three, with `unit_forget_bias=False`. With a layer as `modulator` there are
    four blocks, those of `keras.layers.LSTM`, in rows of the features without the
    context, and the weights of that layer. What the gates do, step by step,
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

    With a deeper modulator that reads what another layer says of the sequence:

    ```python
    import numpy as np, keras, keras_modact

    x = keras.Input((None, 3))
    context = keras.layers.GRU(8, return_sequences=True)(x)
    deeper = [keras.layers.Dense(12, activation="relu"), keras.layers.Dense(16)]
    y = keras_modact.ModulatedLSTM(
        16, modulator=keras.Sequential(deeper), context_features=8
    )(keras.layers.Concatenate()([x, context]))
    assert keras.Model(x, y).predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 16)
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2, the modulated LSTM.
    """

    cell_class = ModulatedLSTMCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            modulator_activation: Any = "sigmoid",
            modulates: str = "slope",
            unit_forget_bias: bool = True,
            *,
            modulator: keras.layers.Layer | None = None,
            context_features: int = 0,
            activation: Any = "tanh",
            recurrent_activation: Any = "sigmoid",
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> ModulatedLSTM:
        return cls(**with_layers(config, ("modulator",), custom_objects))

    @classmethod
    def from_lstm(
        cls,
        layer: keras.layers.LSTM,
        modulator_activation: Any = "sigmoid",
        modulates: str = "slope",
        start_unchanged: bool = True,
        **kwargs: Any,
    ) -> ModulatedLSTM:
        """Returns a modulated LSTM that computes what an LSTM does, until trained.

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
                needs a bias and the layer has none; if `modulator` is a layer.

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
        return converted(
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
