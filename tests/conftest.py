"""Settings of the whole suite."""

from __future__ import annotations

import os
import warnings

import keras
import pytest
from hypothesis import settings

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
