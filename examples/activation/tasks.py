"""The tasks of the adaptive activation: MNIST by pixels, its changes, copy memory.

For `gain_and_saturation.py`.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from examples.bistability.sequential_mnist import permute
from examples.shared.images import read_mnist

PIXELS = 784
SYMBOLS = 10
BLANK, MARKER = 0, 9

# The published step: where 200 < t < 400, pixels 201 to 399 of the sequence.
STEP = slice(201, 400)


class Splits(NamedTuple):
    """Inputs and targets to train on, to watch the training by, and to test on."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def read_splits(options: argparse.Namespace) -> Splits:
    """MNIST: pixels from 0 to 1, some a step, and the digits they show.

    The validation set is the end of the training set.
    """
    order = "published-pixels" if options.published_permutation else "pixels"
    permutation = order if options.permute else "none"
    splits = []
    for split in ("train", "test"):
        images, labels = read_mnist(options.data_dir, split)
        images = permute(images, permutation)
        steps = PIXELS // options.pixels_per_step
        sequences = images.reshape(len(images), steps, options.pixels_per_step)
        splits.append((sequences.astype("float32") / 255, labels))
    (sequences, labels), (test_sequences, test_labels) = splits
    head, tail = slice(options.samples), slice(-options.validation_samples, None)
    return Splits(
        train=(sequences[head], labels[head]),
        validation=(sequences[tail], labels[tail]),
        test=(
            test_sequences[: options.test_samples],
            test_labels[: options.test_samples],
        ),
    )


def disturb(sequences: np.ndarray, options: argparse.Namespace) -> np.ndarray:
    """The sequences with their pixels changed in the order in which they come.

    "sine": pixel t becomes x (1 + A sin(2 pi f t / 784 + phi)). "step": A is added
    to the pixels 201 to 399. The published code adds its step to what every unit
    sums up; here it comes through the kernel.
    """
    pixels = sequences.reshape(len(sequences), PIXELS).copy()
    if options.disturbance == "sine":
        turns = options.frequency * np.arange(PIXELS) / PIXELS
        factors = 1 + options.amplitude * np.sin(2 * np.pi * turns + options.phase)
        pixels *= factors.astype(pixels.dtype)
    else:
        pixels[:, STEP] += options.amplitude
    return pixels.reshape(sequences.shape)


def draw_splits(options: argparse.Namespace, seed: int) -> Splits:
    """Copy memory: every sequence drawn by the seed."""
    generator = np.random.default_rng(seed)
    sizes = (options.samples, options.validation_samples, options.test_samples)
    return Splits(*(make_copies(n, options.time_steps, generator) for n in sizes))


def make_copies(
    samples: int, time_steps: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Copy memory: sequences and targets `(samples, T + 20)`.

    A sequence is 10 symbols from 1 to 8, T - 1 blanks (0), a marker (9) and 10
    blanks; its target is blank but for the last ten steps, the symbols.
    """
    symbols = generator.integers(1, 9, (samples, SYMBOLS), "int8")
    sequences = np.full((samples, time_steps + 2 * SYMBOLS), BLANK, "int8")
    targets = sequences.copy()
    sequences[:, :SYMBOLS] = symbols
    sequences[:, -SYMBOLS - 1] = MARKER
    targets[:, -SYMBOLS:] = symbols
    return sequences, targets


def chance_loss(time_steps: int) -> float:
    """The copy task's loss of knowing the blanks and guessing the symbols."""
    return SYMBOLS * np.log(8) / (time_steps + 2 * SYMBOLS)
