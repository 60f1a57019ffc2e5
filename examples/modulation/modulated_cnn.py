"""The paper's convolutional networks, plain and modulated (Sha et al. 2019).

Section 3.1: a CNN of two blocks, and DenseNet-40 with growth 12 or 10, for
pictures of 32 x 32 pixels, numbers from 0 to 255, in ten classes. Modulated, each
convolution (in DenseNet each of the dense layers) has a modulator beside it: one
filter of the same size, whose sigmoid scales what all others have added up, at
each position anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

import keras_modact

IMAGE_SHAPE = (32, 32, 3)
CLASSES = 10
DENSENET_INITIALIZER = "he_normal"


def with_modulator(layer: keras.layers.Layer, **given: Any) -> keras.layers.Layer:
    """A layer with the paper's modulator, under its own name."""
    return keras_modact.Modulated(layer, name=layer.name, **given)


def pixels_and_unit_values() -> tuple[Any, Any]:
    """A network's input, and the same from 0 to 1.

    Scaled in the network, a data set stays four times smaller in memory.
    """
    pixels = keras.Input(IMAGE_SHAPE, dtype="uint8")
    return pixels, keras.layers.Rescaling(1 / 255)(pixels)


def cnn(modulated: bool = False) -> keras.Model:
    """The paper's "vanilla CNN", which returns ten logits.

    What the paper leaves open is as in Keras' own example on CIFAR-10, whose
    network this is: the padding, ReLU and a dropout of .5 after the layer of 512
    units, and pixels from 0 to 1.
    """
    pixels, x = pixels_and_unit_values()
    for block, filters in ((1, 32), (2, 64)):
        for place, padding in ((1, "same"), (2, "valid")):
            layer = keras.layers.Conv2D(
                filters,
                3,
                padding=padding,
                activation="relu",
                name=f"block_{block}_conv_{place}",
            )
            x = (with_modulator(layer) if modulated else layer)(x)
        x = keras.layers.MaxPooling2D(2)(x)
        x = keras.layers.Dropout(0.25)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(512, activation="relu")(x)
    x = keras.layers.Dropout(0.5)(x)
    return keras.Model(pixels, keras.layers.Dense(CLASSES)(x))


def densenet(
    growth: int, modulated: bool = False, layers_in_block: int = 12
) -> keras.Model:
    """DenseNet-40 of a growth, with the paper's dropout of .5; returns ten logits.

    What the paper leaves open is as in DenseNet's (Huang et al. 2017) for
    CIFAR-10: no bottleneck, no compression and no bias in a convolution, dropout
    after each of them but the first, He's initial values, weight decay of 1e-4 on
    the kernels. A modulator has no bias either, starts and decays alike: so the
    paper's numbers of parameters come out.
    """
    # Decay d of a weight w adds d w to its gradient, and so d / 2 w^2 to the loss.
    decay = keras.regularizers.L2(1e-4 / 2)

    def conv(filters: int, size: int, name: str) -> keras.layers.Layer:
        return keras.layers.Conv2D(
            filters,
            size,
            padding="same",
            use_bias=False,
            kernel_initializer=DENSENET_INITIALIZER,
            kernel_regularizer=decay,
            name=name,
        )

    def normalized(x: Any) -> Any:
        # Torch's numbers, as in DenseNet's code: Keras' slow mean, .99 a step, is
        # far behind after the few steps of a short run.
        x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)
        return keras.layers.ReLU()(x)

    def dense_layer(x: Any, name: str) -> Any:
        layer = conv(growth, 3, name)
        if modulated:
            layer = with_modulator(
                layer,
                modulator_kernel_initializer=DENSENET_INITIALIZER,
                modulator_kernel_regularizer=decay,
            )
        new = keras.layers.Dropout(0.5)(layer(normalized(x)))
        return keras.layers.Concatenate()([x, new])

    pixels, x = pixels_and_unit_values()
    x = conv(16, 3, "stem")(x)
    for block in (1, 2, 3):
        if block > 1:
            x = conv(x.shape[-1], 1, f"transition_{block - 1}")(normalized(x))
            x = keras.layers.Dropout(0.5)(x)
            x = keras.layers.AveragePooling2D(2)(x)
        for place in range(1, layers_in_block + 1):
            x = dense_layer(x, f"block_{block}_conv_{place}")
    x = keras.layers.GlobalAveragePooling2D()(normalized(x))
    last = keras.layers.Dense(CLASSES, kernel_regularizer=decay)
    return keras.Model(pixels, last(x))


MODELS: dict[str, Callable[[], keras.Model]] = {
    "cnn": cnn,
    "modulated-cnn": lambda: cnn(modulated=True),
    "densenet-12": lambda: densenet(12),
    "modulated-densenet-12": lambda: densenet(12, modulated=True),
    "densenet-10": lambda: densenet(10),
    "modulated-densenet-10": lambda: densenet(10, modulated=True),
}
"""The six models by their name on the command line."""


def counted_parameters(model: keras.Model) -> int:
    """The number of trainable parameters without those of batch normalization.

    So the paper counts.
    """
    return sum(
        layer.count_params()
        for layer in model.layers
        if not isinstance(layer, keras.layers.BatchNormalization)
    )


def modulated_layers(model: keras.Model) -> list[keras_modact.Modulated]:
    """The layers with a modulator, from the input on."""
    return [x for x in model.layers if isinstance(x, keras_modact.Modulated)]
