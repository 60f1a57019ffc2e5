"""The README's code and the docstrings' examples run; the docstrings are whole."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import keras_modact
from tests.layer_table import public_classes

README = Path(__file__).parent.parent / "README.md"
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
OTHER_BACKENDS = {"jax", "tensorflow", "torch"} - {keras.backend.backend()}
SECTIONS = (
    "Args:",
    "Call arguments:",
    "Input shape:",
    "Output shape:",
    "Raises:",
    "Example:",
    "Reference:",
)


def documented() -> Iterator[tuple[str, Any]]:
    """Every class and function that a module of the package defines."""
    for info in pkgutil.walk_packages(keras_modact.__path__, "keras_modact."):
        try:
            module = importlib.import_module(info.name)
        except ModuleNotFoundError as missing:
            # An acceleration's module is for one backend, which may be alone here.
            if missing.name not in OTHER_BACKENDS:
                raise
            continue
        for name, item in vars(module).items():
            defined_here = getattr(item, "__module__", None) == info.name
            if defined_here and inspect.getdoc(item) and not name.startswith("_"):
                yield f"{info.name}.{name}", item


EXAMPLES = {
    name: CODE.findall(inspect.getdoc(item) or "") for name, item in documented()
}
EXAMPLES = {name: blocks for name, blocks in EXAMPLES.items() if blocks}


@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring_example(name: str) -> None:
    for block in EXAMPLES[name]:
        exec(compile(block, name, "exec"), {"__name__": name})


def test_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's blocks run one after the other, as a reader would run them."""
    monkeypatch.chdir(tmp_path)
    blocks = CODE.findall(README.read_text(encoding="utf-8"))
    assert len(blocks) >= 3
    scope: dict[str, Any] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_docstring_is_whole(cls: type) -> None:
    text = inspect.getdoc(cls) or ""
    places = [text.find(f"\n{section}\n") for section in SECTIONS]
    assert min(places) > 0, dict(zip(SECTIONS, places, strict=True))
    assert places == sorted(places)
    arguments = text[places[0] : places[1]]
    for name in inspect.signature(cls).parameters:
        assert re.search(rf"^    \**{name}: ", arguments, re.MULTILINE), name


def test_readme_names_every_public_class() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [c.__name__ for c in public_classes() if f"`{c.__name__}`" not in text]
    assert not missing
