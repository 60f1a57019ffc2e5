"""The negative rectifiers from the thesis, in NumPy float64."""

from __future__ import annotations

import numpy as np


def neglu(x: np.ndarray) -> np.ndarray:
    return np.minimum(0, x)


def neglu_derivative(x: np.ndarray) -> np.ndarray:
    return (x < 0).astype("float64")


def smooth_neglu(x: np.ndarray) -> np.ndarray:
    """-ln(1 + e^-x), in a form that overflows nowhere."""
    return np.minimum(0, x) - np.log1p(np.exp(-np.abs(x)))


def smooth_neglu_derivative(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^x)."""
    decay = np.exp(-np.abs(x))
    return np.where(x > 0, decay, 1) / (1 + decay)


def mixlu(x: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """ReLU but where `negative`, which broadcasts to x, is True."""
    return np.where(negative, np.minimum(0, x), np.maximum(0, x))


def mixlu_derivative(x: np.ndarray, negative: np.ndarray, gradient: str) -> np.ndarray:
    """Exact, or as the published program has it: x > 0 for all."""
    if gradient == "published":
        return (x > 0).astype("float64")
    return np.where(negative, x < 0, x > 0).astype("float64")


def convolve(x: np.ndarray, kernel: np.ndarray, **options: tuple) -> np.ndarray:
    """A convolution (correlation, as in all libraries) by its definition.

    Args:
        x: `(batch, ..., channels)`.
        kernel: `(window..., channels, filters)`.
        **options: `strides` and `dilation`, one number an axis, and `padding`,
            for each axis how many zeros before and after.
    """
    axes = kernel.ndim - 2
    strides = options.get("strides", (1,) * axes)
    dilation = options.get("dilation", (1,) * axes)
    padding = options.get("padding", ((0, 0),) * axes)
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    window = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation, strict=False)]
    sizes = [
        (n - w) // s + 1 for n, w, s in zip(x.shape[1:], window, strides, strict=False)
    ]
    out = np.zeros((len(x), *sizes, kernel.shape[-1]))
    for place in np.ndindex(*sizes):
        for offset in np.ndindex(*kernel.shape[:axes]):
            at = tuple(
                p * s + o * d
                for p, s, o, d in zip(place, strides, offset, dilation, strict=True)
            )
            out[(slice(None), *place)] += x[(slice(None), *at)] @ kernel[offset]
    return out


def same_padding(window: tuple, dilation: tuple) -> tuple:
    """Zeros before and after each axis, for stride 1; an odd one comes after."""
    totals = [(k - 1) * d for k, d in zip(window, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in totals)


def smallest_or_largest(pieces: np.ndarray, num_pieces: int, minima: int) -> np.ndarray:
    """From all pieces on the last axis, a block of units for each piece.

    The first `minima` units give the smallest of theirs, the others the largest.
    """
    blocks = np.stack(np.split(pieces, num_pieces, axis=-1))
    return np.concatenate(
        [blocks.min(axis=0)[..., :minima], blocks.max(axis=0)[..., minima:]], axis=-1
    )
