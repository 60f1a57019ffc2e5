"""A recurrent layer beside an oracle: outputs, states and all gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from tests.gradients import differentiate
from tests.oracle import central_differences


def check_in_float64(
    layer: Any,
    sequences: np.ndarray,
    states: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    run: Callable[[list[np.ndarray]], list[np.ndarray]],
    mask: np.ndarray | None = None,
    trained: Sequence[bool] | None = None,
    digits: float = 1e-12,
    rtol: float = 1e-6,
    atol: float = 1e-8,
) -> None:
    """Compares a layer that returns its states with an oracle and its differences.

    Args:
        layer: A built layer of dtype float64, with `return_state`.
        sequences: Array `(batch, time, features)`.
        states: The initial states.
        weights: The layer's weights in the oracle's order.
        run: The oracle: outputs and last states from sequences, states and weights.
        mask: Boolean array `(batch, time)`.
        trained: Which of the weights have a gradient; all by default.
        digits: Largest difference of an output.
        rtol: Largest relative difference of a gradient.
        atol: Largest difference of a gradient.
    """
    given = [sequences, *states]
    random = np.random.default_rng(2)
    expected = run([*given, *weights])
    cotangents = [random.normal(size=array.shape) for array in expected]

    class Called(keras.layers.Layer):
        """The layer of its sequences and states, all differentiated."""

        def __init__(self) -> None:
            super().__init__(dtype="float64")
            self.layer = layer
            self.built = True

        def call(self, sequences: Any, *states: Any) -> Any:
            return self.layer(sequences, initial_state=list(states), mask=mask)

    result = differentiate(Called(), given, cotangents)
    for got, want in zip(result.outputs, expected, strict=True):
        np.testing.assert_allclose(got, want, atol=digits)
    estimates = central_differences(
        lambda arrays: sum(
            float((out * c).sum())
            for out, c in zip(run(arrays), cotangents, strict=True)
        ),
        [*given, *weights],
    )
    of_weights = estimates[len(given) :]
    if trained is not None:
        of_weights = [e for e, t in zip(of_weights, trained, strict=True) if t]
    estimates = [*estimates[: len(given)], *of_weights]
    for exact, estimate in zip(result.inputs + result.weights, estimates, strict=True):
        np.testing.assert_allclose(exact, estimate, rtol=rtol, atol=atol)
