"""GORU against its paper's equations, and its rotation against a dense matrix."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests import oracle as shared
from tests.baselines import oracle
from tests.gradients import as_float64
from tests.recurrent_oracle import check_in_float64


def built(units: int, features: int = 3, **arguments: Any) -> Any:
    """A layer with random weights."""
    layer = keras_modact.GORU(units, return_sequences=True, **arguments)
    layer.build((None, None, features))
    random = np.random.default_rng(0)
    for weight in layer.weights:
        scale = 2.0 if "rotation" in weight.path else 0.5
        weight.assign(random.normal(0, scale, weight.shape))
    return layer


@pytest.mark.float64
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_outputs_states_and_gradients_in_float64(
    use_bias: bool, go_backwards: bool
) -> None:
    """By weights, inputs and initial states, with masked steps in between."""
    layer = built(
        4,
        use_bias=use_bias,
        dtype="float64",
        go_backwards=go_backwards,
        return_state=True,
    )
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 4, 3))
    h = random.normal(size=(3, 4))
    mask = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        x, h, *weights = arrays
        outputs, last = shared.run(
            lambda x, states: oracle.goru_step(x, states, weights),
            x,
            [h],
            mask,
            go_backwards,
        )
        return [outputs, *last]

    weights = [as_float64(w) for w in layer.weights]
    check_in_float64(layer, x, [h], weights, run, mask)


@pytest.mark.float64
@pytest.mark.parametrize("units", [2, 8, 64])
def test_rotation_is_the_product_of_plane_rotations(units: int) -> None:
    cell = built(units, dtype="float64").cell
    h = np.random.default_rng(1).normal(size=(5, units))
    got = as_float64(cell.rotate(keras.ops.convert_to_tensor(h, "float64")))
    want = h @ oracle.rotation(as_float64(cell.rotation))
    np.testing.assert_allclose(got, want, atol=1e-13)


@pytest.mark.parametrize(
    ("dtype", "digits"), [("float32", 1e-6), ("mixed_bfloat16", 0.02)]
)
def test_rotation_keeps_every_length(dtype: str, digits: float) -> None:
    """Whatever the angles; in half precision their sines are not those of 300."""
    cell = built(128, dtype=dtype).cell
    cell.rotation.assign(300 + as_float64(cell.rotation))
    h = np.random.default_rng(1).normal(size=(7, 128))
    h = keras.ops.convert_to_tensor(h, cell.compute_dtype)
    lengths = np.linalg.norm(as_float64(h), axis=-1)
    rotated = cell.rotate(h)
    assert keras.backend.standardize_dtype(rotated.dtype) == cell.compute_dtype
    got = np.linalg.norm(as_float64(rotated), axis=-1)
    np.testing.assert_allclose(got, lengths, rtol=digits)
    want = as_float64(h) @ oracle.rotation(as_float64(cell.rotation))
    np.testing.assert_allclose(as_float64(rotated), want, atol=20 * digits)


@pytest.mark.parametrize("units", [1, 3, 12, 100])
@pytest.mark.parametrize("cls", [keras_modact.GORU, keras_modact.GORUCell])
def test_units_must_be_a_power_of_two(cls: type, units: int) -> None:
    with pytest.raises(ValueError, match=rf"power of two.*units={units}\.") as caught:
        cls(units)
    example = {1: "units=2 or units=4", 3: "2 or units=4", 12: "8 or units=16"}
    assert example.get(units, "64 or units=128") in str(caught.value)


def test_count_of_the_papers_network() -> None:
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            keras_modact.GORU(128, return_sequences=True),
            keras_modact.GORU(128),
            keras.layers.Dense(1),
        ]
    )
    assert model.count_params() == 116_865


def test_initial_weights() -> None:
    layer = keras_modact.GORU(64)
    layer.build((None, None, 8))
    for name, limit in (
        ("kernel", 0.01),
        ("recurrent_kernel", 0.01),
        ("rotation", np.pi),
    ):
        weight = as_float64(getattr(layer.cell, name))
        assert 0.95 * limit < weight.max() <= limit * (1 + 1e-6), name
        assert -limit * (1 + 1e-6) <= weight.min() < -0.95 * limit, name
    bias = np.split(as_float64(layer.cell.bias), 3)
    for part, start in zip(bias, (0.01, 2.0, 0.0), strict=True):
        np.testing.assert_allclose(part, start, rtol=1e-6)
