"""The optimizers of the language models, with weight decay as the papers have it.

The scripts that use them state the presets.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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


class WeightAverage:
    """The mean of a model's weights over all steps since it was begun.

    AWD-LSTM trains by SGD until the validation loss has not fallen for `patience`
    epochs, and from then on evaluates the mean of the weights, at an unchanged rate
    (Merity, Keskar, Socher 2017, section 2). Keras' own average, `use_ema`, is an
    exponential one, which forgets.

    Args:
        model: The built model.
        patience: Epochs without a better loss; None for never.
    """

    def __init__(self, model: keras.Model, patience: int | None) -> None:
        self.patience = patience
        self.weights = model.trainable_variables
        self.steps = keras.Variable(0, dtype="int32", trainable=False)
        self.means = [
            keras.Variable(ops.zeros(weight.shape, weight.dtype), trainable=False)
            for weight in (self.weights if patience is not None else ())
        ]
        self.begun = False

    @property
    def variables(self) -> list[keras.Variable]:
        """What a checkpoint holds of it."""
        return [self.steps, *self.means]

    def step(self) -> None:
        """Takes the weights in, after a step of the optimizer."""
        if not self.begun:
            return
        self.steps.assign_add(1)
        share = 1 / int(self.steps)
        for mean, weight in zip(self.means, self.weights, strict=True):
            mean.assign(mean + share * (ops.convert_to_tensor(weight) - mean))

    def end_epoch(self, validation_loss: Sequence[float]) -> None:
        """Begins to average if the loss of the last epochs tells so."""
        if self.patience is None or self.begun:
            return
        earlier = validation_loss[: -self.patience - 1]
        self.begun = bool(earlier) and validation_loss[-1] > min(earlier)

    def best_weights(self) -> list[keras.Variable]:
        """What is to be evaluated: the mean once there is one, else the weights."""
        return self.means if int(self.steps) else self.weights


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
