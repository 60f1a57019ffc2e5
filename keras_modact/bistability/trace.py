"""What the gates of a built bistable layer do over a batch of sequences."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_modact.bistability.base import BistableCell
from keras_modact.recurrence import loop, shapes
from keras_modact.utils.layers import by_name, inside, record


class GateTrace(NamedTuple):
    """The gates of a bistable layer over time, as NumPy arrays.

    Steps stand in the order in which the layer runs, the last input first with
    `go_backwards`. At masked steps the gates are NaN, and the averages by step
    leave those sequences out.

    Attributes:
        feedback: Gate a, `(batch, time, units)`, in (0, 2); bistable above 1.
        update: Gate c, `(batch, time, units)`, in (0, 1); 1 keeps the state.
        states: State h after each step, `(batch, time, units)`: what the layer
            returns with `return_sequences`, and the inputs of the layer above.
        bistable_share: Share of bistable units, a > 1, by step, `(time,)`.
        mean_update: Mean of c over sequences and units, by step, `(time,)`.
    """

    feedback: np.ndarray
    update: np.ndarray
    states: np.ndarray
    bistable_share: np.ndarray
    mean_update: np.ndarray


def trace_gates(
    layer: Any, sequences: Any, mask: Any = None, initial_state: Any = None
) -> GateTrace:
    """Runs a built bistable layer over a batch and returns its gates over time.

    Use it to see whether a trained network uses bistability: the paper's fig. 4
    draws `bistable_share` and `mean_update` of each layer.

    Args:
        layer: A built `BRC` or `NBRC`, or a `keras.layers.RNN` over one of
            their cells. Dropout does not act, and nothing is carried over to
            the next call of a stateful layer.
        sequences: Array or tensor `(batch, time, features)`: for a deeper
            layer, `states` of the layer below.
        mask: Boolean array `(batch, time)`, or None. A `keras.layers.Masking`
            below the layer is not seen from here: pass what its
            `compute_mask(inputs)` returns.
        initial_state: Array `(batch, units)` or a list that holds it. Defaults
            to zeros.

    Returns:
        The gates and the states, a `GateTrace`.

    Raises:
        ValueError: If the layer is not one of these or is not built, if its cell has
            a `step` of its own without `gates` in line with it, or if the
            sequences, the mask or the initial state have the wrong shape.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.NBRC(16)
    sequences = np.random.default_rng(0).normal(size=(4, 10, 3))
    layer(sequences)
    trace = keras_modact.bistability.trace_gates(layer, sequences)
    assert trace.bistable_share.shape == (10,)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, fig. 4.
    """
    cell = check_bistable(layer)
    name = f"{type(layer).__name__} '{layer.name}'"
    sequences = ops.convert_to_tensor(sequences, dtype=cell.compute_dtype)
    shapes.check_sequences(name, sequences.shape)
    shapes.check_features(name, cell, sequences.shape)
    if initial_state is None:
        initial_state = cell.get_initial_state(ops.shape(sequences)[0])
    start = ops.convert_to_tensor(
        keras.tree.flatten(initial_state)[0], dtype=cell.compute_dtype
    )
    shapes.check_states(name, cell, sequences.shape, [start.shape])
    if mask is not None:
        mask = ops.convert_to_tensor(mask, dtype="bool")
        shapes.check_mask(name, sequences.shape, mask.shape)
        mask = loop.as_mask(mask)
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    states, _ = loop.run(
        lambda inputs, states: cell.step(cell.project(inputs), states),
        sequences,
        [start],
        mask,
    )
    previous = ops.concatenate([start[:, None], states[:, :-1]], axis=1)
    feedback, update = (_array(gate) for gate in cell.gates(sequences, previous))
    counts = np.ones(feedback.shape[:2])
    if mask is not None:
        counts = _array(mask)
        feedback[counts == 0] = np.nan
        update[counts == 0] = np.nan
    with np.errstate(invalid="ignore"):
        return GateTrace(
            feedback,
            update,
            _array(states),
            (feedback > 1).mean(-1).sum(0) / counts.sum(0),
            np.nansum(update, axis=0).mean(-1) / counts.sum(0),
        )


def trace_model(model: keras.Model, inputs: Any) -> dict[str, GateTrace]:
    """Runs a model over a batch and returns the gates of its bistable layers.

    The paper's fig. 4 of a whole network in one call: `plotting.plot_gates` draws
    what this returns. Masks and initial states are those of the model's own call;
    layers in `keras.layers.Bidirectional` and in models inside it count too.

    Args:
        model: A model with `BRC` or `NBRC` layers. Dropout does not act; a stateful
            layer is traced from the states that it carries, and keeps them.
        inputs: A batch of its inputs, as the model takes them.

    Returns:
        A `GateTrace` by each layer's name. Of a layer that is called more than once,
        or whose name another one has too, the further ones are `"name_1"` and so on,
        in the order of the calls.

    Raises:
        ValueError: If no such layer is called.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.NBRC(8, return_sequences=True, name="first"),
        keras_modact.BRC(4, name="second"),
    ])
    sequences = np.random.default_rng(0).normal(size=(4, 10, 3))
    traces = keras_modact.bistability.trace_model(model, sequences)
    assert list(traces) == ["first", "second"]
    assert traces["second"].mean_update.shape == (10,)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, fig. 4.
    """
    layers = [
        layer
        for layer in inside(model)
        if isinstance(getattr(layer, "cell", None), BistableCell)
        and isinstance(layer, keras.layers.RNN)
    ]
    carried = {
        id(layer): [_array(state) for state in keras.tree.flatten(layer.states)]
        for layer in layers
        if layer.stateful and layer.built
    }
    calls = record(model, inputs, layers, "call")
    for layer in layers:
        for number, state in enumerate(carried.get(id(layer), ())):
            keras.tree.flatten(layer.states)[number].assign(state)
    if not calls:
        raise ValueError(
            f"Model '{model.name}' has no BRC or NBRC layer that it calls. Trace the "
            "layers of another model; of GRU and LSTM there is no gate a to see."
        )
    traces = []
    for call in calls:
        start = call.arguments.get("initial_state")
        traces.append(
            trace_gates(
                call.layer,
                call.arguments["sequences"],
                call.arguments.get("mask"),
                carried.get(id(call.layer)) if start is None else start,
            )
        )
    return by_name(calls, traces)


def check_bistable(layer: Any) -> BistableCell:
    """The cell of a layer, if it is a built bistable one that tells its gates."""
    cell = getattr(layer, "cell", None)
    if not isinstance(cell, BistableCell) or not cell.built:
        raise ValueError(
            "`layer` must be a built BRC or NBRC layer, or a `keras.layers.RNN` "
            f"over one of their cells, received {layer!r}. Build such a layer by "
            "calling it once on data; take it out of a model with "
            "`model.get_layer(name)`, and out of a Bidirectional by its "
            "`forward_layer` or `backward_layer`."
        )
    cell.check_describes_step("gates")
    return cell


def _array(tensor: Any) -> np.ndarray:
    """A float64 copy, also of a dtype that NumPy does not have."""
    return np.asarray(ops.convert_to_numpy(tensor)).astype("float64")
