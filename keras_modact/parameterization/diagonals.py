"""The adapted diagonals of a model for given inputs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.parameterization.conv2d import AdaptiveConv2D
from keras_modact.parameterization.dense import AdaptiveDense
from keras_modact.parameterization.lstm import AdaptiveLSTMCell
from keras_modact.parameterization.lstm_diagonals import Adaptation
from keras_modact.parameterization.stacked_lstm import StackedAdaptiveLSTMCell
from keras_modact.recurrence.observe import as_float64, observe
from keras_modact.utils.layers import Recorded, by_name, inside, record
from keras_modact.utils.validation import Tensor

Diagonals = tuple[Any, ...]
CELLS = AdaptiveLSTMCell, StackedAdaptiveLSTMCell


def adapted_diagonals(model: keras.Model, inputs: Any) -> dict[str, Diagonals]:
    """Returns the diagonals of every adaptive layer of a model for a batch.

    Use it to see what the policies of a trained network make of its inputs, for
    example with `keras_modact.parameterization.plotting.plot_singular_values`. The
    model runs once, not compiled, and dropout does not act.

    Args:
        model: A model with `AdaptiveDense`, `AdaptiveConv2D`, `AdaptiveLSTM` or
            `StackedAdaptiveLSTM` layers; models inside it are searched.
        inputs: A batch of its inputs, as the model takes them.

    Returns:
        The diagonals of each layer by its name, as NumPy arrays with the batch first,
        None where one is fixed to 1: what the layer's `adaptation` returns, and of an
        `AdaptiveLSTM` a named tuple of `input`, `state`, `input_gates`, `state_gates`
        and `bias`, each `(batch, time, size)`, NaN at masked steps; of a
        `StackedAdaptiveLSTM` such a tuple for each of its layers. Of a layer that is
        called more than once, or whose name another one has too, the further ones are
        `"name_1"` and so on, in the order of the calls.

    Raises:
        ValueError: If no such layer is called.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((3,)),
        keras_modact.AdaptiveDense(4, adaptation="io", policy_units=2, name="dense"),
    ])
    found = keras_modact.parameterization.adapted_diagonals(model, np.ones((5, 3)))
    before, after, of_bias = found["dense"]
    assert before.shape == (5, 3) and after.shape == (5, 4)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the Activation Function Bottleneck
        through Adaptive Parameterization", NeurIPS 2018, eqs. 3 and 9.
    """
    kinds = AdaptiveDense, AdaptiveConv2D
    layers = [
        layer
        for layer in inside(model)
        if isinstance(layer, kinds) or isinstance(getattr(layer, "cell", None), CELLS)
    ]
    calls = record(model, inputs, layers, "call")
    if not calls:
        raise ValueError(
            f"Model '{model.name}' has no AdaptiveDense, AdaptiveConv2D, AdaptiveLSTM "
            "or StackedAdaptiveLSTM layer that it calls."
        )
    return by_name(calls, [_diagonals(call) for call in calls])


def _diagonals(call: Recorded) -> Diagonals:
    if not hasattr(call.layer, "cell"):
        found = call.layer.adaptation(call.arguments["inputs"])
        return tuple(None if d is None else as_float64(d) for d in found)
    cell = call.layer.cell
    is_stack = isinstance(cell, StackedAdaptiveLSTMCell)
    cells: list[AdaptiveLSTMCell] = cell.cells if is_stack else [cell]

    def latents(inputs: Tensor, before: Any, after: Any) -> list[Tensor]:
        """The z of each layer that adapts this step."""
        if is_stack:
            return [states[2] for states in cell.by_layer(after)]
        if cell.policy == "recurrent":
            return [after[2]]
        projected = cell.project(inputs)
        return [ops.relu(cell.summarize(projected, before, (None, None), None)[2])]

    def look(inputs: Tensor, before: Any, after: Any) -> Tensor:
        of_layers = zip(cells, latents(inputs, before, after), strict=True)
        pi = [d for one, z in of_layers for d in one.adaptation(z)]
        return ops.concatenate([d for d in pi if d is not None], -1)

    sizes = [size for one in cells for size in one.layout.sizes if size]
    seen = iter(np.split(observe(call, look), np.cumsum(sizes)[:-1], axis=-1))
    found = tuple(
        Adaptation(*(next(seen) if size else None for size in one.layout.sizes))
        for one in cells
    )
    return found if is_stack else found[0]
