"""What `Modulated` refuses, and what it leaves as it was."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from tests.modulation.wrappers import Modulated, random


class WithFixedActivation(layers.Layer):
    """A layer whose activation cannot be taken out."""

    activation = property(lambda self: keras.activations.relu)


REFUSED: dict[str, tuple[Any, str]] = {
    "not a layer": (lambda: Modulated("Dense"), "must be a Keras layer"),
    "no weights": (lambda: Modulated(layers.ReLU()), "No modulator follows from ReLU"),
    "no weights but a modulator": (
        lambda: Modulated(layers.ReLU(), modulator=layers.Dense(1))(random(2, 3)),
        "has none",
    ),
    "recurrent": (lambda: Modulated(layers.LSTM(3)), "ModulatedLSTM"),
    "fixed activation": (
        lambda: Modulated(WithFixedActivation(), modulator=layers.Dense(1)),
        "must be a linear map but for its activation",
    ),
    "activation in a wrapper": (
        lambda: Modulated(
            layers.SpectralNormalization(layers.Dense(3, "tanh")),
            modulator=layers.Dense(1),
        ),
        "'tanh' inside, in Dense 'dense.*pass activation='tanh' to `Modulated`",
    ),
    "activation in a model": (
        lambda: Modulated(
            keras.Sequential(
                [layers.TimeDistributed(layers.Dense(3, "relu")), layers.Dropout(0.5)]
            ),
            modulator=layers.Dense(1),
        ),
        "'relu' inside, in Dense",
    ),
    "two contracted axes": (
        lambda: Modulated(layers.EinsumDense("abc,bcd->ad", 4)),
        "sums over b, c. Pass a layer as `modulator`",
    ),
    "no axis for the bias": (
        lambda: Modulated(
            layers.EinsumDense("abc,c->ab", (None,)), modulator_use_bias=True
        ),
        "modulator_use_bias=False",
    ),
    "unknown size": (
        lambda: Modulated(layers.Dense(3))(keras.Input((4, None))),
        "needs the number of input features",
    ),
    "unknown contracted size": (
        lambda: Modulated(layers.EinsumDense("abc,bd->adc", (4, None)))(
            keras.Input((None, 5))
        ),
        "needs the number of input features",
    ),
    "unknown size of the context": (
        lambda: Modulated(layers.Dense(3))(
            keras.Input((4,)), context=keras.Input((None,))
        ),
        "needs the number of input features",
    ),
    "context of another size": (
        lambda: Modulated(layers.Conv2D(3, 3))(
            random(2, 6, 6, 1), context=random(2, 5, 5, 1)
        ),
        r"signal of shape \(2, 3, 3, 1\) does not fit its output of shape "
        r"\(2, 4, 4, 3\)",
    ),
    "modulator of another size": (
        lambda: Modulated(layers.Dense(3), modulator=layers.Dense(2))(random(2, 4)),
        "does not fit",
    ),
    "modulator of other axes": (
        lambda: Modulated(layers.Dense(3), modulator=layers.Flatten())(random(2, 4, 2)),
        "does not fit",
    ),
    "arguments of a given modulator": (
        lambda: Modulated(
            layers.Dense(3), modulator=layers.Dense(1), modulator_use_bias=False
        ),
        "`modulator_use_bias` is for a modulator that is made here",
    ),
    "not built": (
        lambda: Modulated(layers.Dense(3)).modulation(random(2, 4)),
        "no modulator before it is built",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_refused_layer_is_left_as_it_was() -> None:
    layer = layers.Dense(3, activation="tanh", activity_regularizer="l2")
    for arguments in (
        {"modulator": "gate"},
        {"modulator_activation": 3},
        {"modulator_kernel_initializer": "no_such_name"},
        {"no_such_argument": 1},
    ):
        with pytest.raises((ValueError, TypeError)):
            Modulated(layer, **arguments)
    assert layer.activation is keras.activations.tanh
    assert layer.activity_regularizer is not None


def test_context_that_does_not_fit_leaves_the_wrapper_usable() -> None:
    wrapper = Modulated(layers.Conv2D(3, 3))
    x = random(2, 6, 6, 1)
    with pytest.raises(ValueError, match="does not fit"):
        wrapper(x, context=random(2, 5, 5, 2))
    assert not wrapper.built
    assert tuple(wrapper(x, context=random(2, 6, 6, 2)).shape) == (2, 4, 4, 3)


class Sine(layers.Layer):
    """A layer that does not say what shape it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def build(self, input_shape: Any) -> None:
        self.dense.build(input_shape)

    def call(self, x: Any) -> Any:
        return keras.ops.sin(self.dense(x))


def test_modulator_that_does_not_say_its_shape() -> None:
    x = random(2, 5)
    wrapper = Modulated(layers.Dense(4), modulator=Sine())
    assert tuple(wrapper(x).shape) == (2, 4)
    assert tuple(wrapper.modulation(x).shape) == (2, 1)
