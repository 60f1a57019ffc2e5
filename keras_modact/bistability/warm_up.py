"""Warming up: more attractors before training starts (Lambrechts et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.bistability import multistability
from keras_modact.bistability.multistability import (
    LastStates,
    check_layer,
    cut_and_held,
    valid_steps,
)
from keras_modact.utils import validation
from keras_modact.utils.layers import inside, record
from keras_modact.utils.validation import Tensor

_HOLD_GROWS_BY = 10
_BATCHES_KEPT = 16  # Of a deeper layer's inputs, which may be large.


def warm_up(
    model: Any,
    sequences: Any,
    layers: Sequence[str] | None = None,
    fraction: float = 1.0,
    steps: int = 100,
    learning_rate: float = 1e-2,
    batch_size: int = 32,
    longest_hold: int = 200,
    target: float = 0.95,
    mask: Any = None,
    seed: int | None = None,
) -> dict[str, np.ndarray]:
    """Makes recurrent layers multistable before training, by gradient steps.

    Use it before `fit` where something must be remembered for long: most cells have
    one attractor when they are made, in which every sequence ends that is followed by
    enough steps. Each step here cuts a batch of sequences at random places, holds a
    random input for a random number of steps, at most 10 more with each step, and
    follows the gradient of

        (VAA* - target)^2

    of the states reached (see `vaa_star`) by Adam. Layers of a model are warmed up one
    after the other, each on what those below it make of the sequences. The paper finds
    faster learning of long dependencies, at times at the price of precision. Against
    that its "double" layers are two of half the units side by side, of which one is
    warmed up: name those in `layers`. Within one layer `fraction=0.5` does the like;
    there the halves stay connected as the cell connects its units.

    Args:
        model: A built recurrent layer (`BRC`, `NBRC`, `keras.layers.GRU`,
            `keras.layers.LSTM`, a `keras.layers.RNN`), or a model with such layers;
            those in `keras.layers.Bidirectional` and in models inside it count too.
        sequences: Array `(batch, time, features)` of a layer's inputs, or inputs as
            the model takes them. At least two sequences.
        layers: Names of the layers of a model that are warmed up. Defaults to all
            recurrent ones.
        fraction: Share of the units that are warmed up, the first ones; the weights
            that lead to the others stay as they are. Defaults to 1.
        steps: Number of gradient steps. Defaults to 100.
        learning_rate: Adam's. Defaults to 0.01.
        batch_size: Sequences in a step. Defaults to 32.
        longest_hold: For how many steps an input is held at most. Defaults to 200.
        target: The VAA* aimed at, in (0, 1]. Defaults to 0.95.
        mask: Boolean array `(batch, time)` of a layer's sequences, or None. Of a
            model the masks are its own.
        seed: Integer that fixes all that is drawn, or None.

    Returns:
        VAA* of each step, an array `(steps,)` by each layer's name.

    Raises:
        ValueError: If there is no built recurrent layer with weights to train, an
            argument is out of its range, the sequences do not suit the layer, or the
            weights cease to be finite. All weights are then as they were.

    Example:

    ```python
    import numpy as np, keras
    from keras_modact.bistability import warm_up

    sequences = np.random.default_rng(0).normal(size=(64, 20, 1)).astype("float32")
    model = keras.Sequential(
        [keras.Input((None, 1)), keras.layers.GRU(8, name="gru"), keras.layers.Dense(1)]
    )
    course = warm_up(model, sequences, steps=5, longest_hold=20, seed=0)
    assert course["gru"].shape == (5,)
    ```

    Reference:
        Lambrechts, De Geeter, Vecoven, Ernst, Drion, "Warming up recurrent neural
        networks to maximise reachable multistability greatly improves learning",
        Neural Networks 166, 2023.
    """
    plan = _Plan(
        validation.positive_integer("steps", steps),
        validation.positive_number("learning_rate", learning_rate),
        validation.positive_integer("batch_size", batch_size),
        validation.positive_integer("longest_hold", longest_hold),
        validation.fraction("target", target),
        np.random.default_rng(validation.random_seed("seed", seed)),
    )
    size = len(keras.tree.flatten(sequences)[0])
    if min(size, batch_size) < 2:
        raise ValueError(
            "VAA* compares sequences with each other and needs two at least, received "
            f"{size} sequences and batch_size={batch_size}."
        )
    one_layer = isinstance(model, keras.layers.RNN)
    if one_layer:
        check_layer(model)
        chosen = [model]
    else:
        if mask is not None:
            raise ValueError("`mask` is for a layer; a model makes its masks itself.")
        chosen = _in_model(model, _taken(sequences, np.arange(1)), layers)
    columns = [_columns(layer, fraction) for layer in chosen]
    before = [layer.get_weights() for layer in chosen]
    courses = {}
    try:
        for layer, own in zip(chosen, columns, strict=True):
            inputs = sequences, mask
            if not one_layer:
                pool = plan.random.permutation(size)[: _BATCHES_KEPT * batch_size]
                some = _taken(sequences, np.sort(pool))
                call, *_ = record(model, some, [layer], "call")
                inputs = call.arguments["sequences"], call.arguments.get("mask")
            courses[layer.name] = plan.follow(layer, valid_steps(layer, *inputs), own)
    except BaseException:
        for layer, weights in zip(chosen, before, strict=True):
            layer.set_weights(weights)
        raise
    return courses


@dataclass(frozen=True)
class _Plan:
    """How a layer is warmed up."""

    steps: int
    learning_rate: float
    batch_size: int
    longest_hold: int
    target: float
    random: np.random.Generator

    def follow(
        self, layer: Any, sequences: Sequence[np.ndarray], columns: np.ndarray | None
    ) -> np.ndarray:
        """Warms up one layer, and returns VAA* of each step."""
        model = LastStates(layer, sequences[0].shape[-1])
        if columns is not None:
            _keep_others(model.copy, columns)

        # Keras names the metric after it.
        def vaa_star(_: Tensor, states: Tensor) -> Tensor:
            if columns is not None:
                places = np.arange(states.shape[-1]) % len(columns)
                states = ops.take(states, np.flatnonzero(columns[places]), axis=-1)
            return multistability.vaa_star(states)

        model.compile(
            keras.optimizers.Adam(self.learning_rate),
            lambda _, states: ops.square(vaa_star(_, states) - self.target),
            metrics=[vaa_star],
            auto_scale_loss=False,
        )
        course = np.empty(self.steps)
        length = max(map(len, sequences)) + self.longest_hold
        for step in range(self.steps):
            chosen = self.random.permutation(len(sequences))[: self.batch_size]
            most = min(1 + _HOLD_GROWS_BY * step, self.longest_hold)
            hold = int(self.random.integers(1, most + 1))
            inputs = cut_and_held(
                [sequences[i] for i in chosen], hold, length, self.random
            )
            # Left to itself it is the mean over the steps so far.
            model.reset_metrics()
            logs = model.train_on_batch(
                inputs, np.zeros((len(chosen), 1)), return_dict=True
            )
            course[step] = logs["vaa_star"]
        found = model.copy.get_weights()
        if not all(np.isfinite(weight).all() for weight in found):
            raise ValueError(
                f"Warming up {type(layer).__name__} '{layer.name}' gave weights that "
                f"are not finite, at learning_rate={self.learning_rate}. Lower it, "
                "and look for values in `sequences` that are not finite."
            )
        layer.set_weights(found)
        return course


def _taken(inputs: Any, places: np.ndarray) -> Any:
    """Some samples of a model's inputs."""
    return keras.tree.map_structure(lambda array: np.asarray(array)[places], inputs)


