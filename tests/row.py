"""A row of the table of layers, and arguments that rows of many layers share."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True)
class Row:
    """One public class, built in one way."""

    name: str
    cls: type
    arguments: dict[str, Any]
    """Constructor arguments of the layer under test, chosen to be small.

    A `functools.partial` stands for a layer, which is made anew each time.
    """
    input_shape: tuple[int, ...]
    """Shape of an input without the batch."""
    output_shape: tuple[int, ...]
    """Shape of the output without the batch."""
    count: int
    """Number of trainable parameters."""
    fixed: int = 0
    """Number of parameters that are never trained."""
    channels_first: bool = False
    """Whether the features come before the other axes."""
    needs_features: bool = True
    """Whether it cannot be built without the number of features."""
    draws: bool = False
    """Whether it draws random numbers in training."""
    every_argument: dict[str, Any] = field(default_factory=dict)
    """A value that is not the default, for every constructor argument."""

    @property
    def is_cell(self) -> bool:
        return "states" in inspect.signature(self.cls.call).parameters

    @property
    def is_recurrent(self) -> bool:
        return issubclass(self.cls, keras.layers.RNN)

    def with_free_axes(self) -> tuple[int | None, ...]:
        """The shape of an input, with every size but that of the features free."""
        free: list[int | None] = [None] * len(self.input_shape)
        axis = 0 if self.channels_first else -1
        free[axis] = self.input_shape[axis]
        return tuple(free)

    def required(self) -> dict[str, Any]:
        """The arguments that have no default."""
        parameters = inspect.signature(self.cls).parameters.values()
        names = [p.name for p in parameters if p.default is p.empty]
        return {name: self.arguments[name] for name in names if name != "kwargs"}

    def make(self, arguments: dict[str, Any]) -> keras.layers.Layer:
        """The class called with arguments, of which some may be made anew."""
        return self.cls(
            **{k: v() if isinstance(v, partial) else v for k, v in arguments.items()}
        )

    def batch(self, size: int = 3, time: int | None = None) -> np.ndarray:
        """A random batch, with `time` steps in place of the row's own."""
        shape = self.input_shape if time is None else (time, *self.input_shape[1:])
        random = np.random.default_rng(0)
        return random.normal(size=(size, *shape)).astype("float32")

    def layer(self, **overrides: Any) -> keras.layers.Layer:
        """A new layer; a cell comes in `keras.layers.RNN`."""
        made = self.make({**self.arguments, **overrides})
        return keras.layers.RNN(made, return_sequences=True) if self.is_cell else made

    def model(self, batch_size: int | None = None, **overrides: Any) -> keras.Model:
        """A new functional model: input, layer, `Dense(2)`."""
        inputs = keras.Input(self.input_shape, batch_size=batch_size)
        outputs = keras.layers.Dense(2)(self.layer(**overrides)(inputs))
        return keras.Model(inputs, outputs)


CELL_ARGUMENTS: dict[str, Any] = {
    "units": 5,
    "use_bias": True,
    "kernel_initializer": "lecun_normal",
    "recurrent_initializer": "random_normal",
    "bias_initializer": "random_uniform",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l1",
    "bias_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "non_neg",
    "bias_constraint": "non_neg",
    "dropout": 0.25,
    "recurrent_dropout": 0.125,
    "seed": 7,
}
LAYER_ARGUMENTS: dict[str, Any] = {
    **CELL_ARGUMENTS,
    "activity_regularizer": "l2",
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "unroll": True,
    "zero_output_for_mask": True,
}
