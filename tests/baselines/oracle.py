"""GORU and LMU from their papers' equations, in NumPy float64."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.oracle import sigmoid


def rotation(angles: np.ndarray) -> np.ndarray:
    """Q of h @ Q, for angles `(log2 units, units / 2)`: pair after pair."""
    layers, half = angles.shape
    units = 2 * half
    product = np.eye(units)
    for i in range(layers):
        distance = units // 2 ** (i + 1)
        layer = np.zeros((units, units))
        for p in range(units):
            if p % (2 * distance) >= distance:
                continue
            q = p + distance
            a = angles[i, 2**i * (p % distance) + p // (2 * distance)]
            # Rows are what is read, columns what becomes of it.
            layer[p, p], layer[q, p] = np.cos(a), -np.sin(a)
            layer[q, q], layer[p, q] = np.cos(a), np.sin(a)
        product = product @ layer
    return product


def goru_step(
    x: np.ndarray, states: list[np.ndarray], weights: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """One step, for the weights in the cell's order, with or without the bias."""
    (h,) = states
    kernel, recurrent, angles, *biases = weights
    u_c, u_r, u_g = np.split(kernel, 3, axis=1)
    w_r, w_g = np.split(recurrent, 2, axis=1)
    b_c, b_r, b_g = np.split(biases[0], 3) if biases else np.zeros((3, 1))
    r = sigmoid(x @ u_r + h @ w_r + b_r)
    g = sigmoid(x @ u_g + h @ w_g + b_g)
    v = r * (h @ rotation(angles)) + x @ u_c
    c = np.sign(v) * np.maximum(np.abs(v) + 0.001 + b_c, 0)
    return [g * h + (1 - g) * c]


def zero_order_hold(order: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """(A, B) of m' = A m + B u: the exponential of [[A, B], [0, 0]], by its series."""
    block = np.zeros((order + 1, order + 1))
    for i in range(order):
        for j in range(order):
            sign = -1 if i < j else (-1) ** (i - j + 1)
            block[i, j] = (2 * i + 1) / theta * sign
        block[i, order] = (2 * i + 1) * (-1) ** i / theta
    terms = [np.eye(order + 1)]
    for k in range(1, 30):
        terms.append(terms[-1] @ block / 2**10 / k)
    exponential = np.linalg.matrix_power(sum(terms), 2**10)
    return exponential[:order, :order], exponential[:order, order]


def lmu_step(
    x: np.ndarray,
    states: list[np.ndarray],
    weights: Sequence[np.ndarray],
    system: tuple[np.ndarray, np.ndarray],
) -> list[np.ndarray]:
    """One step, for weights e_x, e_h, e_m, K_x, K_h, K_m and, if any, the bias."""
    h, m = states
    e_x, e_h, e_m, k_x, k_h, k_m, *bias = weights
    a, b = system
    u = x @ e_x + h @ e_h + m @ e_m
    m = np.stack([a @ row + b * value for row, value in zip(m, u[:, 0], strict=True)])
    return [np.tanh(x @ k_x + h @ k_h + m @ k_m + sum(bias)), m]


def delayed(memory: np.ndarray, share: float) -> np.ndarray:
    """What the input was, `share` of the window ago: shifted Legendre polynomials."""
    order = memory.shape[-1]
    polynomials = [
        (-1) ** i
        * sum(
            math.comb(i, k) * math.comb(i + k, k) * (-share) ** k for k in range(i + 1)
        )
        for i in range(order)
    ]
    return memory @ np.array(polynomials)
