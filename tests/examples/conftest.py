"""What the tests of several examples use.

The scripts are written for any backend, and what they make of results is the same on
each: torch runs every test. The others run what trains in another way than by `fit`
alone, and one script that does not.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import keras
import pytest
from matplotlib.figure import Figure

HERE = Path(__file__).parent


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if keras.backend.backend() == "torch":
        return

    def is_left_out(item: pytest.Item) -> bool:
        is_marked = item.get_closest_marker("every_backend") is not None
        return HERE in item.path.parents and not is_marked

    config.hook.pytest_deselected(items=[i for i in items if is_left_out(i)])
    items[:] = [item for item in items if not is_left_out(item)]


@pytest.fixture
def tiny() -> list[str]:
    """Options that make any example's run take seconds."""
    options = "--units 4 --layers 2 --epochs 2 --samples 12 --test-samples 6"
    return f"{options} --batch-size 6 --seeds 0 --verbose 0".split()


@pytest.fixture
def figures_of(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[ModuleType], list[Figure]]:
    """A function that gives a list of the figures which a module makes from then on."""

    def watch(module: ModuleType) -> list[Figure]:
        made = []

        def remembered(**arguments: object) -> Figure:
            made.append(Figure(**arguments))
            return made[-1]

        monkeypatch.setattr(module, "Figure", remembered)
        return made

    return watch
