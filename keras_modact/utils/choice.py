"""Which layers of a model are meant, by class, name or function."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import keras

from keras_modact.utils.cloning import leaves
from keras_modact.utils.layers import inside, is_graph, is_one_of


class Change(NamedTuple):
    """What is done to the layers that are chosen."""

    done: str
    """The word for it, such as "modulated"."""
    default: tuple[type, ...]
    """The classes that are meant where nothing is said."""
    kinds: str
    """What an error calls those."""
    possible: tuple[type, ...]
    """All classes that can be meant."""
    own: tuple[type, ...]
    """The classes that come in their place, in which nothing is looked for."""
    by_hand: str
    """What to do about a layer that cannot be reached."""


def chosen_layers(model: Any, layers: Any, change: Change) -> list[keras.layers.Layer]:
    """The layers of a model that the argument `layers` of a function means.

    Args:
        model: What was given as a `keras.Sequential` or functional model.
        layers: A class, a name, a list of both, or a function of a layer; None for
            the default.
        change: What is to be done to them.
    """
    if not is_graph(model):
        raise ValueError(
            "`model` must be a keras.Sequential or a functional model, received "
            f"{type(model).__name__}. In a model of your own class, {change.by_hand} "
            "where the layers are made."
        )
    found: list[keras.layers.Layer] = []
    names: dict[int, set[str]] = {}
    for leaf, around in leaves(model):
        if not is_one_of(leaf, found):
            found.append(leaf)
        names.setdefault(id(leaf), {leaf.name}).update(around)
    wanted = change.default if layers is None else layers
    if not isinstance(wanted, (list, tuple)):
        wanted = [wanted]
    tests = [_test(item, set().union(*names.values())) for item in wanted]
    chosen = [
        layer
        for layer in found
        if any(test(layer, names[id(layer)]) for test in tests)
        and not (layers is None and isinstance(layer, change.own))
    ]
    _warn_of_unreachable(found, chosen, wanted, change)
    if not chosen:
        changed = ""
        if layers is None and any(isinstance(layer, change.own) for layer in found):
            changed = ", of which this model has none but those changed before"
        possible = [n.name for n in found if isinstance(n, change.possible)]
        raise ValueError(
            f"No layer of the model is meant by layers={layers!r}, where None stands "
            f"for {change.kinds}{changed}. Choose from "
            f"{', '.join(possible) or 'a model with such layers in reach'}."
        )
    return chosen


def _warn_of_unreachable(
    found: Sequence[keras.layers.Layer],
    chosen: Sequence[Any],
    wanted: Sequence[Any],
    change: Change,
) -> None:
    """Warns of layers of the wanted classes and names that are inside others."""
    classes = tuple(item for item in wanted if isinstance(item, type))
    hidden = []
    for outer in found:
        if isinstance(outer, change.own) or is_one_of(outer, chosen):
            continue
        hidden += [
            f"'{inner.name}' in {type(outer).__name__} '{outer.name}'"
            for inner in inside(outer)
            if isinstance(inner, classes) or inner.name in wanted
        ]
    if hidden:
        warnings.warn(
            f"Not {change.done}, since they are inside other layers: "
            f"{', '.join(hidden)}. There {change.by_hand} where they are made, or "
            "choose layers that leave them out.",
            stacklevel=4,
        )


def _test(
    item: Any, names: Collection[str]
) -> Callable[[keras.layers.Layer, Collection[str]], bool]:
    """Whether a layer is meant by one item of the argument `layers`.

    Args:
        item: A class, a name or a function of a layer.
        names: Those of all layers, and of the wrappers around them.

    Returns:
        A function of a layer, and of its name and those of its wrappers.
    """
    if isinstance(item, str):
        if item not in names:
            near = difflib.get_close_matches(item, names) or sorted(names)
            raise ValueError(
                f"The model has no layer named {item!r}. Did you mean one of "
                f"{', '.join(near)}?"
            )
        return lambda layer, names: item in names
    if isinstance(item, keras.layers.Layer):
        raise ValueError(
            "`layers` says which layers by class, name or function, received the "
            f"layer {item.name!r}. Pass its name."
        )
    if isinstance(item, type):
        return lambda layer, names: isinstance(layer, item)
    if callable(item):
        return lambda layer, names: item(layer)
    raise ValueError(
        "`layers` must be a class of layers, a name, a list of both or a function "
        f"of a layer, received layers={item!r}. Pass for example "
        "layers=keras.layers.Conv2D."
    )
