"""BRC and nBRC from the paper's eqs. 4 and 5, in NumPy float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests import oracle


def gates(
    x: np.ndarray, h: np.ndarray, weights: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """a and c, for weights `kernel`, `recurrent_kernel` and, if any, `bias`."""
    units = h.shape[-1]
    kernel, recurrent, *biases = weights
    bias = biases[0] if biases else np.zeros(2 * units)
    u_a, u_c = kernel[:, :units], kernel[:, units : 2 * units]
    b_a, b_c = bias[:units], bias[units : 2 * units]
    if recurrent.ndim == 1:
        r_a, r_c = h * recurrent[:units], h * recurrent[units:]
    else:
        r_a, r_c = h @ recurrent[:, :units], h @ recurrent[:, units:]
    return 1 + np.tanh(x @ u_a + r_a + b_a), oracle.sigmoid(x @ u_c + r_c + b_c)


def step(
    x: np.ndarray, states: list[np.ndarray], weights: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """h' = c h + (1 - c) tanh(x U + a h), plus a candidate bias if there is one."""
    (h,) = states
    units = h.shape[-1]
    a, c = gates(x, h, weights)
    bias = weights[2] if len(weights) == 3 else np.zeros(2 * units)
    b = bias[2 * units :] if len(bias) == 3 * units else 0.0
    return [c * h + (1 - c) * np.tanh(x @ weights[0][:, 2 * units :] + a * h + b)]


def run(
    sequences: np.ndarray,
    state: np.ndarray,
    weights: Sequence[np.ndarray],
    mask: np.ndarray | None = None,
    go_backwards: bool = False,
) -> np.ndarray:
    """All outputs of a layer."""

    def of_step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        return step(x, states, weights)

    return oracle.run(of_step, sequences, [state], mask, go_backwards)[0]


def vaa(states: np.ndarray, epsilon: float = 1e-4) -> float:
    """The share of different states, pair by pair."""
    counts = [
        sum(np.linalg.norm(one - other) < epsilon for other in states) for one in states
    ]
    return float(np.mean([1 / count for count in counts]))


def vaa_star(states: np.ndarray, epsilon: float = 1e-4) -> float:
    """Its differentiable form, pair by pair."""
    squashed = np.tanh(states)
    total = 0.0
    for one in squashed:
        distances = np.array([np.linalg.norm(one - other) for other in squashed])
        same = 1 - np.maximum(distances - epsilon, 0) / (distances + 1e-6)
        total += 1 / same.sum()
    return total / len(states)
