"""Settings of the whole suite."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from hypothesis import Phase, settings

from tests.layer_table import Row, first_rows

TESTS = itertools.count(1)
MAPS = Path("/proc/self/maps")

settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    max_examples=8,
    # Of sampled shapes and seeds a smaller one tells no more, and takes minutes.
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("suite")


def pytest_configure() -> None:
    wanted = os.environ.get("KERAS_BACKEND")
    if wanted is None or wanted != keras.backend.backend():
        raise pytest.UsageError(
            f"KERAS_BACKEND is {wanted!r} and Keras runs on "
            f"{keras.backend.backend()!r}. Set KERAS_BACKEND to tensorflow, jax "
            "or torch, so that it is plain what is tested."
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--first-rows",
        action="store_true",
        help="run the tests over the table of layers for the first row of each class",
    )


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.getoption("--first-rows"):
        return
    first = [row.name for row in first_rows()]

    def is_left_out(item: pytest.Item) -> bool:
        row = getattr(item, "callspec", None) and item.callspec.params.get("row")
        return isinstance(row, Row) and row.name not in first

    config.hook.pytest_deselected(items=[i for i in items if is_left_out(i)])
    items[:] = [item for item in items if not is_left_out(item)]


@pytest.fixture(autouse=True)
def _float64(request: pytest.FixtureRequest) -> Iterator[None]:
    """JAX computes in float64 only where it is told to."""
    wanted = request.node.get_closest_marker("float64") is not None
    if not wanted or keras.backend.backend() != "jax":
        yield
        return
    import jax

    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def _few_programs_are_kept() -> Iterator[None]:
    """Lets JAX' compiled programs go before they are too many.

    It keeps each in memory maps of its own, of which Linux gives a process
    65,530; the suite compiles more, and the next program is a segmentation fault.
    """
    yield
    is_due = keras.backend.backend() == "jax" and next(TESTS) % 10 == 0
    if is_due and MAPS.exists() and len(MAPS.read_bytes().splitlines()) > 30_000:
        import jax

        jax.clear_caches()
        gc.collect()
