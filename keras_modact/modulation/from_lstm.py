"""A modulated LSTM with the weights of one of Keras'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_modact.modulation.identity_init import steady_bias
from keras_modact.utils import conversion


def converted(
    cls: Any,
    method: str,
    source: Any,
    carried: Sequence[str],
    given: dict[str, Any],
    start_unchanged: bool,
) -> Any:
    """A layer or a cell with the weights of one of Keras'.

    Args:
        cls: The class of what is made.
        method: What an error calls the conversion.
        source: What the weights come from.
        carried: The arguments that are taken over from it.
        given: The other ones.
        start_unchanged: Whether the fifth gate starts as a constant.
    """
    conversion.check_lstm(method, cls, source)
    if given.get("modulator") is not None:
        raise ValueError(
            f"`{method}` makes a fifth gate, of which it knows how it starts, received "
            f"modulator={given['modulator']!r}. Leave it out; or make the layer with "
            "its modulator, build it, and assign it the kernel, recurrent_kernel and "
            f"bias of '{source.name}', whose columns it has."
        )
    taken_over = conversion.taken_over(source, carried)
    made = cls(**conversion.merged(method, taken_over, given))
    cell = getattr(made, "cell", made)
    bias, signal = None, 1.0
    if start_unchanged:
        bias, signal = steady_bias(
            cell.modulator_activation, method, only_one=cell.modulates == "output"
        )
        if bias and not cell.use_bias:
            raise ValueError(
                f"`{method}` needs a bias of {bias:g} in the modulator, and "
                f"{type(source).__name__} '{source.name}' has none. Take "
                "modulator_activation='sigmoid' with modulates='slope', which needs "
                "none."
            )
    conversion.build_like(made, source)
    weights = getattr(source, "cell", source)
    for name in ("kernel", "recurrent_kernel", "bias"):
        weight = getattr(cell, name)
        if weight is None:
            continue
        i, f, g, o = np.split(conversion.array(getattr(weights, name)), 4, -1)
        m = np.split(conversion.array(weight), 5, -1)[-1]
        if bias is not None:
            m = np.full_like(m, bias if name == "bias" else 0.0)
        weight.assign(np.concatenate([i, f, g / signal, o, m], -1))
    return made
