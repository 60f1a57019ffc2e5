"""Shapes of what a recurrent layer is called on, checked before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_modact.recurrence.cell import RecurrentCell
from keras_modact.utils.validation import Tensor

Shape = Sequence[int | None]


def check_sequences(name: str, shape: Shape) -> None:
    """Refuses inputs that are no sequences of vectors.

    Args:
        name: What the error calls the layer.
        shape: Shape of the inputs.
    """
    takes = f"{name} takes sequences of shape (batch, time, features)"
    if shape and not is_shape(shape):
        raise ValueError(
            f"{takes}, received a list of {len(shape)} tensors. The states before the "
            "first step come by name: `layer(sequences, initial_state=states)`."
        )
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
    # A `build` of one's own need not call `checked_features`.
    built_for = getattr(cell, "features", None) if cell.built else None
    if None not in (built_for, shape[-1]) and shape[-1] != built_for:
        raise ValueError(
            f"{name} was built for {built_for} input features, received the "
            f"shape {tuple(shape)}. Pass {built_for} features, or make a new layer."
        )


def check_states(
    name: str, cell: RecurrentCell, shape: Shape, state_shapes: Sequence[Shape]
) -> None:
    """Refuses initial states of another number or shape than the cell's.

    Args:
        name: What the error calls the layer.
        cell: The cell.
        shape: Shape of the inputs.
        state_shapes: The shapes of the initial states.
    """
    given = list(map(tuple, state_shapes))
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


def of_one_batch_size(name: str, sequences: Tensor, size: int) -> Tensor:
    """The sequences of a stateful layer, if they are as many as its states.

    Args:
        name: What the error calls the layer.
        sequences: Tensor `(batch, time, features)`.
        size: The batch size that the states were made for.
    """
    message = (
        f"{name} has stateful=True and carries the states of {size} sequences, so "
        f"it takes no other batch size, received {{}}. Pass {size} sequences at a "
        "time (leave a smaller last batch out, or pad it), or make a new layer."
    )
    batch = sequences.shape[0]
    if batch is not None and batch != size:
        raise ValueError(message.format(batch))
    symbolic = isinstance(sequences, keras.KerasTensor)
    if batch is not None or symbolic or keras.backend.backend() != "tensorflow":
        return sequences
    import tensorflow as tf

    # Only the graph knows the size. XLA drops assertions, and checks shapes.
    batch = tf.shape(sequences)[0]
    check = tf.debugging.assert_equal(batch, size, message.format("another one"))
    with tf.control_dependencies([check]):
        return tf.ensure_shape(sequences, (size, *sequences.shape[1:]))


def is_shape(shape: Any) -> bool:
    """Whether it is the shape of one tensor, and not a list of shapes."""
    return not any(isinstance(size, (tuple, list)) for size in shape)


def listed(state_shapes: Any) -> list[Shape] | None:
    """The shapes of initial states as a list, as Keras has them in `build`.

    Args:
        state_shapes: None, one shape, or a nest of shapes.
    """
    if state_shapes is None:
        return None
    if len(state_shapes) and is_shape(state_shapes):
        return [state_shapes]
    return [shape for nest in state_shapes for shape in listed(nest) or ()]


def fits(given: Shape, allowed: Shape) -> bool:
    """Whether two shapes agree where both are known.

    While torch traces, a size is a tensor, and the trace would not keep a check.
    """
    return len(given) == len(allowed) and all(
        one == other
        for one, other in zip(given, allowed, strict=True)
        if isinstance(one, int) and isinstance(other, int)
    )
