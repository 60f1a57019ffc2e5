"""The linear system that slides a window (Voelker, Kajic, Eliasmith 2019)."""

from __future__ import annotations

import math

import numpy as np

PADE_ORDER = 13
LARGEST_NORM = 4.0
"""Up to this norm the Pade approximant of exp is right to the last digit."""


def delay_matrices(order: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """The discrete system of an LMU's memory, by zero-order hold, in float64.

    m' = A m + B u with A_ij = (2i + 1) / theta * (-1 if i < j else
    (-1)^(i - j + 1)) and B_i = (2i + 1) / theta * (-1)^i, over one time step in
    which u is constant.

    Args:
        order: Number of Legendre polynomials.
        theta: Length of the window in time steps.

    Returns:
        exp(A) `(order, order)`, and what one step of u = 1 adds, `(order,)`.
    """
    i = np.arange(order)[:, None]
    j = i.T
    rates = (2 * i + 1) / theta
    signs = np.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    transition = matrix_exponential(rates * signs)
    # A window full of ones is the first polynomial alone, e_0, and one more step of
    # u = 1 leaves it as it is. This is A^-1 (exp(A) - 1) B, since A e_0 = -B.
    written = np.eye(order)[0] - transition[:, 0]
    return transition, written


def matrix_exponential(matrix: np.ndarray) -> np.ndarray:
    """exp of a matrix, by the diagonal Pade approximant, scaling and squaring.

    As `scipy.linalg.expm`, without scipy: within 1e-12 of it for every LMU with up
    to 256 polynomials.
    """
    norm = np.linalg.norm(matrix, 1)
    squarings = max(0, math.ceil(math.log2(norm / LARGEST_NORM)))
    matrix = matrix / 2.0**squarings
    power = np.eye(len(matrix))
    even, odd = power, np.zeros_like(power)
    coefficient = 1.0
    for k in range(1, PADE_ORDER + 1):
        coefficient *= (PADE_ORDER - k + 1) / (k * (2 * PADE_ORDER - k + 1))
        power = matrix @ power
        if k % 2:
            odd = odd + coefficient * power
        else:
            even = even + coefficient * power
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result
