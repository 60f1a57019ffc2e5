"""Fixed points and basins of a layer's units, against its map iterated in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import keras_modact
from keras_modact.bistability import unit_dynamics
from tests.bistability import oracle
from tests.gradients import as_float64

STARTS = np.linspace(-1, 1, 42)


def layer_and_input(cls: type, **options: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    layer = cls(4, **options)
    layer.build((None, None, 2))
    random = np.random.default_rng(0)
    kernel, recurrent, *bias = (random.normal(size=w.shape) for w in layer.weights)
    # Two units with much feedback.
    bias[0][:4] = [1.0, -1.0, 1.2, -0.5]
    layer.set_weights([0.3 * kernel, 0.3 * recurrent, *bias])
    return layer, random.normal(size=2), random.uniform(-1, 1, 4)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (keras_modact.BRC, {}),
        (keras_modact.NBRC, {}),
        (keras_modact.NBRC, {"use_candidate_bias": True}),
    ],
)
def test_units_settle_in_the_stable_points(cls: type, options: dict) -> None:
    layer, x, state = layer_and_input(cls, **options)
    weights = [as_float64(w) for w in layer.weights]
    found = unit_dynamics(layer, x, state)
    counts = []
    for unit, (points, basins) in enumerate(zip(*found, strict=True)):
        h = np.tile(state, (len(STARTS), 1))
        h[:, unit] = STARTS
        for _ in range(3000):
            h[:, unit] = oracle.step(x, [h], weights)[0][:, unit]
        stable = points.points[points.stable]
        expected = np.full(len(STARTS), np.nan)
        for point, (low, high) in zip(stable, basins, strict=True):
            expected[(low <= STARTS) & (high >= STARTS)] = point
        np.testing.assert_allclose(h[:, unit], expected, atol=1e-7)
        # The slopes, too.
        near = np.tile(state, (2, 1))
        for point, slope in zip(points.points, points.slopes, strict=True):
            near[:, unit] = point - 1e-6, point + 1e-6
            after = oracle.step(x, [near], weights)[0][:, unit]
            assert (after[1] - after[0]) / 2e-6 == pytest.approx(slope, rel=1e-4)
        counts.append(len(points.points))
    assert set(counts) == {1, 3}


def test_map_that_falls_has_no_intervals() -> None:
    layer, x, _ = layer_and_input(keras_modact.BRC)
    kernel, recurrent, bias = layer.get_weights()
    recurrent[0], bias[0] = -20.0, 3.0
    layer.set_weights([kernel, recurrent, bias])
    found = unit_dynamics(layer, x)
    assert np.isnan(found.basins[0]).all()
    assert not any(np.isnan(basins).any() for basins in found.basins[1:])


def test_shapes_are_refused() -> None:
    layer, x, state = layer_and_input(keras_modact.BRC)
    for arguments, message in (
        ((x[:1],), r"`inputs` must have the shape \(2,\)"),
        ((x, state[None]), r"`state` must have the shape \(4,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            unit_dynamics(layer, *arguments)
