"""Gain and saturation of every neuron of a model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.activation.arun import ARUNCell
from keras_modact.activation.gamma import Gamma
from keras_modact.activation.gamma_rnn import GammaRNNCell
from keras_modact.recurrence.observe import as_float64, observe
from keras_modact.utils.layers import by_name, inside, record
from keras_modact.utils.validation import Tensor


def gains_and_saturations(
    model: keras.Model, inputs: Any
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns n and s of every adaptive activation of a model, by neuron.

    Use it to see what shapes a trained network has found, for example with
    `keras_modact.activation.plotting.plot_gamma`. The model runs once, not compiled,
    and dropout does not act.

    Args:
        model: A model with `Gamma`, `GammaRNN` or `ARUN` layers; models inside it are
            searched.
        inputs: A batch of its inputs, as the model takes them.

    Returns:
        The gain n and the saturation s of each layer by its name, as NumPy arrays: of
        `Gamma` as they are stored, of `GammaRNN` `(units,)`, of `ARUN` at every step
        `(batch, time, units)`, NaN at masked ones. Of a layer that is called more than
        once, or whose name another one has too, the further ones are `"name_1"` and so
        on, in the order of the calls.

    Raises:
        ValueError: If no such layer is called.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential(
        [keras.Input((None, 2)), keras_modact.GammaRNN(8, name="rnn")]
    )
    found = keras_modact.activation.gains_and_saturations(model, np.ones((4, 5, 2)))
    gain, saturation = found["rnn"]
    assert gain.shape == saturation.shape == (8,)
    ```

    Reference:
        Geadah, Kerg, Horoi, Wolf, Lajoie, "Advantages of biologically-inspired
        adaptive neural activation in RNNs during learning", arXiv 2006.12253, 2020.
    """
    cells = GammaRNNCell, ARUNCell
    layers = [
        layer
        for layer in inside(model)
        if isinstance(layer, Gamma) or isinstance(getattr(layer, "cell", None), cells)
    ]
    calls = record(model, inputs, layers, "call")
    if not calls:
        raise ValueError(
            f"Model '{model.name}' has no Gamma, GammaRNN or ARUN layer that it calls."
        )
    return by_name(calls, [_pair(call) for call in calls])


def _pair(call: Any) -> tuple[np.ndarray, np.ndarray]:
    cell = getattr(call.layer, "cell", call.layer)
    if not isinstance(cell, ARUNCell):
        gain, saturation = as_float64(cell.gain), as_float64(cell.saturation)
        if isinstance(cell, GammaRNNCell):
            gain = np.broadcast_to(gain, (cell.units,)).copy()
            saturation = np.broadcast_to(saturation, (cell.units,)).copy()
        return gain, saturation

    def look(_: Tensor, __: Any, after: Any) -> Tensor:
        return ops.concatenate(cell.adaptation(after[1]), axis=-1)

    gain, saturation = np.split(observe(call, look), 2, axis=-1)
    return gain, saturation
