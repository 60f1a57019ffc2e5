"""Initial values of a kernel that several gates share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.arguments import Tensor


def per_gate(initializer: Any, gates: int) -> Callable[..., Tensor]:
    """An initializer that draws the block of each gate by itself.

    Gates share one kernel whose last axis holds one block of columns per gate.
    Glorot's fan and orthogonality belong to a gate, so the papers' code draws
    each block alone, while Keras draws the whole kernel at once.

    Args:
        initializer: A Keras initializer or a callable `(shape, dtype)`.
        gates: Number of equal blocks along the last axis.

    Returns:
        A callable `(shape, dtype=None)`, as `Layer.add_weight` takes it.
    """

    def draw(shape: Sequence[int], dtype: Any = None) -> Tensor:
        dtype = keras.backend.standardize_dtype(dtype)
        # Not every backend orthogonalizes in half precision.
        drawn = "float32" if dtype in ("float16", "bfloat16") else dtype
        block = (*shape[:-1], shape[-1] // gates)
        blocks = [
            for_gate(initializer, gate)(block, dtype=drawn) for gate in range(gates)
        ]
        return ops.cast(ops.concatenate(blocks, axis=-1), dtype)

    return draw


def for_gate(initializer: Any, gate: int) -> Any:
    """The initializer with a seed of its own for this gate.

    A seeded Keras initializer returns the same numbers at every call, so every
    gate would otherwise start with the same weights. The first gate keeps the
    user's seed; a seed that is no integer (None, a generator) already differs
    from call to call once the initializer is made anew.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    seed = config.get("seed")
    if "seed" not in config or not (seed is None or isinstance(seed, int)):
        return initializer
    if isinstance(seed, int) and gate > 0:
        entropy = np.random.SeedSequence((abs(seed), gate))
        config["seed"] = int(entropy.generate_state(1)[0] >> 1)
    return type(initializer).from_config(config)
