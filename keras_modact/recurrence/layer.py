"""The base class of the package's recurrent layers."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import keras
from keras import ops

from keras_modact.recurrence import arguments, docstrings, loop, paths, shapes
from keras_modact.recurrence.arguments import (
    KWARGS,
    CellArguments,
    FullSignature,
    KerasArguments,
    LayerArguments,
    LoopArguments,
    with_full_signature,
)
from keras_modact.recurrence.call import Call, torch_is_exporting
from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.recurrence.shapes import Shape
from keras_modact.utils import numerics
from keras_modact.utils.layers import not_quantized
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
class RecurrentLayer(keras.layers.RNN):
    """Base class of recurrent layers, each over one class of cells.

    It offers what `keras.layers.GRU` offers and does better where Keras' own
    loop differs between backends: masks (see `keras_modact.recurrence.loop`),
    `stateful=True` under JAX, one dropout mask a sequence on every backend, and
    shapes that are refused before anything is computed.

    A subclass names its cell in `cell_class` and is complete: its constructor takes
    the arguments of the cell and those below, and `layer.units`, `layer.dropout` and
    so on are those of its cell. See `RecurrentCell` for a cell and a layer of one's
    own.

    Call arguments:
        sequences: Tensor `(batch, time, features)`.
        initial_state: The states before the first step, a list of tensors as
            `return_state` gives them. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the states stay as they are.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last state `(batch, units)`.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the
            initial state have another shape than the above, or the number of
            features is unknown when the weights are made.
    """

    cell_class: type[RecurrentCell]
    full_signature: ClassVar[inspect.Signature] = inspect.Signature([KWARGS])
    """What the constructor takes, by position or by name."""
    __signature__: ClassVar[Any] = FullSignature()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "cell_class"):
            return
        own = vars(cls).get("__init__")
        cell = cls.cell_class.full_signature
        cls.full_signature = arguments.merged(
            arguments.own_parameters(cls.__init__),
            [
                *cell.parameters.values(),
                *arguments.parameters(LayerArguments, beside=CellArguments),
            ],
            {},
        )
        if own:
            cls.__init__ = with_full_signature(  # type: ignore[method-assign]
                own, cls.full_signature
            )
        for name in (*cell.parameters, *cls.cell_class.fixed_arguments, *WEIGHTS):
            method = callable(getattr(cls.cell_class, name, None))
            if not method and not hasattr(cls, name) and name != KWARGS.name:
                setattr(cls, name, _of_cell(name))
        docstrings.complete(cls, cls.cell_class)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        cls = type(self)
        if not hasattr(cls, "cell_class"):
            raise TypeError(
                f"{cls.__name__} must name the class of its cell: `cell_class = "
                "MyCell`, a subclass of `keras_modact.RecurrentCell`."
            )
        refuse_own_call(cls, cls.cell_class)
        given = arguments.by_name(cls, cls.full_signature, args, kwargs)
        arguments.take_fixed(cls, cls.cell_class, given)
        for_cell = (
            cls.cell_class.full_signature.parameters.keys()
            - KerasArguments.__annotations__.keys()
        )
        for_layer = {k: v for k, v in given.items() if k not in for_cell}
        for_layer |= arguments.checked(LoopArguments, for_layer, cls.full_signature)
        cell = cls.cell_class(
            **{k: v for k, v in given.items() if k in for_cell},
            dtype=for_layer.get("dtype"),
            trainable=for_layer.get("trainable", True),
            name="cell",
        )
        super().__init__(cell, **for_layer)
        if not paths.supports_xla(cell):
            self.supports_jit = False
        self._acceleration: str | None = None
        self._last_path: str | None = None

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        self._check_shapes(sequences_shape, shapes.listed(initial_state_shape))
        if not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful and self.states is None:
            self._make_states(sequences_shape)
        elif self.stateful:
            self.reset_state()

    def _make_states(self, sequences_shape: Shape) -> None:
        """Makes the variables of a stateful layer, for one size of batch."""
        if sequences_shape[0] is None:
            raise ValueError(
                f"{self._described()} has stateful=True, so its batch size must be "
                f"static, received the shape {tuple(sequences_shape)}. Give it, for "
                "example with `keras.Input((20, 8), batch_size=32)`."
            )
        self._carried_states = _CarriedStates(self.dtype_policy)
        self._carried_states.build(
            [(sequences_shape[0], *shape) for shape in self.cell.state_shapes()]
        )
        # Not `self.states = ...`, by which Keras would count them as weights.
        vars(self)["states"] = self._carried_states.states

    def get_initial_state(self, batch_size: Any) -> list[Tensor]:
        """The states before the first step where none are given.

        Args:
            batch_size: Integer or scalar tensor.

        Returns:
            A list of tensors, what `initial_state` takes.
        """
        states = self.cell.get_initial_state(batch_size)
        return self.cell.with_axes(keras.tree.flatten(states))

    def compute_output_shape(
        self, sequences_shape: Shape, initial_state_shape: Any = None
    ) -> Any:
        self._check_shapes(sequences_shape, shapes.listed(initial_state_shape))
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
            state_shapes = [
                numerics.static_shape(s.shape)
                for s in keras.tree.flatten(initial_state)
            ]
        if self.stateful:
            if torch_is_exporting():
                raise ValueError(
                    f"{self._described()} has stateful=True, and torch exports the "
                    "states that it has now as constants. Export a layer with "
                    "stateful=False and return_state=True, which takes the states "
                    "as `initial_state` and returns them."
                )
            sequences = shapes.of_one_batch_size(
                self._described(), sequences, self.states[0].shape[0]
            )
        if mask is not None:
            mask = keras.tree.flatten(mask)[0]
        mask_shape = None if mask is None else numerics.static_shape(mask.shape)
        shape = numerics.static_shape(sequences.shape)
        self._check_shapes(shape, state_shapes, mask_shape)
        sequences = numerics.as_float(sequences, self.compute_dtype)
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

        if input_mask is not None:
            sequences = sequences * ops.expand_dims(input_mask, 1)
        if self.go_backwards:
            # Keras' own reverse loop cannot be exported to ONNX on JAX, and with a
            # free batch on torch.
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        call = Call(
            cell,
            sequences,
            keras.tree.flatten(initial_state),
            mask,
            recurrent_mask,
            self.return_sequences,
            self.unroll,
            bool(training),
        )
        path = paths.choose(self._described(), self.acceleration, call)
        # Not an attribute's setting, which flax refuses while JAX traces.
        vars(self)["_last_path"] = path
        outputs, states = paths.PATHS[path].run(call)
        if mask is not None and self.return_sequences and self.zero_output_for_mask:
            outputs = loop.zero_masked(outputs, mask)
        return states[0], outputs, states

    @property
    def dtype_policy(self) -> Any:
        """The dtype policy of the layer and of its cell."""
        return super().dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        keras.layers.RNN.dtype_policy.fset(self, policy)
        self.cell.dtype_policy = policy

    @property
    def acceleration(self) -> str | None:
        """How the layer is to run over time.

        "auto" takes the first of these that can run what the layer is called on and
        is worth it there (outside training that is the loop on JAX, and on TensorFlow
        where a step is large, since the adjoint pays in the backward pass); the name
        of one asks for it, and a call that it cannot run raises an error that says
        why:

        * "fused", one kernel for the whole sequence (BRC on a GPU);
        * "gru", the backend's native GRU (nBRC on torch, and on TensorFlow with a
          GPU);
        * "adjoint", which stores the states, on JAX large products as well, and
          recomputes the rest;
        * "loop", the reference, which `keras.layers.RNN` runs and the backend
          differentiates, as often and in whatever mode it can.

        None, the default, takes what the environment variable
        KERAS_MODACT_ACCELERATION says, or "auto". `last_path` names what ran.

        A model that is compiled on JAX or TensorFlow takes another value after
        `model.compile(...)` only. Files and clones of the layer do not keep it, nor
        do the two layers that `keras.layers.Bidirectional` makes of it: set it on
        its `forward_layer` and `backward_layer`.
        """
        return self._acceleration

    @acceleration.setter
    def acceleration(self, value: str | None) -> None:
        if value is not None:
            value = paths.checked("acceleration", value)
        self._acceleration = value

    @property
    def last_path(self) -> str | None:
        """What the last call ran on, one of the names of `acceleration`, or None.

        A compiled function calls its layers once, when it is traced.
        """
        return self._last_path

    def _described(self) -> str:
        """What an error calls the layer."""
        return f"{type(self).__name__} '{self.name}'"

    def _check_shapes(
        self,
        sequences_shape: Shape,
        state_shapes: Any,
        mask_shape: Shape | None = None,
    ) -> None:
        """Refuses inputs, initial states and masks of the wrong shape."""
        name = self._described()
        shapes.check_sequences(name, sequences_shape)
        if self.unroll and sequences_shape[1] is None:
            raise ValueError(
                f"{name} has unroll=True and needs a fixed number of time steps, "
                f"received the shape {tuple(sequences_shape)}. Give the time axis "
                "a size, for example with `keras.Input((20, 8))`, or leave "
                "`unroll` out."
            )
        shapes.check_features(name, self.cell, sequences_shape)
        if state_shapes is not None:
            shapes.check_states(name, self.cell, sequences_shape, state_shapes)
        if mask_shape is not None:
            shapes.check_mask(name, sequences_shape, mask_shape)

    quantize = not_quantized

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**self.cell.get_config(), **config}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None
    ) -> RecurrentLayer:
        return cls(**config)


WEIGHTS = ("kernel", "recurrent_kernel", "bias")
"""What code reads of a layer beside the arguments of its cell."""


def _of_cell(name: str) -> property:
    """What a layer has from its cell, as `keras.layers.GRU` has."""
    return property(
        lambda self: getattr(self.cell, name), doc=f"`{name}` of the layer's cell."
    )


def refuse_own_call(layer: type, cell: type[RecurrentCell]) -> None:
    """Refuses a cell whose `call` is not what the layer runs.

    Args:
        layer: The layer's class.
        cell: The cell's class.
    """
    if cell.call is not RecurrentCell.call:
        raise ValueError(
            f"{layer.__name__} runs `project` and `step` of its cell, and "
            f"{cell.__name__} overrides `call`, which would have no effect. "
            "Override `step(projected, states, recurrent_mask)` instead, or run the "
            "cell with `keras.layers.RNN`."
        )


class _CarriedStates(keras.layers.Layer):
    """The variables that hold the states of a stateful layer.

    Keras makes them all under one path, and hides them from its own tracking, so
    JAX' stateless calls never bring their new values back. They are no weights:
    they depend on the batch size, and a model with states takes the weights of one
    without.
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__(name="carried_states", trainable=False, dtype=dtype)

    def build(self, shapes: list[Shape]) -> None:
        self.states = [
            self.add_weight(
                name=f"state_{number}",
                shape=shape,
                initializer="zeros",
                trainable=False,
            )
            for number, shape in enumerate(shapes)
        ]

    @property
    def weights(self) -> list[Any]:
        return []

    def save_own_variables(self, store: Any) -> None:
        """Leaves the states out of saved files."""

    def load_own_variables(self, store: Any) -> None:
        """Leaves the states as they are."""
