"""The modulators from the paper's equations, in NumPy float64."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from tests.oracle import sigmoid


def tanhshrink(x: np.ndarray) -> np.ndarray:
    """x - tanh(x); beside 0 from its Taylor series, which has digits there."""
    series = x**3 / 3 - 2 * x**5 / 15 + 17 * x**7 / 315 - 62 * x**9 / 2835
    return np.where(np.abs(x) < 0.01, series, x - np.tanh(x))


SIGNALS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": sigmoid,
    "tanhshrink": tanhshrink,
    "one": np.ones_like,
}


def lstm_step(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    signal: str,
    modulates: str,
) -> list[np.ndarray]:
    """One step of the modulated LSTM; weights W, R and, if there is one, b."""
    h, c = states
    kernel, recurrent, *bias = weights
    gates = x @ kernel + h @ recurrent + sum(bias)
    i, f, g, o, m = np.split(gates, 5, axis=-1)
    slope = SIGNALS[signal](m)
    candidate = np.tanh(slope * g) if modulates == "slope" else slope * np.tanh(g)
    c = sigmoid(f) * c + sigmoid(i) * candidate
    return [sigmoid(o) * np.tanh(c), c]


def driven_lstm_step(
    x: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    signal: str,
    modulates: str,
    context_features: int,
) -> list[np.ndarray]:
    """One step with a modulator of linear layers, the square between them.

    Weights W, R, b of the four gates, then a kernel and a bias of each layer. The
    modulator reads the last features of x, if there is a context, else [x; h].
    """
    h, c = states
    (kernel, recurrent, bias), layers = weights[:3], weights[3:]
    read = np.concatenate([x, h], axis=-1)
    if context_features:
        x, read = x[..., :-context_features], x[..., -context_features:]
    for place in range(0, len(layers), 2):
        read = read**2 if place else read
        read = read @ layers[place] + layers[place + 1]
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    slope = SIGNALS[signal](read)
    candidate = np.tanh(slope * g) if modulates == "slope" else slope * np.tanh(g)
    c = sigmoid(f) * c + sigmoid(i) * candidate
    return [sigmoid(o) * np.tanh(c), c]


def dense(x: np.ndarray, kernel: np.ndarray, *bias: np.ndarray) -> np.ndarray:
    return x @ kernel + sum(bias)


def convolution(
    x: np.ndarray,
    kernel: np.ndarray,
    *bias: np.ndarray,
    strides: int = 1,
    dilation_rate: int = 1,
    padding: str = "valid",
) -> np.ndarray:
    """Images (batch, rows, columns, channels), one window at a time."""
    reach = [(size - 1) * dilation_rate + 1 for size in kernel.shape[:2]]
    if padding == "same":
        lost = [
            max((-(-size // strides) - 1) * strides + wide - size, 0)
            for size, wide in zip(x.shape[1:3], reach, strict=True)
        ]
        margins = [(n // 2, n - n // 2) for n in lost]
        x = np.pad(x, [(0, 0), *margins, (0, 0)])
    steps = [
        range(0, size - wide + 1, strides)
        for size, wide in zip(x.shape[1:3], reach, strict=True)
    ]
    out = np.zeros((len(x), *map(len, steps), kernel.shape[-1]))
    for (i, row), (j, column) in itertools.product(*map(enumerate, steps)):
        window = x[
            :,
            row : row + reach[0] : dilation_rate,
            column : column + reach[1] : dilation_rate,
        ]
        out[:, i, j] = np.tensordot(window, kernel, 3)
    return out + sum(bias)


def modulated(
    linear: Callable[..., np.ndarray],
    x: np.ndarray,
    context: np.ndarray,
    weights: Sequence[np.ndarray],
    signal: str,
    activation: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """phi(s v); the first half of the weights is the layer's own."""
    half = len(weights) // 2
    slope = SIGNALS[signal](linear(context, *weights[half:]))
    return activation(slope * linear(x, *weights[:half]))
