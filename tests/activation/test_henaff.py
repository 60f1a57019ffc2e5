"""The initializer of block rotations."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.gradients import as_float64


def exponential_of_skew(angles: np.ndarray, size: int) -> np.ndarray:
    """expm of the block-diagonal skew matrix, by its power series."""
    skew = np.zeros((size, size))
    for pair, angle in enumerate(angles):
        skew[2 * pair + 1, 2 * pair], skew[2 * pair, 2 * pair + 1] = angle, -angle
    total, term = np.eye(size), np.eye(size)
    for order in range(1, 60):
        term = term @ skew / order
        total = total + term
    return total


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9])
def test_is_the_exponential_of_a_skew_matrix(size: int) -> None:
    matrix = as_float64(keras_modact.Henaff(seed=3)((size, size)))
    pairs = [2 * pair for pair in range(size // 2)]
    angles = np.array([np.arctan2(matrix[i + 1, i], matrix[i, i]) for i in pairs])
    np.testing.assert_allclose(matrix, exponential_of_skew(angles, size), atol=1e-6)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(size), atol=1e-6)
    if size % 2:
        assert matrix[-1, -1] == 1


def test_angles_fill_a_half_turn() -> None:
    matrix = as_float64(keras_modact.Henaff(seed=0)((2000, 2000)))
    even = np.arange(0, 2000, 2)
    angles = np.arctan2(matrix[even + 1, even], matrix[even, even])
    assert -np.pi <= angles.min() < -0.99 * np.pi
    assert -0.01 * np.pi < angles.max() <= 0
    assert angles.mean() == pytest.approx(-np.pi / 2, abs=0.1)
    assert angles.std() == pytest.approx(np.pi / np.sqrt(12), abs=0.05)


def test_seed() -> None:
    def draw(seed: Any) -> np.ndarray:
        return as_float64(keras_modact.Henaff(seed)((6, 6)))

    np.testing.assert_array_equal(draw(4), draw(4))
    assert (draw(4) != draw(5)).any()
    assert (draw(None) != draw(None)).any()
    generator = keras.random.SeedGenerator(4)
    assert (draw(generator) != draw(generator)).any()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_dtype(dtype: str) -> None:
    value = keras_modact.Henaff(1)((5, 5), dtype=dtype)
    assert keras.backend.standardize_dtype(value.dtype) == dtype
    np.testing.assert_allclose(
        as_float64(value), as_float64(keras_modact.Henaff(1)((5, 5))), atol=4e-3
    )


@pytest.mark.float64
def test_float64() -> None:
    matrix = as_float64(keras_modact.Henaff(1)((6, 6), dtype="float64"))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(6), atol=1e-14)


def test_config_and_registered_name() -> None:
    initializer = keras_modact.Henaff(seed=7)
    again = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    np.testing.assert_array_equal(
        as_float64(again((4, 4))), as_float64(initializer((4, 4)))
    )
    by_name = keras.initializers.get("keras_modact>Henaff")
    assert isinstance(by_name, keras_modact.Henaff)


@pytest.mark.parametrize("shape", [(3, 4), (3,), (3, 3, 3)])
def test_square_matrices_only(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"square matrices, received the shape \(3"):
        keras_modact.Henaff()(shape)
