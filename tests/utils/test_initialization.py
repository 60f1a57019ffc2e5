"""Initial values drawn block by block."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from keras_modact.utils.initialization import per_block
from tests.gradients import as_float64


def blocks(initializer: Any, shape: tuple[int, ...], gates: int = 3) -> list:
    return np.split(as_float64(per_block(initializer, gates)(shape)), gates, axis=-1)


@pytest.mark.parametrize("seed", [None, 11])
def test_blocks_differ(seed: int | None) -> None:
    first, second, third = blocks(keras.initializers.RandomNormal(seed=seed), (5, 12))
    for a, b in ((first, second), (second, third), (first, third)):
        assert np.abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.7
        assert np.abs(a - b).max() > 1e-3


def test_integer_seed_gives_the_same_values_again() -> None:
    first = blocks(keras.initializers.GlorotUniform(seed=4), (5, 12))
    again = blocks(keras.initializers.GlorotUniform(seed=4), (5, 12))
    np.testing.assert_array_equal(first, again)
    alone = keras.initializers.GlorotUniform(seed=4)((5, 4))
    np.testing.assert_array_equal(first[0], as_float64(alone))


def test_seed_generator_goes_on() -> None:
    generator = keras.random.SeedGenerator(4)
    first, second, _ = blocks(keras.initializers.RandomNormal(seed=generator), (5, 12))
    assert np.abs(first - second).max() > 1e-3


def test_fan_is_that_of_a_gate() -> None:
    limit = np.sqrt(6 / (50 + 40))
    for block in blocks(keras.initializers.GlorotUniform(), (50, 120)):
        assert 0.95 * limit < np.abs(block).max() <= limit


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_orthogonal_in_every_dtype(dtype: str) -> None:
    value = per_block(keras.initializers.Orthogonal(), 2)((4, 8), dtype=dtype)
    assert keras.backend.standardize_dtype(value.dtype) == dtype
    for block in np.split(as_float64(value), 2, axis=-1):
        np.testing.assert_allclose(block @ block.T, np.eye(4), atol=3e-2)


def test_any_callable() -> None:
    def ramp(shape: tuple[int, ...], dtype: Any = None) -> Any:
        return keras.ops.reshape(keras.ops.arange(np.prod(shape)), shape)

    for block in blocks(ramp, (2, 6)):
        np.testing.assert_array_equal(block, [[0, 1], [2, 3]])
