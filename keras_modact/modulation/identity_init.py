"""Initial values with which modulators change nothing before training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.modulation import modulators
from keras_modact.modulation.tanhshrink import modulator_activation as activation_of

# What a subclass may define and still compute what Keras' class does.
HARMLESS = ("__init__", "get_config", "from_config", "quantize")
OWN = ("modulator_kernel_initializer", "modulator_bias_initializer")


def steady_start(
    layers: Sequence[keras.layers.Layer], given: Mapping[str, Any], modulator: Any
) -> tuple[dict[str, Any], float]:
    """Arguments with which the modulators of some layers start with a constant.

    Args:
        layers: The layers that are to be modulated.
        given: What else `Modulated` is to be given.
        modulator: Its argument of that name.

    Returns:
        Initial values as arguments of `Modulated`, and the signal they give.
    """
    taken = [name for name in OWN if name in given]
    if callable(modulator) or taken:
        raise ValueError(
            "`start_unchanged=True` sets how the modulators start, received "
            f"{taken[0] if taken else 'a function as `modulator`'} with it. Leave "
            "one of them out."
        )
    bias, signal = steady_bias(activation_of(given["modulator_activation"]))
    use_bias = given.get("modulator_use_bias")
    for layer in layers:
        check_linear(layer)
        has_bias = modulators.has_bias(layer) if use_bias is None else use_bias
        if bias and not has_bias:
            raise ValueError(
                f"`start_unchanged=True` needs a bias of {bias:g} in the modulator "
                f"of '{layer.name}', which has none. Pass modulator_use_bias=True."
            )
        if not layer.built:
            raise ValueError(
                f"`start_unchanged=True` changes the weights of '{layer.name}', "
                "which has none yet. Build the model, for example with a "
                "`keras.Input`, first."
            )
        if getattr(layer, "lora_enabled", False) or layer.quantization_mode:
            raise ValueError(
                f"`start_unchanged=True` multiplies the kernel of '{layer.name}', "
                "which is quantized or has low-rank additions. Modulate the model "
                "before it gets them."
            )
    constant = keras.initializers.Constant(bias)
    return dict(zip(OWN, ("zeros", constant), strict=True)), signal


def check_linear(layer: keras.layers.Layer) -> None:
    """Refuses a layer of which it is not known that its kernel scales its output."""
    kind = modulators.kind_of(layer)
    for cls in type(layer).__mro__:
        if cls is kind:
            return
        changed = [
            name
            for name in vars(cls)
            if hasattr(kind, name)
            and name not in HARMLESS
            and (name == "__call__" or not name.startswith("__"))
        ]
        if changed:
            raise ValueError(
                f"`start_unchanged=True` scales the kernel and the bias of "
                f"'{layer.name}', and {type(layer).__name__} overrides "
                f"{', '.join(changed)} of {kind.__name__}, so that it is not known "
                "what that does. Leave the layer out of `layers`, or leave "
                "`start_unchanged` out."
            )


def steady_bias(
    tau: Callable[[Any], Any],
    asked_by: str = "start_unchanged=True",
    only_one: bool = False,
) -> tuple[float, float]:
    """A bias at which tau gives a power of two, and that power.

    Multiplying by its inverse changes no digit of a weight.

    Args:
        tau: The modulator's activation.
        asked_by: What an error says it is for.
        only_one: Whether the power must be 1, as there is no weight to multiply.
    """

    def signal(biases: Any) -> np.ndarray:
        biases = ops.convert_to_tensor(np.asarray(biases, "float32"))
        return np.asarray(ops.convert_to_numpy(tau(biases)), "float64")

    if signal([0.0, 1.0, -1.0])[0] != signal([0.0, 2.0, 3.0])[0]:
        raise ValueError(
            f"`{asked_by}` needs a modulator's activation that acts on each "
            "number by itself, and this one does not. Take another "
            "`modulator_activation`, such as 'sigmoid', or leave it out."
        )
    for bias in (0.0, 0.5, 1.0, -1.0):
        value = float(signal([bias])[0])
        power_of_two = math.isfinite(value) and abs(math.frexp(value)[0]) == 0.5
        if value == 1 or (power_of_two and not only_one):
            return bias, value
    # A half first: where tau is bounded, it may be 1 only where it is flat.
    powers = (1.0,) if only_one else (0.5, 1.0, 2.0, 0.25)
    for power in powers:
        low, high = -8.0, 8.0
        # Each round leaves a thousandth of the interval: three are a float32.
        for _ in range(4):
            biases = np.linspace(low, high, 1025)
            nearest = int(np.abs(signal(biases) - power).argmin())
            low, high = biases[max(nearest - 1, 0)], biases[min(nearest + 1, 1024)]
        if abs(signal([biases[nearest]])[0] - power) <= 2e-7 * power:
            return float(np.float32(biases[nearest])), power
    raise ValueError(
        f"`{asked_by}` needs a bias at which the modulator's activation gives "
        f"{'1' if only_one else '1/4, 1/2, 1 or 2'}, and there is none in [-8, 8]. "
        "Take another `modulator_activation`, such as "
        f"'{'tanhshrink' if only_one else 'sigmoid'}', or leave it out."
    )


def scale_back(layer: Any, signal: float) -> None:
    """Divides the pre-activation by a power of two, through kernel and bias."""
    # Of the two maps of a separable convolution the first one stays.
    pointwise = getattr(layer, "pointwise_kernel", None)
    for weight in (layer.kernel if pointwise is None else pointwise, layer.bias):
        if weight is not None:
            weight.assign(weight.value / signal)
