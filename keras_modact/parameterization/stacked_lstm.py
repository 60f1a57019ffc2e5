"""Stacked adaptive LSTMs, cell and layer (Flennerhag et al. 2018, equation 10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import keras

from keras_modact.parameterization.lstm import AdaptiveLSTMCell
from keras_modact.parameterization.lstm_base import (
    AdaptiveLSTMArguments,
    AdaptiveLSTMBase,
    default_policy_units,
)
from keras_modact.recurrence import RecurrentLayer
from keras_modact.utils import validation
from keras_modact.utils.initialization import for_block
from keras_modact.utils.numerics import masked
from keras_modact.utils.validation import Tensor

Masks = tuple[Tensor | None, Tensor | None]
"""The dropout masks of h and of z."""


@keras.saving.register_keras_serializable(package="keras_modact")
class StackedAdaptiveLSTMCell(AdaptiveLSTMBase):
    """Adaptive LSTM cells on top of each other, their policies in one loop.

    Choose the layer `StackedAdaptiveLSTM` to run it over a sequence; the cell is
    for `keras.layers.RNN` and loops of your own.

    Layer l = 1 ... L is an `AdaptiveLSTMCell` with a recurrent policy that reads

        v_l = [h'_(l-1); h_l; z'_(l-1)]        l = 2 ... L
        v_1 = [x; h_1; z_L]

    where ' marks what this step has made already, and z_L is the last layer's z
    of the step before; so each policy knows of all others. With one layer there
    is no z in v, and this is `AdaptiveLSTMCell`. A stack with static policies is
    `AdaptiveLSTM` layers on top of each other.

    Weights: those of each `AdaptiveLSTMCell` in `layer.cells`, from the first
    layer to the last, where `policy_kernel` has the shape (size of v,
    4 policy_units).

    Args:
        units: Tuple or list of positive integers, the units of each layer, the
            first one first; an integer is one layer. The paper has (1150, 400).
        policy_units: Positive integer, the size of z in each layer. Defaults to
            `None`: a quarter of the smallest layer's units, as published (100 for
            1,150 and 400).
        adaptation: What is adapted: `"input"`, pi_x and pi_h; `"output"`, pi_xg
            and pi_hg; `"io"`, all four. Defaults to `"io"`.
        adapt_bias: Boolean, whether the biases are adapted. Defaults to `True`.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, pi = 1 + tau(z' @ U) in place of tau(z' @ U), with U
            zero at first. Defaults to `False`, as in the paper.
        slicing: `"exact"`, or `"published"` for the faulty places in the authors'
            code, see `AdaptiveLSTMCell`. Defaults to `"exact"`.
        unit_forget_bias: Boolean, start the bias of the forget gates at 1.
            Defaults to `True`.
        kernel_initializer: Initializer of each `kernel`. Defaults to
            `"orthogonal"`.
        recurrent_initializer: Initializer of each `recurrent_kernel`. Defaults to
            `"orthogonal"`.
        bias_initializer: Initializer of each `bias`. Defaults to `"zeros"`.
        policy_kernel_initializer: Initializer of each `policy_kernel`. Defaults
            to `None`: uniform within 1 / sqrt(policy_units) of 0.
        policy_recurrent_initializer: Initializer of each
            `policy_recurrent_kernel`, with the same default.
        policy_bias_initializer: Initializer of each `policy_bias`, with the same
            default.
        adaptation_initializer: Initializer of each `adaptation_kernel`, with the
            same default, or zeros with `around_one`.
        kernel_regularizer: Regularizer of each `kernel`.
        recurrent_regularizer: Regularizer of each `recurrent_kernel`.
        bias_regularizer: Regularizer of each `bias`.
        policy_kernel_regularizer: Regularizer of each `policy_kernel`.
        policy_recurrent_regularizer: Regularizer of each
            `policy_recurrent_kernel`.
        policy_bias_regularizer: Regularizer of each `policy_bias`.
        adaptation_regularizer: Regularizer of each `adaptation_kernel`.
        kernel_constraint: Constraint on each `kernel`.
        recurrent_constraint: Constraint on each `recurrent_kernel`.
        bias_constraint: Constraint on each `bias`.
        recurrent_dropout: Float in [0, 1), share of each h dropped, in training,
            where its own layer and the one above read it.
        policy_dropout: Float in [0, 1), share of each z dropped, in training,
            where its own layer and the next one read it.

    Call arguments:
        states: h and c of the last layer, then h and c of the layers 1 ... L - 1,
            each `(batch, units)`, then z and its c of the layers 1 ... L, each
            `(batch, policy_units)`.

    Output shape:
        The last layer's h `(batch, units)`, and the new states, of the shapes
        above.

    Raises:
        ValueError: If an argument is out of its range, there is no layer, or the
            number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    cell = keras_modact.StackedAdaptiveLSTMCell([16, 8], policy_units=4)
    layer = keras.layers.RNN(cell)
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 8)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 9
        and 10.
    """

    def __init__(
        self,
        units: int | Sequence[int],
        policy_units: int | None = None,
        **kwargs: Any,
    ) -> None:
        sizes = checked_layers(units)
        if policy_units is None:
            policy_units = default_policy_units(*sizes)
        super().__init__(sizes[-1], policy_units, **kwargs)
        self.layer_units = sizes
        shared = {
            name: argument
            for name, argument in kwargs.items()
            if name not in (*self.dropout_rates(), "seed", "name")
        }
        self.cells = [self._cell(number, shared) for number in range(len(sizes))]
        *before, last = sizes
        hidden = [size for size in (last, *before) for _ in "hc"]
        self.state_size = [*hidden, *[self.policy_units] * 2 * len(sizes)]

    def _cell(self, number: int, shared: Mapping[str, Any]) -> AdaptiveLSTMCell:
        """The cell of one layer; the others' arguments, but draws of its own."""
        initializers = {
            name: for_block(getattr(self, name), number)
            for name in type(self).full_signature.parameters
            if name.endswith("_initializer")
        }
        cell = AdaptiveLSTMCell(
            self.layer_units[number],
            self.policy_units,
            **{**shared, **initializers},
            name=f"layer_{number + 1}",
        )
        if len(self.layer_units) > 1:
            cell.latent_below = self.policy_units
        return cell

    def build(self, input_shape: Sequence[int | None]) -> None:
        width = self.checked_features(input_shape)
        for cell in self.cells:
            cell.build((None, width))
            width = cell.units

    def project(self, inputs: Tensor) -> Tensor:
        return self.cells[0].project(inputs)

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        masks = self.masks_by_layer(recurrent_mask)
        states = self.by_layer(states)
        below = self.first_below(states, masks)
        new: list[list[Tensor]] = []
        for cell, before, of_cell in zip(self.cells, states, masks, strict=True):
            if new:
                read = masked(new[-1][0], masks[len(new) - 1][0])
                projected = cell.project(read)
            new.append(cell.advance(projected, before, of_cell, below))
            below = masked(new[-1][2], of_cell[1])
        return self.flat(new)

    def masks_by_layer(self, recurrent_mask: Any) -> Sequence[Masks]:
        """The dropout masks of h and of z of each layer, or None."""
        return recurrent_mask or [(None, None)] * len(self.cells)

    def first_below(
        self, states: Sequence[Sequence[Tensor]], masks: Sequence[Masks]
    ) -> Tensor | None:
        """The z that the first layer's policy reads, by equation 10 the last one's."""
        if len(self.cells) == 1:
            return None
        return masked(states[-1][2], masks[-1][1])

    def by_layer(self, states: Sequence[Tensor]) -> list[list[Tensor]]:
        """h, c, z and its c of each layer."""
        layers = len(self.cells)
        pairs = [list(states[at : at + 2]) for at in range(0, 4 * layers, 2)]
        hidden = [*pairs[1:layers], pairs[0]]
        return [[*h, *z] for h, z in zip(hidden, pairs[layers:], strict=True)]

    def flat(self, by_layer: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The states in their order, from those of each layer."""
        *before, last = by_layer
        hidden = [state for states in (last, *before) for state in states[:2]]
        return [*hidden, *(state for states in by_layer for state in states[2:])]

    def dropout_masks(
        self, batch_size: Any, features: int, training: bool
    ) -> tuple[Tensor | None, Any]:
        if not training:
            return None, None
        of_layers = [
            (
                self.draw_mask(batch_size, size, self.recurrent_dropout),
                self.draw_mask(batch_size, self.policy_units, self.policy_dropout),
            )
            for size in self.layer_units
        ]
        return self.draw_mask(batch_size, features, self.dropout), of_layers

    def get_config(self) -> dict[str, Any]:
        sizes = self.layer_units
        return {**super().get_config(), "units": sizes if len(sizes) > 1 else sizes[0]}


def checked_layers(units: Any) -> tuple[int, ...]:
    """The units of each layer, if there is one at least."""
    several = isinstance(units, (tuple, list))
    if several and not units:
        raise ValueError(
            "`units` must have a positive integer for each layer of the stack, and "
            f"a stack at least one layer, received units={units!r}. Pass for example "
            "units=(128, 64)."
        )
    sizes = units if several else [units]
    return tuple(validation.positive_integer("units", size) for size in sizes)


@keras.saving.register_keras_serializable(package="keras_modact")
class StackedAdaptiveLSTM(RecurrentLayer):
    """Adaptive LSTM layers on top of each other, their policies in one loop.

    Choose it over several `AdaptiveLSTM` layers where the policies should know
    of each other, as in the paper's language models: each reads the z of the
    layer below, and the first that of the last layer, a step ago.

    Layer l = 1 ... L is an `AdaptiveLSTM` with a recurrent policy that reads

        v_l = [h_t of l - 1; h_(t-1) of l; z_t of l - 1]    l = 2 ... L
        v_1 = [x_t; h_(t-1) of 1; z_(t-1) of L]

    With one layer there is no z in v, and this is `AdaptiveLSTM`. A stack with
    static policies is `AdaptiveLSTM` layers on top of each other.

    Weights: those of each `AdaptiveLSTMCell` in `layer.cell.cells`, from the
    first layer to the last, where `policy_kernel` has the shape (size of v,
    4 policy_units). The paper's Penn Treebank model, 400 features and units of
    (1150, 400) with policy_units=100, has 13,187,000 here, 800 fewer than
    published, since one bias of a policy is as good as two.

    Call arguments:
        initial_state: The states before the first step, a list: h and c of the
            last layer, then h and c of the layers 1 ... L - 1, each
            `(batch, units)`, then z and its c of the layers 1 ... L, each
            `(batch, policy_units)`. Defaults to zeros.

    Output shape:
        `(batch, units)` of the last layer, with `return_sequences`
        `(batch, time, units)`; with `return_state` followed by the last states,
        of the shapes above.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.StackedAdaptiveLSTM([16, 8], policy_units=4),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 9
        and 10.
    """

    cell_class = StackedAdaptiveLSTMCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int | Sequence[int],
            policy_units: int | None = None,
            **kwargs: Unpack[AdaptiveLSTMArguments],
        ) -> None: ...
