"""A model's clone with adaptive layers in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_modact.parameterization.conv2d import AdaptiveConv2D
from keras_modact.parameterization.dense import AdaptiveDense
from keras_modact.parameterization.lstm import AdaptiveLSTM, AdaptiveLSTMCell
from keras_modact.parameterization.stacked_lstm import (
    StackedAdaptiveLSTM,
    StackedAdaptiveLSTMCell,
)
from keras_modact.utils.choice import Change, chosen_layers
from keras_modact.utils.cloning import clone_exchanged, compile_like

ADAPTIVE: dict[type, Callable[..., Any]] = {
    keras.layers.Dense: AdaptiveDense.from_dense,
    keras.layers.Conv2D: AdaptiveConv2D.from_conv2d,
    keras.layers.LSTM: AdaptiveLSTM.from_lstm,
    keras.layers.LSTMCell: AdaptiveLSTMCell.from_lstm_cell,
}
"""What is exchanged, and for what."""
ADAPTED = Change(
    done="adapted",
    default=tuple(ADAPTIVE),
    kinds="Dense, Conv2D, LSTM and LSTMCell",
    possible=tuple(ADAPTIVE),
    own=(
        AdaptiveDense,
        AdaptiveConv2D,
        AdaptiveLSTM,
        AdaptiveLSTMCell,
        StackedAdaptiveLSTM,
        StackedAdaptiveLSTMCell,
    ),
    by_hand="exchange them by `keras_modact.AdaptiveDense.from_dense` and the like",
)


def adapt(
    model: keras.Model,
    layers: Any = None,
    adaptation: str = "io",
    policy_units: int | None = None,
    **adaptive_arguments: Any,
) -> keras.Model:
    """Returns a clone of a model in which the chosen layers are adaptive.

    Use it to try adaptive parameterization on an existing network, trained or not:
    the clone computes what the model does until it is trained, and each chosen
    layer has a policy of its own, that starts around one, and keeps its name.

    | in the model | in the clone |
    |---|---|
    | `keras.layers.Dense` | `AdaptiveDense` |
    | `keras.layers.Conv2D` | `AdaptiveConv2D` |
    | `keras.layers.LSTM` | `AdaptiveLSTM` |
    | `keras.layers.LSTMCell` in a `keras.layers.RNN` | `AdaptiveLSTMCell` |

    Layers in nested models are found as well, and those in
    `keras.layers.TimeDistributed`, `Bidirectional`, `RNN` and `StackedRNNCells`,
    which a name stands for as it does for the layers in them. A layer that is used
    twice has one policy. Those inside another layer cannot be reached; a warning
    names the ones that were meant.

    The clone is compiled as the model is, with a fresh optimizer. A layer that is
    frozen stays so, and its policy with it. Stateful layers start from zeros.

    Args:
        model: A built `keras.Sequential` or functional model.
        layers: Which layers: a class of layers, a name, a list of both, or a
            function that takes a layer and says whether it is one. Defaults to
            all of the kinds above.
        adaptation: `"input"`, `"output"` or `"io"`, as in the adaptive layers.
            Defaults to `"io"`.
        policy_units: Positive integer, the size of each policy. Defaults to `None`,
            as in the adaptive layers.
        **adaptive_arguments: Further arguments of the adaptive layers, such as
            `policy` and `policy_dropout`. Where kinds of layers are to have
            different ones, adapt them in several calls.

    Returns:
        A new model; the given one is left as it was.

    Raises:
        ValueError: If the model is of another kind or not built, no layer is
            chosen, a name is not found, a chosen layer is of another class or has
            arguments that its adaptive form cannot have, such as another activation
            of an LSTM or `use_cudnn=True`, or a recurrent policy would add states to
            those that a layer returns.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((10, 3)),
        keras.layers.Bidirectional(keras.layers.LSTM(16)),
        keras.layers.Dense(2),
    ])
    adaptive = keras_modact.adapt(model, keras.layers.LSTM, policy_units=4)
    x = np.ones((2, 10, 3), "float32")
    assert keras.ops.max(keras.ops.abs(adaptive(x) - model(x))) < 1e-6
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 5
        and 9.
    """
    if "name" in adaptive_arguments:
        raise ValueError(
            "Each layer keeps its name in the clone, and so does the model, received "
            f"name={adaptive_arguments['name']!r}. Leave it out."
        )
    policy = adaptive_arguments.get("policy")
    if isinstance(policy, keras.layers.Layer):
        raise ValueError(
            "Each layer has a policy of its own, received the layer "
            f"policy={policy.name!r} for all. Pass a name such as policy='glu', or "
            "give a layer of yours to `AdaptiveDense.from_dense`."
        )
    chosen = chosen_layers(model, layers, ADAPTED)
    given = {"policy_units": policy_units, **adaptive_arguments}

    def exchange(layer: Any, copy: Callable[[Any], Any]) -> keras.layers.Layer:
        for kind, made_from in ADAPTIVE.items():
            if isinstance(layer, kind):
                # A copy is built where it stands, and its weights' paths say where.
                return copy(made_from(layer, adaptation=adaptation, **given))
        names = ", ".join(kind.__name__ for kind in ADAPTIVE)
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' has no adaptive form; {names} "
            "have. Leave it out of `layers`."
        )

    clone = clone_exchanged(model, chosen, exchange)
    compile_like(model, clone)
    return clone
