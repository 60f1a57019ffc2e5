"""What the layers with a gain and a saturation of their own share."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_modact.utils import validation
from keras_modact.utils.weights import (
    set_weight_arguments,
    weight_config,
    weight_kwargs,
)

MODES = ("static", "homogeneous", "heterogeneous")
WEIGHTS = ("gain", "saturation")


class Adaptation(keras.layers.Layer):
    """A layer's gain and saturation: their mode, arguments and weights.

    The constructor of a subclass calls `set_adaptation` after `super().__init__`,
    `build` calls `add_adaptation`, and `get_config` adds `adaptation_config()`.
    """

    gain: Any
    saturation: Any

    def set_adaptation(self, adaptation: Mapping[str, Any]) -> None:
        """Keeps the arguments that `split_adaptation` has set apart."""
        self.mode = adaptation["mode"]
        set_weight_arguments(self, WEIGHTS, adaptation)

    def add_adaptation(self, shape: Sequence[int]) -> None:
        """Makes the weights `gain` and `saturation`.

        Args:
            shape: Their shape in mode "heterogeneous"; else they are scalars.
        """
        for weight in WEIGHTS:
            made = self.add_weight(
                name=weight,
                shape=tuple(shape) if self.mode == "heterogeneous" else (),
                trainable=self.mode != "static",
                # gamma computes in float32 at least, and a gain of 1e-6 would
                # lose its digits in float16.
                autocast=False,
                **weight_kwargs(self, weight),
            )
            setattr(self, weight, made)

    def adaptation_config(self) -> dict[str, Any]:
        """The arguments, for `get_config`."""
        return {"mode": self.mode, **weight_config(self, WEIGHTS)}


def split_adaptation(
    given: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A constructor's arguments, and those of gain and saturation apart, checked.

    A number given as `gain_initializer` or `saturation_initializer` becomes the
    initializer of that constant.
    """
    others = dict(given)
    adaptation = {"mode": validation.one_of("mode", others.pop("mode"), MODES)}
    for name in [n for n in given if n.split("_")[0] in WEIGHTS]:
        value = others.pop(name)
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        if number and name.endswith("_initializer"):
            value = keras.initializers.Constant(validation.finite_number(name, value))
        adaptation[name] = value
    gain = validation.initializer("gain_initializer", adaptation["gain_initializer"])
    refuse_zero(gain, given["gain_initializer"])
    return others, adaptation


def refuse_zero(initializer: Any, given: Any) -> None:
    """Refuses an initializer that starts every gain at 0."""
    constant = getattr(initializer, "value", None)
    zeros = isinstance(initializer, keras.initializers.Zeros)
    if zeros or (isinstance(constant, numbers.Real) and not constant):
        raise ValueError(
            "`gain_initializer` must start away from 0, where gamma has no value, "
            f"received gain_initializer={given!r}. Pass for example "
            "gain_initializer=5.0."
        )
