"""The signals of all modulators of a model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.modulation.modulated import Modulated
from keras_modact.utils.layers import by_name, inside, record


def modulation_signals(model: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """Returns the signal of every `Modulated` layer of a model for a batch.

    Use it to see what the modulators of a trained model do, for example with
    `keras_modact.modulation.plotting.plot_signals`. The model runs once, not
    compiled, and dropout does not act.

    Args:
        model: A model with `Modulated` layers; models inside it are searched.
        inputs: A batch of its inputs, as the model takes them.

    Returns:
        The signal s of each layer by its name, as a NumPy array. Of a layer that is
        called more than once, or whose name another one has too, the further ones
        are `"name_1"` and so on, in the order of the calls.

    Raises:
        ValueError: If no `Modulated` layer is called.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((3,)),
        keras.layers.Dense(8, activation="relu", name="first"),
        keras.layers.Dense(2, name="second"),
    ])
    modulated = keras_modact.modulate(model, keras.layers.Dense)
    signals = keras_modact.modulation.modulation_signals(modulated, np.ones((5, 3)))
    assert list(signals) == ["first", "second"]
    assert signals["first"].shape == (5, 1)
    ```
    """
    layers = [layer for layer in inside(model) if isinstance(layer, Modulated)]
    calls = record(model, inputs, layers, "modulation")
    found = by_name(
        calls, [np.array(ops.convert_to_numpy(call.result)) for call in calls]
    )
    if not found:
        raise ValueError(
            f"Model '{model.name}' has no `Modulated` layer that is called. Make one "
            "with `keras_modact.modulate(model)`. (The gates of a `ModulatedLSTM` are "
            "inside its loop.)"
        )
    return found