def _in_model(model: Any, inputs: Any, names: Sequence[str] | None) -> list[Any]:
    """The layers of a model to be warmed up, in the order of their calls."""
    found = [
        layer
        for layer in inside(model)
        if isinstance(layer, keras.layers.RNN) and layer.trainable_weights
    ]
    calls = record(model, inputs, found, "call") if found else []
    layers = {call.layer.name: call.layer for call in calls}
    missing = set(names or ()) - set(layers)
    if missing or not layers:
        raise ValueError(
            f"{type(model).__name__} '{getattr(model, 'name', model)}' has the "
            f"recurrent layers {list(layers)} with weights to train that it calls, "
            f"received layers={names!r}. Name some of those; set `trainable = True` "
            "of a layer that is frozen."
        )
    return [layer for name, layer in layers.items() if names is None or name in names]


def _columns(layer: Any, fraction: float) -> np.ndarray | None:
    """Which units are warmed up, or None for all."""
    fraction = validation.fraction("fraction", fraction)
    if fraction == 1:
        return None
    units = getattr(layer.cell, "units", None)
    sizes = keras.tree.flatten(layer.cell.state_size)
    if units is None or set(sizes) != {units}:
        raise ValueError(
            f"`fraction` is for layers whose states are as large as their units, and "
            f"{type(layer).__name__} '{layer.name}' has states of {sizes}. Leave it "
            "out."
        )
    count = round(fraction * units)
    if not count:
        raise ValueError(
            f"`fraction` of {units} units rounds to none, received fraction="
            f"{fraction}. Pass {1 / units:.3g} or more."
        )
    return np.arange(units) < count


def _keep_others(layer: Any, columns: np.ndarray) -> None:
    """Keeps the weights that lead to units which are not warmed up.

    The last axis of each weight has one block of units after another.
    """
    for weight in layer.trainable_weights:
        blocks, rest = divmod(weight.shape[-1], len(columns))
        if rest:
            raise ValueError(
                f"`fraction` is for layers whose weights end in an axis of units, and "
                f"`{weight.path}` has the shape {tuple(weight.shape)}. Leave it out."
            )
        weight.constraint = _Kept(weight, np.tile(columns, blocks))


class _Kept(keras.constraints.Constraint):
    """A constraint that holds the columns of a weight that are not chosen."""

    def __init__(self, weight: keras.Variable, chosen: np.ndarray) -> None:
        self.chosen = chosen
        self.start = np.array(ops.convert_to_numpy(weight))
        self.own = weight.constraint or (lambda value: value)

    def __call__(self, value: Tensor) -> Tensor:
        value = ops.convert_to_tensor(self.own(value))
        return ops.where(self.chosen, value, self.start)
