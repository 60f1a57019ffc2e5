"""Warming up, against the published procedure in NumPy float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.bistability import settled_states, vaa, vaa_star, warm_up
from tests.bistability import oracle
from tests.gradients import as_float64, differentiate

RANDOM = np.random.default_rng(0)
# Two states that are one, two that are nearly, and others near enough for a slope.
STATES = RANDOM.normal(scale=1e-3, size=(6, 3)).astype("float32")
STATES[1] = STATES[0]
STATES[3] = STATES[2] + np.float32(2e-5)


def central_differences(of: Callable[[np.ndarray], float], at: np.ndarray) -> Any:
    gradient = np.empty_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = 1e-7
        gradient[place] = (of(at + step) - of(at - step)) / 2e-7
    return gradient


def test_variability_among_attractors() -> None:
    assert as_float64(vaa(STATES)) == pytest.approx(oracle.vaa(STATES), rel=1e-6)
    assert oracle.vaa(STATES) == pytest.approx(4 / 6)
    exact = STATES.astype("float64")
    layer = keras.layers.Lambda(vaa_star, output_shape=())
    layer.build(STATES.shape)
    found = differentiate(layer, [STATES], [np.ones(())])
    assert found.outputs[0] == pytest.approx(oracle.vaa_star(exact), rel=1e-4)
    expected = central_differences(oracle.vaa_star, exact)
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(found.inputs[0], expected, rtol=1e-3, atol=1e-3)


def masked_layer(**options: Any) -> tuple[Any, np.ndarray, np.ndarray, list]:
    layer = keras_modact.NBRC(4, go_backwards=True, dropout=0.5, **options)
    layer.build((None, None, 2))
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 1, 0, 1], [1, 0, 0, 0, 0]], bool)
    x = random.normal(size=(3, 5, 2)).astype("float32")
    return layer, x, mask, [as_float64(w) for w in layer.weights]


def states_after(
    x: np.ndarray, mask: np.ndarray, hold: int, weights: list, random: Any
) -> np.ndarray:
    """A random beginning of each sequence, read backwards, and an input that stays."""
    held = random.standard_normal(2).astype("float32")
    valid = [row[kept][::-1] for row, kept in zip(x, mask, strict=True)]
    cuts = [int(random.integers(1, len(row) + 1)) for row in valid]
    return np.stack(
        [
            oracle.run(
                np.concatenate([row[:cut], np.tile(held, (hold, 1))])[None],
                np.zeros((1, 4)),
                weights,
            )[0, -1]
            for row, cut in zip(valid, cuts, strict=True)
        ]
    )


def test_states_that_a_layer_settles_in() -> None:
    layer, x, mask, weights = masked_layer()
    states = settled_states(layer, x, mask, steps=7, seed=3)
    expected = states_after(x, mask, 7, weights, np.random.default_rng(3))
    np.testing.assert_allclose(states, expected, atol=1e-6)


def test_one_step_follows_the_gradient() -> None:
    """Of half of the units, by the gradient of the states of NumPy's layer."""
    layer, x, mask, weights = masked_layer(bias_regularizer="l2")

    def loss(number: int, value: np.ndarray) -> float:
        changed = [*weights[:number], value, *weights[number + 1 :]]
        random = np.random.default_rng(5)
        order = random.permutation(3)
        random.integers(1, 2)
        states = states_after(x[order], mask[order], 1, changed, random)
        # Half of the units count.
        return (oracle.vaa_star(states[:, :2]) - 0.3) ** 2

    course = warm_up(
        layer,
        x,
        mask=mask,
        fraction=0.5,
        steps=1,
        target=0.3,
        learning_rate=1e-3,
        seed=5,
    )
    assert course[layer.name].shape == (1,)
    assert loss(0, weights[0]) == pytest.approx(
        (course[layer.name][0] - 0.3) ** 2, 1e-3
    )
    warmed = np.arange(4) < 2
    for number, before in enumerate(weights):
        gradient = central_differences(lambda v, n=number: loss(n, v), before)
        moved = as_float64(layer.weights[number]) - before
        chosen = np.broadcast_to(np.tile(warmed, before.shape[-1] // 4), before.shape)
        # Adam's 1e-7 stands beside a second moment of 0.001 gradient^2.
        expected = -1e-3 * gradient / (np.abs(gradient) + 1e-7 / np.sqrt(1e-3))
        np.testing.assert_allclose(
            moved[chosen], expected[chosen], rtol=0.02, atol=1e-6
        )
        np.testing.assert_array_equal(moved[~chosen], 0)


def test_layers_of_a_model_reach_more_attractors() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((6, 1)),
            keras.layers.Masking(9.0),
            keras.layers.GRU(8, return_sequences=True, name="gru"),
            keras.layers.Bidirectional(keras.layers.LSTM(4, name="lstm")),
            keras.layers.Dense(1),
        ]
    )
    x = RANDOM.normal(size=(16, 6, 1)).astype("float32")
    x[0, 3:] = 9.0
    gru, lstm = model.layers[1], model.layers[2].forward_layer
    before = [weight.copy() for weight in model.get_weights()]
    assert vaa(settled_states(gru, x[1:], steps=500, seed=0)) < 0.1
    options = {"longest_hold": 60, "learning_rate": 0.05, "seed": 0}
    course = warm_up(model, x, layers=["gru"], steps=40, **options)
    assert {name: len(values) for name, values in course.items()} == {"gru": 40}
    assert vaa(settled_states(gru, x[1:], steps=500, seed=0)) > 0.3
    course = warm_up(model, x, layers=[lstm.name], steps=2, **options)
    assert list(course) == [lstm.name]
    changed = [
        bool((old != new).any())
        for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert changed == [True] * 6 + [False] * 5


def test_both_states_of_an_lstm() -> None:
    layer = built(keras.layers.LSTM(3))
    states = settled_states(layer, X[:, :1] + 0.5, steps=4, seed=2)
    held = np.random.default_rng(2).standard_normal(1)
    x = np.full((4, 5, 1), held)
    x[:, 0] = 0.5
    full = keras.layers.LSTM(3, return_state=True)
    full.build(x.shape)
    full.set_weights(layer.get_weights())
    _, h, c = full(x.astype("float32"))
    expected = np.concatenate([as_float64(h), as_float64(c)], axis=-1)
    np.testing.assert_allclose(states, expected, atol=1e-6)


def built(layer: Any, features: int = 1) -> Any:
    layer.build((None, None, features))
    return layer


X = np.zeros((4, 5, 1), "float32")
FROZEN = keras.Sequential([keras.Input((5, 1)), keras.layers.GRU(2, trainable=False)])


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (keras_modact.NBRC(2), {}, "must be a built recurrent layer"),
        (keras.layers.Dense(2), {}, r"has the recurrent layers \[\]"),
        (FROZEN, {}, r"has the recurrent layers \[\]"),
        (built(keras.layers.GRU(2), 3), {}, "features that it was built for"),
        (built(keras.layers.GRU(2)), {"sequences": X[:1]}, "two at least"),
        (built(keras.layers.GRU(2)), {"batch_size": 1}, "two at least"),
        (built(keras.layers.GRU(2)), {"sequences": X[:, :0]}, "none of them 0"),
        (built(keras.layers.GRU(2)), {"mask": np.ones((4, 4))}, r"`mask` must have"),
        (built(keras.layers.GRU(2)), {"fraction": 0.2}, "rounds to none"),
        (built(keras_modact.LMU(2, 3, 5.0)), {"fraction": 0.5}, "as large as their"),
        (built(keras.layers.GRU(2)), {"steps": 1.5}, "`steps` must be a positive"),
    ],
)
def test_what_cannot_be_warmed_up(model: Any, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        warm_up(model, **{"sequences": X, **options})


def test_weights_stay_where_it_fails() -> None:
    layer = built(keras_modact.NBRC(2))
    before = [as_float64(weight) for weight in layer.weights]
    with pytest.raises(ValueError, match="not finite, at learning_rate"):
        warm_up(layer, np.full((4, 2, 1), np.nan), steps=1, longest_hold=1)
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(as_float64(weight), old)
