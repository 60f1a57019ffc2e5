"""An adaptive LSTM with the weights of one of Keras'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras_modact.utils import conversion


def converted(
    cls: Any,
    method: str,
    source: Any,
    policy_units: int | None,
    carried: Sequence[str],
    given: dict[str, Any],
) -> Any:
    """A layer or a cell with the weights of one of Keras'.

    Args:
        cls: The class of what is made.
        method: What an error calls the conversion.
        source: What the weights come from.
        policy_units: As in the constructor.
        carried: The arguments that are taken over from it.
        given: The other ones.
    """
    conversion.check_lstm(method, cls, source)
    weights = getattr(source, "cell", source)
    conversion.refuse(method, source, conversion.other_activations(weights))
    given = conversion.around_one(method, source, carried, given)
    made = cls(policy_units=policy_units, **given)
    conversion.build_like(made, source)
    cell = getattr(made, "cell", made)
    cell.kernel.assign(conversion.array(weights.kernel))
    cell.recurrent_kernel.assign(conversion.array(weights.recurrent_kernel))
    if cell.use_bias:
        cell.bias.assign(conversion.array(weights.bias))
    return made
