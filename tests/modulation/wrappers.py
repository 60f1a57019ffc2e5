"""Layers of every kind, and their wrappers with random weights."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from keras import layers

import keras_modact

Modulated = keras_modact.Modulated


# A layer of every kind, an input, and the shape and count of its one modulator.
OF_EVERY_KIND: dict[str, tuple[Any, tuple[int, ...], tuple[int, ...], int]] = {
    "Dense": (partial(layers.Dense, 4), (2, 5), (2, 1), 6),
    "Dense of sequences": (partial(layers.Dense, 4), (2, 3, 5), (2, 3, 1), 6),
    "Conv1D": (
        partial(layers.Conv1D, 4, 3, padding="causal"), (2, 6, 5), (2, 6, 1), 16
    ),
    "Conv2D": (
        partial(layers.Conv2D, 4, 3, use_bias=False), (2, 5, 6, 2), (2, 3, 4, 1), 18
    ),
    "grouped": (partial(layers.Conv2D, 4, 3, groups=2), (2, 5, 5, 2), (2, 3, 3, 1), 19),
    "Conv3D": (partial(layers.Conv3D, 2, 2), (2, 3, 3, 3, 2), (2, 2, 2, 2, 1), 17),
    "Conv1DTranspose": (
        partial(layers.Conv1DTranspose, 3, 3, strides=2), (2, 4, 2), (2, 9, 1), 7
    ),
    "Conv2DTranspose": (
        partial(layers.Conv2DTranspose, 3, 3, strides=2), (2, 3, 3, 2), (2, 7, 7, 1), 19
    ),
    "Conv3DTranspose": (
        partial(layers.Conv3DTranspose, 2, 2), (2, 2, 2, 2, 2), (2, 3, 3, 3, 1), 17
    ),
    "SeparableConv1D": (
        partial(layers.SeparableConv1D, 3, 3, depth_multiplier=2),
        (2, 5, 2), (2, 3, 1), 3 * 2 * 2 + 4 + 1,
    ),
    "SeparableConv2D": (
        partial(layers.SeparableConv2D, 3, 3, padding="same"),
        (2, 4, 4, 2), (2, 4, 4, 1), 9 * 2 + 2 + 1,
    ),
    "DepthwiseConv1D": (
        partial(layers.DepthwiseConv1D, 3, strides=2), (2, 7, 4), (2, 3, 1), 13
    ),
    "DepthwiseConv2D": (
        partial(layers.DepthwiseConv2D, 3, depth_multiplier=2),
        (2, 5, 5, 4), (2, 3, 3, 1), 37,
    ),
    "EinsumDense": (
        partial(layers.EinsumDense, "abc,cd->abd", (None, 4), bias_axes="d"),
        (2, 3, 5), (2, 3, 1), 6,
    ),
    "two kernel axes": (
        partial(layers.EinsumDense, "abc,cde->abde", (None, 4, 3), bias_axes="de"),
        (2, 3, 5), (2, 3, 1, 1), 6,
    ),
    "axes moved": (
        partial(layers.EinsumDense, "abc,bd->adc", (4, 5)), (2, 3, 5), (2, 1, 5), 3
    ),
    "ellipsis": (
        partial(layers.EinsumDense, "...x,xy->...y", 4), (2, 3, 5), (2, 3, 1), 5
    ),
    "late ellipsis": (
        partial(layers.EinsumDense, "ab...,bc->ac...", 4), (2, 5, 3), (2, 1, 3), 5
    ),
}  # fmt: skip


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def built(layer: Any, x: np.ndarray, **arguments: Any) -> Any:
    """A wrapper of a layer with random weights, biases too."""
    wrapper = Modulated(layer, **arguments)
    wrapper.build(x.shape)
    for place, weight in enumerate(wrapper.weights):
        weight.assign(0.5 * random(*weight.shape, seed=place))
    return wrapper
