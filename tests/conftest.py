"""Settings of the whole suite."""

from __future__ import annotations

import gc
import itertools
import os
import warnings
from collections.abc import Iterator

import keras
import pytest
from hypothesis import settings

TESTS = itertools.count(1)

settings.register_profile("suite", deadline=None, max_examples=15, derandomize=True)
settings.load_profile("suite")


def pytest_configure() -> None:
    wanted = os.environ.get("KERAS_BACKEND")
    if wanted is None or wanted != keras.backend.backend():
        raise pytest.UsageError(
            f"KERAS_BACKEND is {wanted!r} and Keras runs on "
            f"{keras.backend.backend()!r}. Set KERAS_BACKEND to tensorflow, jax "
            "or torch, so that it is plain what is tested."
        )


def float64_runs() -> bool:
    """Whether the backend computes in float64 in this process."""
    with warnings.catch_warnings():
        # JAX warns that it gives float32 in place of float64.
        warnings.simplefilter("ignore", UserWarning)
        ones = keras.ops.ones((1,), dtype="float64")
    return bool(keras.backend.standardize_dtype(ones.dtype) == "float64")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if float64_runs():
        return
    skip = pytest.mark.skip(reason="JAX computes in float64 with JAX_ENABLE_X64=1")
    for item in items:
        if item.get_closest_marker("float64"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(1)


@pytest.fixture(autouse=True)
def _few_programs_are_kept() -> Iterator[None]:
    """Lets JAX' compiled programs go every hundred tests.

    It keeps each in memory maps of its own, of which Linux gives a process
    65,530; the suite compiles more, and the next program is a segmentation fault.
    """
    yield
    if keras.backend.backend() == "jax" and next(TESTS) % 100 == 0:
        import jax

        jax.clear_caches()
        gc.collect()
