"""The optimizers of the language models, with weight decay as the papers have it.

The scripts that use them state the presets.
"""

from __future__ import annotations

import argparse
from typing import Any

import keras
from keras import ops

OPTIMIZERS = ("adam", "sgd")


@keras.saving.register_keras_serializable(package="keras_modact_examples")
class AdamWithDecay(keras.optimizers.Adam):
    """Adam of the loss and half the squared weights, times a decay.

    Keras' own `weight_decay` shrinks the weights beside what Adam does. Here, as
    in PyTorch's Adam, which the papers use, the decay is a part of the gradient,
    after its clipping, and so is scaled as the gradient is.

    Args:
        *args: Those of `keras.optimizers.Adam`.
        decay: Float of at least 0, the share of the weights in the gradient.
        **kwargs: Those of `keras.optimizers.Adam`.
    """

    def __init__(self, *args: Any, decay: float = 0.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.decay = decay

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        gradient = ops.add(gradient, self.decay * ops.convert_to_tensor(variable))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decay": self.decay}


def make_optimizer(options: argparse.Namespace) -> keras.optimizers.Optimizer:
    """The optimizer that the options ask for."""
    clip_norm = options.clip_norm or None
    if options.optimizer == "sgd":
        # Without momentum, weights that are shrunk are as good as a gradient.
        return keras.optimizers.SGD(
            options.learning_rate,
            global_clipnorm=clip_norm,
            weight_decay=options.weight_decay or None,
        )
    arguments = {
        "learning_rate": options.learning_rate,
        "beta_1": options.beta_1,
        "epsilon": options.epsilon,
        "global_clipnorm": clip_norm,
    }
    if options.weight_decay:
        return AdamWithDecay(**arguments, decay=options.weight_decay)
    # On torch it is the faster one.
    return keras.optimizers.Adam(**arguments)
