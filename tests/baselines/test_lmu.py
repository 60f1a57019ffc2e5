"""LMU against its paper's equations, and its memory against scipy and a window."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.signal

import keras_modact
from keras_modact.baselines.legendre import delay_matrices
from tests import oracle as shared
from tests.baselines import oracle
from tests.gradients import as_float64
from tests.recurrent_oracle import check_in_float64

TRAINED = (
    "input_encoder",
    "hidden_encoder",
    "memory_encoder",
    "kernel",
    "recurrent_kernel",
    "memory_kernel",
    "bias",
)


@pytest.mark.float64
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize(
    ("order", "theta", "use_bias"), [(3, 4.5, False), (1, 0.5, True)]
)
def test_outputs_states_and_gradients_in_float64(
    order: int, theta: float, use_bias: bool, go_backwards: bool
) -> None:
    """By weights, inputs and initial states, with masked steps in between."""
    layer = keras_modact.LMU(
        2,
        order,
        theta,
        use_bias=use_bias,
        dtype="float64",
        go_backwards=go_backwards,
        return_sequences=True,
        return_state=True,
    )
    layer.build((None, None, 3))
    random = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(0, 0.5, weight.shape))
    x = random.normal(size=(3, 4, 3))
    states = [random.normal(size=(3, 2)), random.normal(size=(3, order))]
    mask = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)
    system = oracle.zero_order_hold(order, theta)

    def run(arrays: list[np.ndarray]) -> list[np.ndarray]:
        x, h, m, *weights = arrays
        outputs, last = shared.run(
            lambda x, states: oracle.lmu_step(x, states, weights, system),
            x,
            [h, m],
            mask,
            go_backwards,
        )
        return [outputs, *last]

    trained = TRAINED if use_bias else TRAINED[:-1]
    weights = [as_float64(getattr(layer.cell, name)) for name in trained]
    check_in_float64(layer, x, states, weights, run, mask)


@pytest.mark.parametrize("theta", [0.5, 10, 784, 1000])
@pytest.mark.parametrize("order", [1, 2, 6, 64, 256])
def test_matrices_are_those_of_scipy(order: int, theta: float) -> None:
    i = np.arange(order)[:, None]
    rates = (2 * i + 1) / theta
    a = rates * np.where(i < i.T, -1.0, (-1.0) ** (i - i.T + 1))
    b = rates * (-1.0) ** i
    system = (a, b, np.eye(order), np.zeros((order, 1)))
    transition, write, *_ = scipy.signal.cont2discrete(system, dt=1.0, method="zoh")
    got = delay_matrices(order, theta)
    # Beyond two polynomials a step the system is stiff, and scipy as far from the
    # exact matrices as this is.
    digits = 1e-13 if order <= 2 * theta else 1e-10
    np.testing.assert_allclose(got[0], transition, atol=digits)
    np.testing.assert_allclose(got[1], write[:, 0], atol=digits)


def test_matrices_are_those_of_keras_lmu() -> None:
    """As keras-lmu 0.9.0 has them, `LMUCell(1, 3, 5, None, dtype="float64")`."""
    transition, write = delay_matrices(3, 5)
    published = [
        [0.8145144061, -0.1775755535, -0.0711531381],
        [0.5327266605, 0.3529408837, -0.2773128635],
        [-0.3557656904, 0.4621881058, 0.2744880568],
    ]
    np.testing.assert_allclose(transition, published, atol=1e-10)
    written = [0.1854855939, -0.5327266605, 0.3557656904]
    np.testing.assert_allclose(write, written, atol=1e-10)


def test_memory_is_a_window_of_the_input() -> None:
    """A slow wave can be read out of m as it was, at every delay up to theta."""
    theta, order = 400, 12
    transition, write = delay_matrices(order, theta)
    times = np.arange(2000)
    # Held over a step, the input is that of half a step before.
    wave = np.sin(2 * np.pi * times / 500)
    m = np.zeros(order)
    for value in wave:
        m = transition @ m + write * value
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        then = np.sin(2 * np.pi * (times[-1] + 0.5 - share * theta) / 500)
        assert oracle.delayed(m, share) == pytest.approx(then, abs=0.005), share


def test_count_of_the_papers_network() -> None:
    arguments = {"order": 256, "theta": 1000}
    model = keras.Sequential(
        [
            keras.Input((None, 1)),
            keras_modact.LMU(128, return_sequences=True, **arguments),
            keras_modact.LMU(128, **arguments),
            keras.layers.Dense(1),
        ]
    )
    count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert count == 115_842


def test_initial_weights() -> None:
    """LeCun uniform, Glorot normal and zeros; the matrices in the layer's dtype."""
    layer = keras_modact.LMU(64, order=32, theta=100, dtype="mixed_bfloat16")
    layer.build((None, None, 16))
    cell = layer.cell
    for name, fan in (("input_encoder", 16), ("hidden_encoder", 64)):
        weight, limit = as_float64(getattr(cell, name)), np.sqrt(3 / fan)
        assert 0.8 * limit < np.abs(weight).max() <= limit, name
    assert not as_float64(cell.memory_encoder).any()
    for name in ("kernel", "recurrent_kernel", "memory_kernel"):
        weight = as_float64(getattr(cell, name))
        assert weight.std() == pytest.approx(np.sqrt(2 / sum(weight.shape)), rel=0.1)
    assert cell.bias is None
    transition, write = delay_matrices(32, 100)
    np.testing.assert_allclose(as_float64(cell.memory_transition), transition.T, 1e-6)
    np.testing.assert_allclose(as_float64(cell.memory_input), write[None], 1e-6)
