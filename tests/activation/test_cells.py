"""GammaRNN and ARUN against the papers' equations, counts and initial values."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from tests.activation import oracle
from tests.gradients import as_float64
from tests.recurrent_oracle import check_in_float64

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "static": ("GammaRNN", {"mode": "static"}),
    "homogeneous": ("GammaRNN", {"mode": "homogeneous"}),
    "heterogeneous": ("GammaRNN", {"mode": "heterogeneous"}),
    "no_bias": ("GammaRNN", {"mode": "heterogeneous", "use_bias": False}),
    "arun": ("ARUN", {"supervisor_units": 3}),
    "arun_no_bias": ("ARUN", {"supervisor_units": 2, "use_bias": False}),
}


def built(case: str, units: int, features: int, seed: int, **arguments: Any) -> Any:
    """A layer with weights away from their initial values, and those weights."""
    network, own = CASES[case]
    layer = getattr(keras_modact, network)(
        units, return_sequences=True, **own, **arguments
    )
    layer.build((None, None, features))
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        near = as_float64(weight) if "gain" in weight.name else 0.0
        weight.assign(near + random.normal(0, 0.4, weight.shape))
    return layer, [as_float64(w) for w in in_order(layer)]


def in_order(layer: Any) -> list:
    """The weights in the order in which the oracle takes them."""
    cell = layer.cell
    if isinstance(layer, keras_modact.GammaRNN):
        found = [cell.kernel, cell.recurrent_kernel, cell.bias]
        found += [cell.gain, cell.saturation]
    else:
        found = [cell.kernel, cell.recurrent_kernel, cell.bias, cell.supervisor_kernel]
        found += [cell.supervisor_recurrent_kernel, cell.supervisor_bias]
        found += [cell.gain_kernel, cell.gain_bias]
        found += [cell.saturation_kernel, cell.saturation_bias]
    return [weight for weight in found if weight is not None]


def random_states(layer: Any, batch: int, random: Any) -> list[np.ndarray]:
    return [
        random.uniform(-1, 1, (batch, *shape)) for shape in layer.cell.state_shapes()
    ]


@pytest.mark.parametrize("case", CASES)
def test_sizes_of_one(case: str) -> None:
    """In float32; a size of one is where broadcasting hides a wrong axis."""
    batch, time, features, units = 1, 3, 1, 1
    layer, weights = built(case, units, features, 0)
    random = np.random.default_rng(1)
    x = random.normal(size=(batch, time, features))
    states = random_states(layer, batch, random)
    x, *states = (a.astype("float32") for a in (x, *states))
    expected, _ = oracle.run(
        CASES[case][0], *(x.astype("float64"), [s.astype("float64") for s in states]),
        weights,
    )  # fmt: skip
    np.testing.assert_allclose(
        as_float64(layer(x, initial_state=states)), expected, rtol=2e-4, atol=2e-4
    )


@pytest.mark.float64
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_outputs_states_and_gradients_in_float64(case: str, go_backwards: bool) -> None:
    """By weights, inputs and initial states, with masked steps in between."""
    layer, weights = built(
        case, 3, 2, 0, dtype="float64", go_backwards=go_backwards, return_state=True
    )
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 5, 2))
    states = random_states(layer, 3, random)
    mask = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [1, 1, 1, 0, 0]], bool)
    network = CASES[case][0]

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        sequences, *given = arrays[: 1 + len(states)]
        outputs, last = oracle.run(
            network, sequences, given, arrays[1 + len(states) :], mask, go_backwards
        )
        return [outputs, *last]

    trained = [w.trainable for w in in_order(layer)]
    check_in_float64(
        layer, x, states, weights, run, mask, trained, 1e-11, rtol=1e-5, atol=1e-6
    )


def test_arun_with_a_silent_supervisor_is_a_gamma_rnn() -> None:
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    arun = keras_modact.ARUN(
        4,
        supervisor_units=2,
        return_sequences=True,
        gain_kernel_initializer="zeros",
        saturation_kernel_initializer="zeros",
        gain_bias_initializer=keras.initializers.Constant(2.5),
        saturation_bias_initializer=keras.initializers.Constant(0.25),
    )
    plain = keras_modact.GammaRNN(
        4, return_sequences=True, gain_initializer=2.5, saturation_initializer=0.25
    )
    arun.build(x.shape)
    plain.build(x.shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        getattr(plain.cell, name).assign(getattr(arun.cell, name))
    np.testing.assert_allclose(as_float64(arun(x)), as_float64(plain(x)), rtol=1e-5)


def test_gain_and_saturation_of_a_state_can_be_had() -> None:
    layer, weights = built("arun", 4, 3, 0)
    g = np.random.default_rng(0).uniform(-1, 1, (2, 4, 3)).astype("float32")
    gain, saturation = layer.cell.adaptation(g)
    np.testing.assert_allclose(
        as_float64(gain), g @ weights[6][:, 0] + weights[7], atol=1e-5
    )
    np.testing.assert_allclose(
        as_float64(saturation), g @ weights[8][:, 0] + weights[9], atol=1e-5
    )


@pytest.mark.parametrize(
    ("network", "arguments", "count"),
    [
        # Published with two biases: 165,210, so 400 fewer here.
        ("GammaRNN", {"mode": "static"}, 164_810),
        ("GammaRNN", {"mode": "homogeneous"}, 164_810 + 2),
        ("GammaRNN", {"mode": "heterogeneous"}, 164_810 + 800),
        # Published with two biases in both networks: 167,962.
        ("ARUN", {}, 167_512),
    ],
)
def test_counts_of_the_papers_networks(
    network: str, arguments: dict[str, Any], count: int
) -> None:
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            getattr(keras_modact, network)(400, **arguments),
            keras.layers.Dense(10),
        ]
    )
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == count


def test_initial_weights() -> None:
    """He normal, block rotations, and the supervisor's published values."""
    layer = keras_modact.ARUN(64, supervisor_units=50)
    layer.build((None, None, 8))
    cell = layer.cell
    assert as_float64(cell.kernel).std() == pytest.approx(np.sqrt(2 / 8), rel=0.15)
    for rotation in (cell.recurrent_kernel, cell.supervisor_recurrent_kernel):
        matrix = as_float64(rotation)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-5)
        assert np.count_nonzero(matrix) == 2 * len(matrix)
    glorot = np.sqrt(2 / (50 + 1))
    assert as_float64(cell.gain_kernel).std() == pytest.approx(0.1 * glorot, rel=0.3)
    saturation = as_float64(cell.saturation_kernel)
    assert saturation.std() == pytest.approx(0.01 * glorot, rel=0.3)
    gains = as_float64(cell.gain_bias_initializer((1000,)))
    assert 5 <= gains.min() < 5.1 < 6.9 < gains.max() <= 7
    for name in ("bias", "supervisor_bias", "saturation_bias"):
        assert not as_float64(getattr(cell, name)).any()
    plain = keras_modact.GammaRNN(8)
    plain.build((None, None, 3))
    assert as_float64(plain.cell.gain) == 5
    assert as_float64(plain.cell.saturation) == 0
