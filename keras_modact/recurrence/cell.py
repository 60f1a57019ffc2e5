"""The base class of the package's recurrent cells."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Unpack

import keras
from keras import ops

from keras_modact.recurrence import arguments, docstrings
from keras_modact.recurrence.arguments import (
    KWARGS,
    CellArguments,
    Fixed,
    FullSignature,
    Parameter,
    with_full_signature,
)
from keras_modact.utils import numerics, validation
from keras_modact.utils.layers import not_quantized
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
class RecurrentCell(keras.layers.Layer):
    """Base class of recurrent cells: one step, split so that it runs in several ways.

    A cell states its mathematics in two methods:

    * `project(inputs)`: the part that depends on the input alone, all gates in
      one product. It takes one step `(batch, features)` as well as a whole
      sequence `(batch, time, features)`.
    * `step(projected, states, recurrent_mask)`: the recurrence, one time step.

    `call` is `step` after `project`, so that `keras.layers.RNN(cell)`,
    `keras.layers.StackedRNNCells` and `keras.layers.Bidirectional` work with no
    help. The output of a cell is its first state, always. No random number is
    drawn and no variable changes inside a step.

    A subclass adds `build`, `project` and `step`. Its `__init__` states the arguments
    of its own and passes `**kwargs` on, which are those below; one that it keeps
    under its own name is in `get_config` with no further line. `defaults` has the
    defaults of shared arguments that it changes.

    A cell with more than one state also sets `state_size` to the list of their
    sizes, after `super().__init__`; a size is an integer, or a tuple for a state
    with more axes than `(batch, size)`, which `keras.layers.RNN` gets and gives as
    one axis. One with further dropout adds its rate to `dropout_rates`, and its mask
    to the recurrent one in `dropout_masks`. `call` is not overridden: the layer runs
    `step`.

    Args:
        units: Positive integer, the number of units.

    Call arguments:
        inputs: Tensor `(batch, features)`.
        states: The state `(batch, units)`, or the list of the states.
        training: Boolean, whether the step belongs to training.

    Input shape:
        `(batch, features)`.

    Output shape:
        The output `(batch, units)`, and the new states, in a list if `states`
        came in one.

    Raises:
        ValueError: If an argument is out of its range, or the number of
            features is unknown when the weights are made.

    Example:

    A leaky integrator, h' = decay h + (1 - decay) tanh(x U + h * w), as a cell
    and as a layer:

    ```python
    import numpy as np, keras, keras_modact

    @keras.saving.register_keras_serializable(package="mine")
    class LeakyCell(keras_modact.RecurrentCell):
        def __init__(self, units, decay=0.9, **kwargs):
            super().__init__(units, **kwargs)
            self.decay = decay

        def build(self, input_shape):
            features = self.checked_features(input_shape)
            self.kernel = self.add_weight(
                name="kernel",
                shape=(features, self.units),
                initializer=self.kernel_initializer,
                regularizer=self.kernel_regularizer,
                constraint=self.kernel_constraint,
            )
            self.recurrent_kernel = self.add_weight(
                name="recurrent_kernel", shape=(self.units,), initializer="ones"
            )

        def project(self, inputs):
            return self.product(inputs, self.kernel)

        def step(self, projected, states, recurrent_mask=None):
            h = states[0]
            read = h if recurrent_mask is None else h * recurrent_mask
            weights = keras.ops.cast(self.recurrent_kernel, h.dtype)
            new = keras.ops.tanh(projected + read * weights)
            return [self.decay * h + (1 - self.decay) * new]

    @keras.saving.register_keras_serializable(package="mine")
    class Leaky(keras_modact.RecurrentLayer):
        cell_class = LeakyCell

    layer = Leaky(16, decay=0.5, dropout=0.1, return_sequences=True)
    mask = np.array([[True] * 10, [True] * 6 + [False] * 4])
    assert layer(np.ones((2, 10, 3)), mask=mask).shape == (2, 10, 16)
    assert layer.decay == layer.get_config()["decay"] == 0.5
    ```

    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of shared arguments that the class changes."""
    fixed_arguments: ClassVar[Mapping[str, Fixed]] = {}
    """Arguments of `keras.layers.GRU` or `LSTM` whose value the equations fix."""
    full_signature: ClassVar[inspect.Signature] = arguments.merged(
        [Parameter("units", Parameter.POSITIONAL_OR_KEYWORD, annotation="int"), KWARGS],
        arguments.parameters(CellArguments),
        {},
    )
    """What the constructor takes, by position or by name."""
    __signature__: ClassVar[Any] = FullSignature()

    use_bias: bool
    dropout: float
    recurrent_dropout: float
    seed: int | None

    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {"tensorflow": 600, "torch": 0}
    """How many numbers a step may read, sequences times (features + units), for the
    adjoint to train faster than the loop on a backend's CPU: with more, what the
    backward pass computes again costs more than what it saves. The adjoint needs a
    fraction of the loop's memory, and can be asked for."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls).get("__init__")
        parent = next(c for c in cls.__mro__[1:] if hasattr(c, "full_signature"))
        inherited = parent.full_signature.parameters.values()
        cls.full_signature = arguments.merged(
            arguments.own_parameters(own) if own else [],
            inherited,
            vars(cls).get("defaults", {}),
        )
        if own:
            cls.__init__ = with_full_signature(  # type: ignore[method-assign]
                own, cls.full_signature
            )
        docstrings.complete(cls)

    def __init__(self, units: int, **kwargs: Unpack[CellArguments]) -> None:
        given: dict[str, Any] = dict(kwargs)
        units = validation.positive_integer("units", units)
        arguments.take_fixed(type(self), type(self), given)
        shared = arguments.checked(CellArguments, given, type(self).full_signature)
        super().__init__(**given)
        self.units = units
        for name, value in shared.items():
            setattr(self, name, value)
        for name, fixed in self.fixed_arguments.items():
            if fixed.value is not None:
                setattr(self, name, keras.activations.get(fixed.value))
        if self.dropout or self.recurrent_dropout:
            self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.state_size = units
        self.output_size = units

    @property
    def state_size(self) -> int | list[int]:
        """The size of each state, all of its axes together.

        `keras.layers.RNN` takes a size with several axes for several states.
        """
        sizes = [math.prod(shape) for shape in self._state_shapes]
        return sizes if self._has_several_states else sizes[0]

    @state_size.setter
    def state_size(self, sizes: Any) -> None:
        self._has_several_states = isinstance(sizes, list)
        self._state_shapes = tuple(
            (size,) if isinstance(size, int) else tuple(size)
            for size in (sizes if self._has_several_states else [sizes])
        )

    @property
    def dtype_policy(self) -> Any:
        """The dtype policy of the cell, and of the cells that it stacks."""
        return super().dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        keras.layers.Layer.dtype_policy.fset(self, policy)
        for cell in getattr(self, "cells", ()):
            cell.dtype_policy = policy

    def project(self, inputs: Tensor) -> Tensor:
        """Computes the part of a step that depends on the input alone.

        Args:
            inputs: Tensor `(batch, features)` or `(batch, time, features)`.

        Returns:
            Tensor with the same leading axes and the gates on the last one.
        """
        raise TypeError(f"{type(self).__name__} must define `project(inputs)`.")

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Any = None,
    ) -> list[Tensor]:
        """Computes one time step: the states after it from those before it.

        Args:
            projected: What `project` returned for this step.
            states: The states before the step, each `(batch, size)`.
            recurrent_mask: Dropout mask `(batch, units)` for the state where
                the gates read it, or None.

        Returns:
            The states after the step; the first is the output.
        """
        raise TypeError(
            f"{type(self).__name__} must define "
            "`step(projected, states, recurrent_mask)`."
        )

    def next_states(self, *arguments: Any) -> list[Tensor]:
        """What `step` makes of its arguments, a list of as many states as there are.

        Raises:
            TypeError: If it returns something else.
        """
        new = self.step(*arguments)
        shapes = self._state_shapes
        if not isinstance(new, list | tuple) or len(new) != len(shapes):
            received = type(new).__name__
            if isinstance(new, list | tuple):
                received += f" of {len(new)}"
            raise TypeError(
                f"`step` of {type(self).__name__} must return a list of the new "
                f"states, here {len(shapes)} of them, received a {received}. End it "
                f"with `return [{', '.join(['new_state'] * len(shapes))}]`; the first "
                "one is the output."
            )
        return list(new)

    def product(self, inputs: Tensor, kernel: Any) -> Tensor:
        """Multiplies inputs by a kernel, for `project`; a bias is added to that.

        Of a single feature XLA makes a multiplication that it fuses with what
        follows, and then vectorizes none of it on a CPU: a step takes several times
        as long. A second feature, which is zero, keeps the product a product.
        """
        kernel = numerics.weight_like(kernel, inputs)
        if keras.backend.backend() == "jax" and inputs.shape[-1] == 1:
            inputs = ops.concatenate([inputs, ops.zeros_like(inputs)], axis=-1)
            kernel = ops.concatenate([kernel, ops.zeros_like(kernel)], axis=0)
        return inputs @ kernel

    def call(
        self, inputs: Tensor, states: Any, training: bool = False
    ) -> tuple[Tensor, Any]:
        rates = self.dropout_rates()
        if training and any(rates.values()):
            received = ", ".join(f"{name}={rate}" for name, rate in rates.items())
            raise ValueError(
                f"A bare {type(self).__name__} cannot draw dropout masks: one "
                "mask must serve a whole sequence, and `keras.layers.RNN` calls "
                "the cell step by step with no public hook before the loop. Received "
                f"{received}, training=True. Use the layer of the same name "
                "without `Cell`, which draws them, or set all of them to 0."
            )
        inputs = numerics.as_float(inputs, self.compute_dtype)
        nested = keras.tree.is_nested(states)
        given = list(states) if nested else [states]
        new_states = self.next_states(self.project(inputs), self.with_axes(given))
        new_states = [
            # Sizes of traced tensors are tensors on torch; numbers of axes are not.
            ops.reshape(new, (-1, math.prod(shape)))
            if len(new.shape) != len(old.shape)
            else new
            for new, old, shape in zip(
                new_states, given, self._state_shapes, strict=True
            )
        ]
        return new_states[0], new_states if nested else new_states[0]

    def dropout_rates(self) -> dict[str, float]:
        """The rate of each kind of dropout, by the name of its argument."""
        return {"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout}

    def dropout_masks(
        self, batch_size: Any, features: int, training: bool
    ) -> tuple[Tensor | None, Any]:
        """Draws one input mask and one recurrent mask for a whole sequence.

        Args:
            batch_size: Integer or scalar tensor.
            features: Number of input features.
            training: Boolean; outside training nothing is drawn.

        Returns:
            The input mask `(batch, features)` and the recurrent mask
            `(batch, units)`, or whatever `step` takes in its place; None for a
            rate of 0.
        """
        if not training:
            return None, None
        return (
            self.draw_mask(batch_size, features, self.dropout),
            self.draw_mask(batch_size, self.units, self.recurrent_dropout),
        )

    def draw_mask(self, batch_size: Any, size: int, rate: float) -> Tensor | None:
        """A mask `(batch, size)` with kept elements at `1 / (1 - rate)`, or None."""
        if not rate:
            return None
        ones = ops.ones((batch_size, size), dtype=self.compute_dtype)
        # Without a noise shape Keras draws from torch's own generator wherever the
        # seed is None, and a layer's saved state does not bring its masks back.
        return keras.random.dropout(
            ones, rate, noise_shape=(None, size), seed=self.seed_generator
        )

    def state_shapes(self) -> list[tuple[int, ...]]:
        """The shape of every state, without the batch."""
        return list(self._state_shapes)

    def with_axes(self, states: Sequence[Tensor]) -> list[Tensor]:
        """The states as `step` takes them, of those with all of their axes in one."""
        return [
            state
            if len(state.shape) == len(shape) + 1
            else ops.reshape(state, (-1, *shape))
            for state, shape in zip(states, self._state_shapes, strict=True)
        ]

    def get_initial_state(self, batch_size: Any = None) -> list[Tensor]:
        """Zeros `(batch, size)` for every state, in the compute dtype."""
        return [
            ops.zeros((batch_size, math.prod(shape)), dtype=self.compute_dtype)
            for shape in self._state_shapes
        ]

    quantize = not_quantized

    def get_config(self) -> dict[str, Any]:
        names = type(self).full_signature.parameters
        return {**super().get_config(), **arguments.serialized(self, names)}

    def checked_features(self, input_shape: Sequence[int | None]) -> int:
        """The number of input features, for `build`; kept in `self.features`."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' needs the number of input "
                f"features to make its weights, received the input shape "
                f"{tuple(input_shape)}. Give the last axis a size, for example "
                "with `keras.Input((None, 8))` for sequences of any length with "
                "8 features."
            )
        self.features = features
        return features

    def check_describes_step(self, method: str) -> None:
        """Refuses a look at a step that another class has written anew.

        Args:
            method: The method that says what a step does. The class that has it,
                or one that inherits from that, must not have a `step` of its own.
        """
        classes = type(self).__mro__
        definer = {
            name: next(cls for cls in classes if name in vars(cls))
            for name in ("step", "call", method)
        }
        for name in ("step", "call"):
            own = definer[name]
            if own is not definer[method] and issubclass(own, definer[method]):
                raise ValueError(
                    f"`{method}` of {definer[method].__name__} says what its own step "
                    f"does, and {own.__name__} overrides `{name}`. Override "
                    f"`{method}` there as well, in line with it."
                )

    def check_built(self) -> None:
        """Refuses a look at what weights do that are not there yet."""
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} '{self.name}' has no weights before it is "
                "built. Call it, or put it into a model with a `keras.Input`, first."
            )


docstrings.complete(RecurrentCell)
