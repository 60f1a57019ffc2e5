"""Shapes of what a recurrent layer is called on, checked before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_modact.recurrence.cell import RecurrentCell

Shape = Sequence[int | None]


def check_sequences(name: str, shape: Shape) -> None:
    """Refuses inputs that are no sequences of vectors.

    Args:
        name: What the error calls the layer.
        shape: Shape of the inputs.
    """
    takes = f"{name} takes sequences of shape (batch, time, features)"
    if len(shape) < 3:
        raise ValueError(
            f"{takes}, received the shape {tuple(shape)}. If they come from a "
            "recurrent layer below, pass it `return_sequences=True`; otherwise "
            "add the missing axis with `keras.ops.expand_dims`."
        )
    if len(shape) > 3:
        raise ValueError(
            f"{takes}, received the shape {tuple(shape)}. Merge axes with "
            "`keras.layers.Reshape`, or wrap the layer in "
            "`keras.layers.TimeDistributed`."
        )
    if shape[1] == 0:
        raise ValueError(
            f"{name} needs at least one time step, received the shape "
            f"{tuple(shape)}. Leave empty sequences out, or pad them and pass a "
            "`mask`."
        )


def check_features(name: str, cell: RecurrentCell, shape: Shape) -> None:
    """Refuses inputs with other features than a built cell has weights for."""
    built_for = cell.features if cell.built else None
    if None not in (built_for, shape[-1]) and shape[-1] != built_for:
        raise ValueError(
            f"{name} was built for {built_for} input features, received the "
            f"shape {tuple(shape)}. Pass {built_for} features, or make a new layer."
        )


def check_states(
    name: str, cell: RecurrentCell, shape: Shape, state_shapes: Any
) -> None:
    """Refuses initial states of another number or shape than the cell's.

    Args:
        name: What the error calls the layer.
        cell: The cell.
        shape: Shape of the inputs.
        state_shapes: One shape, or a nest of shapes.
    """
    given: list[Shape] = []
    keras.tree.map_shape_structure(given.append, state_shapes)
    allowed = [(shape[0], *state) for state in cell.state_shapes()]
    if len(given) != len(allowed) or not all(map(fits, given, allowed)):
        raise ValueError(
            f"{name} has {len(allowed)} state(s) of shape(s) {allowed}, received "
            f"`initial_state` of shape(s) {given}. Pass a list of tensors of those "
            "shapes, for example what `layer.get_initial_state(batch_size)` returns."
        )


def check_mask(name: str, shape: Shape, mask_shape: Shape) -> None:
    """Refuses a mask that does not say one thing of each step."""
    allowed = (*shape[:2], 1)[: max(len(mask_shape), 2)]
    if not fits(mask_shape, allowed):
        raise ValueError(
            f"{name} takes a `mask` of shape (batch, time), here "
            f"{tuple(shape[:2])}, received the shape {tuple(mask_shape)}. Pass a "
            "Boolean tensor that is False at the steps to be skipped."
        )


def fits(given: Shape, allowed: Shape) -> bool:
    """Whether two shapes agree where both are known."""
    return len(given) == len(allowed) and all(
        None in pair or pair[0] == pair[1] for pair in zip(given, allowed, strict=True)
    )
