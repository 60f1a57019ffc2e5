"""What is made of a layer shares no array with it.

On JAX a variable that is assigned to another one gives it its array, and a compiled
`predict` or `fit` of the one model deletes it in the other.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

import keras_modact


def model_of(layer: keras.layers.Layer, shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([keras.Input(shape), layer])


COPIES: dict[str, tuple[Callable, Callable, tuple[int, ...]]] = {
    "dense": (
        lambda: keras.layers.Dense(3),
        lambda layer: keras_modact.AdaptiveDense.from_dense(layer, policy_units=2),
        (4,),
    ),
    "convolution": (
        lambda: keras.layers.Conv2D(2, 3),
        lambda layer: keras_modact.AdaptiveConv2D.from_conv2d(layer, policy_units=2),
        (5, 5, 2),
    ),
    "adaptive LSTM": (
        lambda: keras.layers.LSTM(3),
        lambda layer: keras_modact.AdaptiveLSTM.from_lstm(layer, policy_units=2),
        (4, 2),
    ),
    "modulated LSTM": (
        lambda: keras.layers.LSTM(3),
        keras_modact.ModulatedLSTM.from_lstm,
        (4, 2),
    ),
    "GRU": (lambda: keras_modact.NBRC(3), lambda layer: layer.to_gru(), (4, 2)),
}


@pytest.mark.parametrize("name", COPIES)
def test_layer_outlives_its_copy(name: str) -> None:
    make, convert, shape = COPIES[name]
    layer = make()
    model_of(layer, shape)
    model_of(convert(layer), shape).predict(np.ones((1, *shape)), verbose=0)
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())
