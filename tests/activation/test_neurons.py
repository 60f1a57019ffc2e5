"""Gain and saturation of a model's neurons, against the equations in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.activation import gains_and_saturations
from tests import oracle
from tests.activation.oracle import arun_step, gamma_step
from tests.gradients import as_float64

MASK = np.array([[1, 1, 1, 1], [1, 0, 1, 0]], bool)


def test_every_kind_of_layer() -> None:
    random = np.random.default_rng(0)
    rnn = keras_modact.GammaRNN(4, "heterogeneous", return_sequences=True, name="rnn")
    arun = keras_modact.ARUN(3, supervisor_units=2, go_backwards=True, name="arun")
    model = keras.Sequential(
        [
            keras.Input((4, 2)),
            keras.layers.Masking(9.0),
            rnn,
            arun,
            keras_modact.Gamma(gain_initializer=2.5, name="scalar"),
        ]
    )
    rnn.set_weights([random.uniform(0.5, 1.5, w.shape) for w in rnn.weights])
    arun.set_weights([random.normal(size=w.shape) for w in arun.weights])
    x = random.normal(size=(2, 4, 2)).astype("float32")
    x[~MASK] = 9.0
    found = gains_and_saturations(model, x)
    assert list(found) == ["rnn", "arun", "scalar"]
    own = [as_float64(w) for w in rnn.weights]
    for array, weight in zip(found["rnn"], own[-2:], strict=True):
        np.testing.assert_array_equal(array, weight)
    assert [float(array) for array in found["scalar"]] == [2.5, 0.0]

    states = oracle.run(
        lambda x, states: gamma_step(x, states, own), x, [np.zeros((2, 4))], MASK
    )[0]
    weights = [as_float64(w) for w in arun.weights]
    *_, w_n, b_n, w_s, b_s = weights

    def step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        h, g = arun_step(x, states[1:], weights)
        pair = [(g @ w)[..., 0] + b for w, b in ((w_n, b_n), (w_s, b_s))]
        return [np.concatenate(pair, axis=-1), h, g]

    start = [np.zeros((2, 6)), np.zeros((2, 3)), np.zeros((2, 3, 2))]
    expected = oracle.run(step, states, start, MASK, go_backwards=True)[0]
    expected[~MASK[:, ::-1]] = np.nan
    np.testing.assert_allclose(
        np.concatenate(found["arun"], axis=-1), expected, rtol=1e-4, atol=1e-5
    )


def test_model_without_them() -> None:
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.GRU(2)])
    with pytest.raises(ValueError, match="has no Gamma, GammaRNN or ARUN layer"):
        gains_and_saturations(model, np.zeros((1, 4, 2)))
