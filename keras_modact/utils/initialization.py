"""Initial values of a weight that holds several blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.utils.validation import Tensor


def per_block(initializer: Any, blocks: int) -> Callable[..., Tensor]:
    """An initializer that draws each block of columns by itself.

    The gates of a cell, or the pieces of a maxout unit, share one kernel whose
    last axis holds one block of columns for each. Glorot's fan and orthogonality
    belong to a block, so the papers' code draws each alone, while Keras draws
    the whole kernel at once.

    Args:
        initializer: A Keras initializer or a callable `(shape, dtype)`.
        blocks: Number of equal blocks along the last axis.

    Returns:
        A callable `(shape, dtype=None)`, as `Layer.add_weight` takes it.
    """

    def draw(shape: Sequence[int], dtype: Any = None) -> Tensor:
        dtype = keras.backend.standardize_dtype(dtype)
        # Not every backend orthogonalizes in half precision.
        drawn = "float32" if dtype in ("float16", "bfloat16") else dtype
        block_shape = (*shape[:-1], shape[-1] // blocks)
        drawn_blocks = [
            for_block(initializer, block)(block_shape, dtype=drawn)
            for block in range(blocks)
        ]
        return ops.cast(ops.concatenate(drawn_blocks, axis=-1), dtype)

    return draw


def for_block(initializer: Any, block: int) -> Any:
    """The initializer with a seed of its own for this block.

    A seeded Keras initializer returns the same numbers at every call, so every
    block would otherwise start with the same weights. The first one keeps the
    user's seed; a seed that is no integer (None, a generator) already differs
    from call to call once the initializer is made anew.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    seed = config.get("seed")
    if "seed" not in config or not (seed is None or isinstance(seed, int)):
        return initializer
    if isinstance(seed, int) and block > 0:
        entropy = np.random.SeedSequence((abs(seed), block))
        config["seed"] = int(entropy.generate_state(1)[0] >> 1)
    return type(initializer).from_config(config)


def with_unit_forget_bias(initializer: Any, blocks: int) -> Callable[..., Tensor]:
    """The initializer of the bias of an LSTM, but for ones in the second block.

    Args:
        initializer: A Keras initializer or a callable `(shape, dtype)`.
        blocks: Number of gates, of which the second is the forget gate.

    Returns:
        A callable `(shape, dtype=None)`, as `Layer.add_weight` takes it.
    """

    def draw(shape: Sequence[int], dtype: Any = None) -> Tensor:
        drawn = initializer(shape, dtype=dtype)
        units = shape[0] // blocks
        ones = ops.ones((units,), dtype=drawn.dtype)
        return ops.concatenate([drawn[:units], ones, drawn[2 * units :]])

    return draw
