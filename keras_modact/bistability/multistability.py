"""How many attractors a recurrent layer reaches (Lambrechts et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.utils.validation import Tensor, positive_integer, random_seed

EPSILON = 1e-4
_INVERSE = 1e-6  # Keeps the quotient finite where two states are one.


def vaa(states: Any, epsilon: float = EPSILON) -> Tensor:
    """Returns the variability among attractors: the share of different states.

    With states h_1, ..., h_N that a network has settled in:

        VAA = 1/N sum_i 1 / |{j: ||h_i - h_j|| < epsilon}|

    It is 1/N where all sequences end in one attractor, and 1 where each ends in one
    of its own, so that N times it counts the attractors.

    Args:
        states: Array or tensor `(samples, features)`, such as `settled_states` gives.
        epsilon: The distance from which two states are different. Defaults to 1e-4.

    Returns:
        A scalar tensor in (0, 1].

    Example:

    ```python
    import numpy as np
    from keras_modact.bistability import vaa

    states = np.array([[0.9], [0.9], [-0.9], [-0.9]])
    assert float(vaa(states)) == 0.5  # two attractors for four sequences
    ```

    Reference:
        Lambrechts, De Geeter, Vecoven, Ernst, Drion, "Warming up recurrent neural
        networks to maximise reachable multistability greatly improves learning",
        Neural Networks 166, 2023.
    """
    states = _checked_states(states)
    same = ops.cast(_squared_distances(states) < epsilon**2, states.dtype)
    return ops.mean(1 / ops.sum(same, axis=1))


def vaa_star(states: Any, epsilon: float = EPSILON) -> Tensor:
    """Returns the differentiable form of `vaa`, by which a network is warmed up.

        d_ij = ||tanh h_i - tanh h_j||
        C_ij = 1 - relu(d_ij - epsilon) / (d_ij + 1e-6)
        VAA* = 1/N sum_i 1 / sum_j C_ij

    Args:
        states: Array or tensor `(samples, features)`.
        epsilon: The distance from which two states are different. Defaults to 1e-4.

    Returns:
        A scalar tensor in (0, 1].

    Example:

    ```python
    import numpy as np
    from keras_modact.bistability import vaa_star

    states = np.array([[0.9], [0.9], [-0.9], [-0.9]])
    assert abs(float(vaa_star(states)) - 0.5) < 1e-3
    ```

    Reference:
        Lambrechts et al., "Warming up recurrent neural networks to maximise reachable
        multistability greatly improves learning", Neural Networks 166, 2023.
    """
    squared = _squared_distances(ops.tanh(_checked_states(states)))
    # At least epsilon: the root of 0 has no slope. For such a distance the above is
    # this quotient, which keeps its digits where states are far from each other.
    distance = ops.sqrt(ops.maximum(squared, epsilon**2))
    same = (epsilon + _INVERSE) / (distance + _INVERSE)
    return ops.mean(1 / ops.sum(same, axis=1))


def settled_states(
    layer: Any,
    sequences: Any,
    mask: Any = None,
    steps: int = 10_000,
    seed: int | None = None,
) -> np.ndarray:
    """Returns the states in which a layer settles, for `vaa` and pictures.

    Each sequence is cut at a random place; then an input drawn from N(0, 1), one for
    all, is held for a number of steps. The layer itself is left as it is.

    Args:
        layer: A built recurrent layer, such as `BRC`, `NBRC`, `keras.layers.GRU`,
            `keras.layers.LSTM` or a `keras.layers.RNN`.
        sequences: Array `(batch, time, features)`: for a deeper layer, what the
            layers below make of the inputs.
        mask: Boolean array `(batch, time)`, or None.
        steps: For how many steps the input is held; states that drift slowly look
            like attractors after few. Defaults to 10,000, as published.
        seed: Integer that fixes the places and the input, or None.

    Returns:
        NumPy array `(batch, features)`, of an LSTM its h and c side by side.

    Raises:
        ValueError: If the layer is not recurrent or not built, or the sequences or
            the mask do not suit it.

    Example:

    ```python
    import numpy as np, keras
    from keras_modact.bistability import settled_states, vaa

    sequences = np.random.default_rng(0).normal(size=(8, 10, 1))
    gru = keras.layers.GRU(4)
    gru(sequences)
    states = settled_states(gru, sequences, steps=500, seed=0)
    assert states.shape == (8, 4)
    attractors = 8 * float(vaa(states))
    ```

    Reference:
        Lambrechts et al., "Warming up recurrent neural networks to maximise reachable
        multistability greatly improves learning", Neural Networks 166, 2023.
    """
    check_layer(layer)
    steps = positive_integer("steps", steps)
    given = valid_steps(layer, sequences, mask)
    random = np.random.default_rng(random_seed("seed", seed))
    model = LastStates(layer, given[0].shape[-1])
    longest = max(map(len, given)) + steps
    inputs = cut_and_held(given, steps, longest, random)
    return np.asarray(model.predict_on_batch(inputs))


def check_layer(layer: Any) -> None:
    """Refuses what is no built recurrent layer."""
    if not isinstance(layer, keras.layers.RNN) or not layer.built:
        raise ValueError(
            "`layer` must be a built recurrent layer, such as BRC, NBRC, "
            f"keras.layers.GRU or keras.layers.LSTM, received {layer!r}. Call it once "
            "on data; take it out of a Bidirectional by its `forward_layer` or "
            "`backward_layer`."
        )


def valid_steps(layer: Any, sequences: Any, mask: Any) -> list[np.ndarray]:
    """The steps of each sequence that the layer reads, in the order in which it does.

    Args:
        layer: A recurrent layer.
        sequences: Array `(batch, time, features)`.
        mask: Boolean array `(batch, time)`, or None.
    """
    sequences = np.asarray(ops.convert_to_numpy(sequences))
    if sequences.ndim != 3 or 0 in sequences.shape:
        raise ValueError(
            f"{type(layer).__name__} '{layer.name}' needs sequences of the shape "
            f"(batch, time, features), none of them 0, received {sequences.shape}."
        )
    if mask is None:
        mask = np.ones(sequences.shape[:2], bool)
    mask = np.asarray(ops.convert_to_numpy(mask), bool)
    if mask.shape != sequences.shape[:2] or not mask.any(axis=1).all():
        raise ValueError(
            f"`mask` must have the shape (batch, time), here {sequences.shape[:2]}, "
            f"and a True in each sequence, received the shape {mask.shape}. Leave "
            "sequences without steps out."
        )
    order = -1 if layer.go_backwards else 1
    return [x[kept][::order] for x, kept in zip(sequences, mask, strict=True)]


def cut_and_held(
    sequences: Sequence[np.ndarray],
    hold: int,
    longest: int,
    random: np.random.Generator,
) -> list[np.ndarray]:
    """Inputs and mask of `LastStates`: beginnings of sequences, then a held input.

    Args:
        sequences: Arrays `(time, features)` of any lengths.
        hold: The number of steps for which the input is held.
        longest: The number of steps of all inputs, the last ones masked.
        random: Where each sequence is cut, and the input.
    """
    held = random.standard_normal(sequences[0].shape[-1:])
    inputs = np.tile(held, (len(sequences), longest, 1)).astype("float32")
    cuts = [int(random.integers(1, len(x) + 1)) for x in sequences]
    for row, x, cut in zip(inputs, sequences, cuts, strict=True):
        row[:cut] = x[:cut]
    return [inputs, np.arange(longest) < np.array(cuts)[:, None] + hold]


class LastStates(keras.Model):
    """A model from sequences and their mask to a layer's last states, side by side.

    Args:
        layer: A built recurrent layer.
        features: The number of features of its inputs.

    Attributes:
        copy: The copy of the layer that runs: with the same weights, in their full
            precision, without dropout and penalties.
    """

    def __init__(self, layer: Any, features: int) -> None:
        super().__init__(dtype="float32")
        config = layer.get_config()
        changes = {
            "dtype": layer.cell.variable_dtype,
            "return_sequences": False,
            "return_state": True,
            "go_backwards": False,
            "stateful": False,
            "unroll": False,
        }
        copy = type(layer).from_config({**config, **changes})
        copy.build((None, None, features))
        wanted, made = ([w.shape for w in one.weights] for one in (layer, copy))
        if wanted != made:
            raise ValueError(
                f"{type(layer).__name__} '{layer.name}' has weights of the shapes "
                f"{wanted} and would have {made} for sequences of {features} features. "
                "Pass sequences with the features that it was built for."
            )
        copy.set_weights(layer.get_weights())
        copy.activity_regularizer = None
        for weight in copy.trainable_weights:
            weight.regularizer = None
        self.copy = copy

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        sequences, mask = inputs
        # A functional model would have `training` as it is itself called.
        _, *states = self.copy(sequences, mask=mask, training=False)
        states = [ops.cast(state, "float32") for state in keras.tree.flatten(states)]
        return ops.concatenate(states, axis=-1)


def _checked_states(states: Any) -> Tensor:
    states = ops.convert_to_tensor(states)
    if len(states.shape) != 2 or states.shape[0] == 0:
        raise ValueError(
            "`states` must have the shape (samples, features) with at least one "
            f"sample, received {tuple(states.shape)}. Put the states of a layer that "
            "has several side by side."
        )
    return states


def _squared_distances(states: Tensor) -> Tensor:
    """Those of each pair, from differences: products would lose the small ones."""
    return ops.sum(ops.square(states[:, None] - states[None]), axis=-1)
