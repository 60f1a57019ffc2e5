"""The adaptive activation and its networks from the papers, in NumPy float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests import oracle


def parts(x: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """g1 = softplus(n x) / n, g2 = sigma(n x) and 1 - g2, with no digits lost."""
    u = n * x
    decay = np.exp(-np.abs(u))
    g1 = (np.maximum(u, 0) + np.log1p(decay)) / n
    larger, smaller = 1 / (1 + decay), decay / (1 + decay)
    return g1, np.where(u > 0, larger, smaller), np.where(u > 0, smaller, larger)


def gamma(x: np.ndarray, n: np.ndarray, s: np.ndarray) -> np.ndarray:
    """(1 - s) softplus(n x) / n + s sigma(n x)."""
    g1, g2, _ = parts(x, n)
    return (1 - s) * g1 + s * g2


def terms(
    x: np.ndarray, n: np.ndarray, s: np.ndarray
) -> dict[str, tuple[np.ndarray, ...]]:
    """The terms of gamma and of its three derivatives, as the paper has them."""
    g1, g2, rest = parts(x, n)
    return {
        "value": ((1 - s) * g1, s * g2),
        "x": ((1 - s) * g2, s * n * g2 * rest),
        "gain": ((1 - s) / n * x * g2, -(1 - s) / n * g1, s * x * g2 * rest),
        "saturation": (g2, -g1),
    }


def gamma_step(
    x: np.ndarray, states: list[np.ndarray], weights: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """h' = gamma(x U + h V + b), for weights U, V, (b,) n, s."""
    kernel, recurrent, *bias, gain, saturation = weights
    a = x @ kernel + states[0] @ recurrent + sum(bias)
    return [gamma(a, gain, saturation)]


def arun_step(
    x: np.ndarray, states: list[np.ndarray], weights: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """One step of the network and of its supervisor, unit by unit."""
    h, g = states
    if len(weights) == 10:
        u, v, b, u_a, w_g, b_g, w_n, b_n, w_s, b_s = weights
    else:
        u, v, u_a, w_g, w_n, b_n, w_s, b_s = weights
        b, b_g = np.zeros(h.shape[-1]), np.zeros(g.shape[-1])
    a = x @ u + h @ v + b
    new_h, new_g = np.zeros_like(h), np.zeros_like(g)
    for i in range(h.shape[-1]):
        new_g[:, i] = np.tanh(a[:, i : i + 1] @ u_a + g[:, i] @ w_g + b_g)
        n = new_g[:, i] @ w_n[:, 0] + b_n[0]
        s = new_g[:, i] @ w_s[:, 0] + b_s[0]
        new_h[:, i] = gamma(a[:, i], n, s)
    return [new_h, new_g]


STEPS = {"GammaRNN": gamma_step, "ARUN": arun_step}


def run(
    network: str,
    sequences: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    mask: np.ndarray | None = None,
    go_backwards: bool = False,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """All outputs of a layer, and its last states."""

    def step(x: np.ndarray, states: list[np.ndarray]) -> list[np.ndarray]:
        return STEPS[network](x, states, weights)

    return oracle.run(step, sequences, states, mask, go_backwards)
