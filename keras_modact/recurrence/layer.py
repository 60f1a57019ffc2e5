"""The base class of the package's recurrent layers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_modact.arguments import Tensor, truth_value
from keras_modact.recurrence import loop
from keras_modact.recurrence.cell import RecurrentCell

Shape = Sequence[int | None]


def constructor_arguments(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, from its `locals()`.

    A constructor states its arguments in full, once, and passes them on with
    this, in place of a second list of the same names.
    """
    own = {k: v for k, v in scope.items() if k not in ("self", "__class__", "kwargs")}
    return {**own, **scope.get("kwargs", {})}


class RecurrentLayer(keras.layers.RNN):
    """A recurrent layer over one of the package's cells.

    It offers what `keras.layers.GRU` offers and does better where Keras' own
    loop differs between backends: masks (see `keras_modact.recurrence.loop`),
    `stateful=True` under JAX, one dropout mask a sequence on every backend, and
    shapes that are refused before anything is computed.

    A subclass names its cell in `cell_class` and states its constructor in
    full: the cell's arguments, then those of the loop.

    Args:
        arguments: The constructor's arguments by name, those of the cell and
            those of `keras.layers.RNN` together.
    """

    cell_class: type[RecurrentCell]

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        of_cell = inspect.signature(self.cell_class).parameters.keys() - {"kwargs"}
        cell_arguments = {k: v for k, v in arguments.items() if k in of_cell}
        loop_arguments = {k: v for k, v in arguments.items() if k not in of_cell}
        for name in (
            "return_sequences",
            "return_state",
            "go_backwards",
            "stateful",
            "unroll",
            "zero_output_for_mask",
        ):
            truth_value(name, loop_arguments[name])
        cell = self.cell_class(
            **cell_arguments,
            dtype=loop_arguments.get("dtype"),
            trainable=loop_arguments.get("trainable", True),
            name="cell",
        )
        super().__init__(cell, **loop_arguments)

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        self._check_shapes(sequences_shape, initial_state_shape)
        super().build(sequences_shape)
        if self.stateful:
            self._carried_states = _CarriedStates(self.states)

    def compute_output_shape(
        self, sequences_shape: Shape, initial_state_shape: Any = None
    ) -> Any:
        self._check_shapes(sequences_shape, initial_state_shape)
        batch, time, _ = sequences_shape
        steps = (time,) if self.return_sequences else ()
        output = (batch, *steps, self.cell.output_size)
        if not self.return_state:
            return output
        return output, *((batch, *shape) for shape in self.cell.state_shapes())

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        state_shapes = None
        if initial_state is not None:
            state_shapes = [s.shape for s in keras.tree.flatten(initial_state)]
        self._check_shapes(sequences.shape, state_shapes)
        return super().call(
            sequences, initial_state=initial_state, mask=mask, training=training
        )

    def inner_loop(
        self,
        sequences: Tensor,
        initial_state: Any,
        mask: Any,
        training: bool = False,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        cell = self.cell
        if mask is not None:
            mask = loop.as_mask(mask)
        input_mask, recurrent_mask = cell.dropout_masks(
            ops.shape(sequences)[0], sequences.shape[-1], training
        )
        if self.stateful:
            # torch writes the new states into the variables these tensors view
            # while the backward pass still needs the old values.
            initial_state = keras.tree.map_structure(ops.copy, initial_state)

        def step(inputs: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
            if input_mask is not None:
                inputs = inputs * input_mask
            return cell.step(cell.project(inputs), states, recurrent_mask)

        outputs, states = loop.run(
            step,
            sequences,
            keras.tree.flatten(initial_state),
            mask,
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            return_sequences=self.return_sequences,
        )
        if mask is not None and self.return_sequences and self.zero_output_for_mask:
            outputs = loop.zero_masked(outputs, mask, self.go_backwards)
        return states[0], outputs, states

    def _check_shapes(self, sequences_shape: Shape, state_shapes: Any) -> None:
        """Refuses inputs and initial states of the wrong shape."""
        kind = f"{type(self).__name__} '{self.name}'"
        if len(sequences_shape) != 3:
            raise ValueError(
                f"{kind} takes sequences of shape (batch, time, features), "
                f"received the shape {tuple(sequences_shape)}. Add the missing "
                "axis with `keras.ops.expand_dims`, or merge axes with "
                "`keras.layers.Reshape` or `keras.layers.TimeDistributed`."
            )
        batch, time, features = sequences_shape
        if time == 0:
            raise ValueError(
                f"{kind} needs at least one time step, received the shape "
                f"{tuple(sequences_shape)}. Leave empty sequences out, or pad "
                "them and pass a `mask`."
            )
        if self.unroll and time is None:
            raise ValueError(
                f"{kind} has unroll=True and needs a fixed number of time steps, "
                f"received the shape {tuple(sequences_shape)}. Give the time axis "
                "a size, for example with `keras.Input((20, 8))`, or leave "
                "`unroll` out."
            )
        built_for = self.cell.kernel.shape[0] if self.cell.built else None
        if None not in (built_for, features) and features != built_for:
            raise ValueError(
                f"{kind} was built for {built_for} input features, received the "
                f"shape {tuple(sequences_shape)}. Pass {built_for} features, or "
                "make a new layer."
            )
        if state_shapes is None:
            return
        given: list[Shape] = []
        keras.tree.map_shape_structure(given.append, state_shapes)
        allowed = [(batch, *shape) for shape in self.cell.state_shapes()]
        sizes = zip(
            keras.tree.flatten(given), keras.tree.flatten(allowed), strict=False
        )
        if [len(shape) for shape in given] != [len(shape) for shape in allowed] or any(
            None not in pair and pair[0] != pair[1] for pair in sizes
        ):
            raise ValueError(
                f"{kind} has {len(allowed)} state(s) of shape(s) {allowed}, "
                f"received `initial_state` of shape(s) {given}. Pass a list of "
                "tensors of those shapes, for example what "
                "`layer.get_initial_state(batch_size)` returns."
            )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**self.cell.get_config(), **config}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> RecurrentLayer:
        return cls(**config)


class _CarriedStates(keras.layers.Layer):
    """Makes the states of a stateful layer known to Keras as variables.

    Keras hides them from its own tracking, so JAX' stateless calls never bring
    their new values back. They are no weights: they depend on the batch size,
    and a model with states takes the weights of one without.
    """

    def __init__(self, states: Any) -> None:
        super().__init__(name="carried_states", trainable=False)
        self.states = keras.tree.flatten(states)
        self.built = True

    @property
    def weights(self) -> list[Any]:
        return []

    def save_own_variables(self, store: Any) -> None:
        """Leaves the states out of saved files."""

    def load_own_variables(self, store: Any) -> None:
        """Leaves the states as they are."""
