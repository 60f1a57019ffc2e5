"""The arguments of a layer that say how its weights start and are held.

Keras names them `<weight>_initializer`, `<weight>_regularizer` and
`<weight>_constraint`; the functions here check, keep and save them for any
number of weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from keras_modact.utils import validation
from keras_modact.utils.initialization import per_block

CHECKS = {
    "initializer": validation.initializer,
    "regularizer": validation.regularizer,
    "constraint": validation.constraint,
}


def set_weight_arguments(
    layer: keras.layers.Layer, weights: Sequence[str], given: Mapping[str, Any]
) -> None:
    """Sets what is given of each weight as an attribute of the layer, checked.

    Args:
        layer: The layer, after `super().__init__`.
        weights: Names such as "kernel", "recurrent", "bias".
        given: The constructor's arguments by name; those of other names are
            left alone.
    """
    for name, value in checked_weight_arguments(weights, given).items():
        setattr(layer, name, value)


def checked_weight_arguments(
    weights: Sequence[str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """What is given of each weight, as the objects that it stands for."""
    return {
        name: CHECKS[kind](name, given[name])
        for name, kind in _names(weights)
        if name in given
    }


def weight_config(layer: keras.layers.Layer, weights: Sequence[str]) -> dict[str, Any]:
    """What `set_weight_arguments` has set, for `get_config`."""
    return {
        name: getattr(keras, f"{kind}s").serialize(getattr(layer, name))
        for name, kind in _names(weights)
        if hasattr(layer, name)
    }


def weight_kwargs(
    layer: keras.layers.Layer, weight: str, blocks: int = 1
) -> dict[str, Any]:
    """What `set_weight_arguments` has set for one weight, as arguments of `add_weight`.

    Args:
        layer: The layer.
        weight: The weight's name.
        blocks: How many blocks of columns are drawn each by itself.
    """
    found = {
        kind: getattr(layer, name)
        for name, kind in _names([weight])
        if hasattr(layer, name)
    }
    orthogonal = isinstance(found.get("initializer"), keras.initializers.Orthogonal)
    # Not every backend orthogonalizes in half precision, `per_block` does.
    if blocks > 1 or orthogonal:
        found["initializer"] = per_block(found["initializer"], blocks)
    return found


def _names(weights: Sequence[str]) -> Iterator[tuple[str, str]]:
    for weight in weights:
        for kind in CHECKS:
            yield f"{weight}_{kind}", kind
