"""What `typings` tells mypy of Keras' base classes is there in Keras."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.layer_table import RECURRENT_CLASSES, Row, row_id

TYPINGS = Path(__file__).parent.parent / "typings" / "keras"
MADE: dict[str, Callable[[], Any]] = {
    "Layer": lambda: keras.layers.Layer(),
    "Wrapper": lambda: keras.layers.Wrapper(keras.layers.Flatten()),
    "RNN": lambda: keras.layers.RNN(keras.layers.SimpleRNNCell(1)),
    "Conv2D": lambda: keras.layers.Conv2D(1, 1),
    "Initializer": lambda: keras.initializers.Initializer(),
}
DECLARED = {
    item.name: item
    for module in TYPINGS.glob("*/__init__.pyi")
    for item in ast.parse(module.read_text(encoding="utf-8")).body
    if isinstance(item, ast.ClassDef)
}


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_keras_has_what_is_declared(name: str) -> None:
    made = MADE[name]()
    if name == "Conv2D":
        made.build((None, 2, 2, 1))  # makes `bias`
    cls = type(made)
    bases = {b.id for b in DECLARED[name].bases if isinstance(b, ast.Name)}
    assert bases <= {base.__name__ for base in cls.__mro__}
    for item in DECLARED[name].body:
        if isinstance(item, ast.AnnAssign):
            attribute = ast.unparse(item.target)
            assert hasattr(made, attribute), attribute
        elif isinstance(item, ast.FunctionDef):
            real = inspect.getattr_static(cls, item.name)
            is_property = "property" in map(ast.unparse, item.decorator_list)
            assert isinstance(real, property) == is_property, item.name
            if not is_property:
                taken = inspect.signature(getattr(cls, item.name)).parameters.keys()
                told = {a.arg for a in (*item.args.args, *item.args.kwonlyargs)}
                assert told - {"self", "cls"} <= taken, item.name


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_a_recurrent_layer_tells_editors_what_it_takes(row: Row) -> None:
    """Its constructor is written for them alone, beside the cell's that runs."""
    (constructor,) = (
        item
        for item in ast.walk(ast.parse(inspect.getsource(row.cls)))
        if isinstance(item, ast.FunctionDef) and item.name == "__init__"
    )
    stated = constructor.args
    own = [a.arg for a in (*stated.args, *stated.kwonlyargs)]
    others = ast.unparse(stated.kwarg.annotation)  # Unpack[...]
    shared = getattr(sys.modules[row.cls.__module__], others[len("Unpack[") : -1])
    taken = inspect.signature(row.cls).parameters
    told = {*own, *shared.__annotations__}
    assert told - {"self", "name", "dtype", "trainable"} == taken.keys() - {"kwargs"}
    required = len(stated.args) - len(stated.defaults)
    defaults = [*stated.defaults, *stated.kw_defaults]
    for name in own[1:required]:
        assert taken[name].default is inspect.Parameter.empty, name
    for name, default in zip(own[required:], defaults, strict=True):
        assert default is not None
        assert taken[name].default == ast.literal_eval(default), name
