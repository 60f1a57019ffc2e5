"""All code of README, site and docstrings runs; the docstrings are whole."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

import keras_modact
from tests.layer_table import public_classes

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [README, *sorted((ROOT / "docs").rglob("*.md"))]
}
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
    """Every class, method and function that a module of the package defines."""
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
                for method, function in vars(item).items():
                    if inspect.isclass(item) and not method.startswith("_"):
                        yield f"{info.name}.{name}.{method}", function


EXAMPLES = {
    name: CODE.findall(inspect.getdoc(item) or "") for name, item in documented()
}
EXAMPLES = {name: blocks for name, blocks in EXAMPLES.items() if blocks}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Files that an example writes lie in a folder of its own; pictures are closed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def run(name: str, block: str, scope: dict[str, Any]) -> None:
    if "plotting" in block:
        pytest.importorskip("matplotlib")
    exec(compile(block, name, "exec"), scope)


@pytest.mark.parametrize("name", EXAMPLES)
def test_docstring_example(name: str) -> None:
    for block in EXAMPLES[name]:
        run(name, block, {"__name__": name})


BLOCKS = {
    name: CODE.findall(path.read_text(encoding="utf-8")) for name, path in PAGES.items()
}
BLOCKS = {name: blocks for name, blocks in BLOCKS.items() if blocks}


@pytest.mark.parametrize("name", BLOCKS)
def test_page(name: str) -> None:
    """A page's blocks run one after the other, as a reader would run them."""
    scope: dict[str, Any] = {"__name__": name}
    for block in BLOCKS[name]:
        # The notebook trains for a minute or two.
        block = re.sub(r"^epochs = \d+$", "epochs = 1", block, flags=re.MULTILINE)
        run(name, re.sub("= 30, 5000$", "= 30, 200", block, flags=re.MULTILINE), scope)


def test_no_code_is_left_out() -> None:
    """Code that is fenced in another way would not run."""
    for name, path in PAGES.items():
        text = path.read_text(encoding="utf-8")
        fences = re.findall(r"^ *[`~]{3,}\W*py.*$", text, re.MULTILINE)
        assert len(fences) == len(BLOCKS.get(name, [])), name
    for name in ("README.md", "docs/quickstart.md", "docs/guides/cell.md"):
        assert name in BLOCKS


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_docstring_is_whole(cls: type) -> None:
    text = inspect.getdoc(cls) or ""
    places = [text.find(f"\n{section}\n") for section in SECTIONS]
    assert min(places) > 0, dict(zip(SECTIONS, places, strict=True))
    assert places == sorted(places)
    arguments = text[places[0] : places[1]]
    for name, parameter in inspect.signature(cls).parameters.items():
        entry = re.search(
            rf"^    \**{name}: .*\n(?:     .*\n)*", arguments, re.MULTILINE
        )
        assert entry, name
        # Registered names, with a ">", are documented by their class.
        default = parameter.default
        if isinstance(default, str) and default and ">" not in default:
            assert f'"{default}"' in entry[0], name


def test_readme_names_every_public_class() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [c.__name__ for c in public_classes() if f"`{c.__name__}`" not in text]
    assert not missing


def test_readme_leads_somewhere() -> None:
    """The files and pictures that it names are there; the site checks its own."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README.read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_reference_has_every_public_name() -> None:
    """Each public class and function is on a page of the API reference."""
    text = "".join(p.read_text("utf-8") for p in (ROOT / "docs" / "api").glob("*.md"))
    named = set(re.findall(r"^::: keras_modact\.(\w+)$", text, re.MULTILINE))
    public = {
        name for name in keras_modact.__all__ if callable(getattr(keras_modact, name))
    }
    assert named == public
