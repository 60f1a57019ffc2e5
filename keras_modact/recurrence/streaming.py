"""A model of one time step, whose states are inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras


def one_step(model: keras.Sequential) -> keras.Model:
    """Returns a model of one time step, with states as further inputs and outputs.

    Use it for streams, which have no end at which to call a model: step by step it
    gives what `model` gives for the whole sequence, and shares its layers. It has no
    time axis and no loop, so that every backend exports it to ONNX.

    Each recurrent layer is replaced by its cell; `keras.layers.TimeDistributed` by
    the layer inside; what else is there must act on each step by itself, as `Dense`
    and normalization do. After a layer with `return_sequences=False` the step gives
    at each time what `model` gives for the sequence up to there. Dropout does not
    act, and masks are not read: a stream has no padding.

    Args:
        model: A built `keras.Sequential` of recurrent layers, Keras' own too, and
            layers that act on each step.

    Returns:
        A functional model, with the inputs `[x, *states]`, x of shape
        `(batch, features)`, and the outputs `[y, *new_states]`. Its states are zero
        at first.

    Raises:
        ValueError: If the model is no built `keras.Sequential`, a layer runs
            backwards or does not act on each step by itself, or no layer is
            recurrent.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.NBRC(16, return_sequences=True),
        keras.layers.Dense(1),
    ])
    x = keras.ops.ones((2, 10, 3))
    whole = model(x)

    step = keras_modact.one_step(model)
    states = [keras.ops.zeros((2, *s.shape[1:])) for s in step.inputs[1:]]
    for t in range(10):
        y, *states = step([x[:, t], *states])
        assert keras.ops.max(keras.ops.abs(y - whole[:, t])) < 1e-6
    ```
    """
    if not isinstance(model, keras.Sequential) or not model.built:
        raise ValueError(
            "`one_step` takes a built keras.Sequential, received "
            f"{type(model).__name__}, built={getattr(model, 'built', None)}. Build "
            "it, for example with a `keras.Input`; of another model call the cells, "
            "`layer.cell(x, states)`, in a model of your own."
        )
    given = model.inputs[0]
    # Beside the step goes the sequence, for what becomes of its shape.
    sequence: Any = keras.KerasTensor(given.shape, given.dtype)
    x = inputs = keras.Input(given.shape[2:], dtype=given.dtype, name="inputs")
    before: list[Any] = []
    after: list[Any] = []
    timed = True
    for layer in _layers(model):
        sequence = layer.compute_output_spec(sequence)
        if isinstance(layer, keras.layers.RNN):
            _check_recurrent(layer, timed)
            cell = _cell_of(layer, x)
            states = [
                keras.Input(s.shape[1:], dtype=s.dtype, name=f"state_{number}")
                for number, s in enumerate(cell.inputs[1:], len(before))
            ]
            x, *new_states = cell([x, *states])
            before += states
            after += new_states
            timed = layer.return_sequences
        else:
            x = _applied(layer, x)
            if x.shape[1:] != sequence.shape[2 if timed else 1 :]:
                raise ValueError(_not_by_step(layer))
    if not before:
        raise ValueError(
            f"Model '{model.name}' has no recurrent layer, and so no states that "
            "`one_step` could hand on. Call the model on each step."
        )
    return keras.Model([inputs, *before], [x, *after], name=f"{model.name}_step")


def _layers(model: keras.Sequential) -> Iterator[Any]:
    """The layers of a model and of those in it, in order."""
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            yield from _layers(layer)
        else:
            yield layer


def _check_recurrent(layer: Any, timed: bool) -> None:
    """Refuses a recurrent layer whose steps do not follow those of the stream."""
    problem = None
    if not timed:
        problem = "comes after a layer with return_sequences=False"
    elif layer.go_backwards:
        problem = "has go_backwards=True and reads the end of a sequence first"
    if problem:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' {problem}, so that its steps "
            "cannot follow a stream. Leave that out, or call its cell, "
            "`layer.cell(x, states)`, in a model of your own."
        )


def _cell_of(layer: Any, x: Any) -> keras.Model:
    """The cell of a layer as a model of an input and flat states.

    It has the layer's name: all cells have the same one, which a model must not.
    """
    inputs = keras.Input(x.shape[1:], dtype=x.dtype)
    states = keras.tree.map_structure(
        lambda state: keras.Input(state.shape[1:], dtype=state.dtype),
        layer.get_initial_state(1),
    )
    output, new_states = layer.cell(inputs, states)
    return keras.Model(
        [inputs, *keras.tree.flatten(states)],
        [output, *keras.tree.flatten(new_states)],
        name=layer.name,
    )


def _applied(layer: Any, x: Any) -> Any:
    """What a layer makes of one step."""
    if isinstance(layer, keras.layers.TimeDistributed):
        return layer.layer(x)
    try:
        return layer(x)
    except ValueError as error:
        raise ValueError(_not_by_step(layer)) from error


def _not_by_step(layer: Any) -> str:
    return (
        f"{type(layer).__name__} '{layer.name}' does not act on each step by itself, "
        "so that there is no step of it. Leave it out, and apply it to the outputs."
    )
