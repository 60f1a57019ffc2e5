"""The initializer of block rotations (Henaff, Szlam, LeCun 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
class Henaff(keras.initializers.Initializer):
    """Initializer that generates block-diagonal rotation matrices.

    Use it for the recurrent kernel of simple recurrent layers that need a long
    memory: an orthogonal matrix, sparse, with angles spread over a half turn. It is
    the matrix exponential of a block-diagonal skew matrix; for each pair of units,
    with an angle t drawn from U(-pi, 0),

        [ cos t  -sin t ]
        [ sin t   cos t ]

    For an odd size the last unit has a 1 on the diagonal.

    Args:
        seed: Integer, `keras.random.SeedGenerator` or None. The same integer
            gives the same matrix at every call.

    Call arguments:
        shape: `(units, units)`.
        dtype: Dtype of the matrix.

    Raises:
        ValueError: If the shape is not square.

    Example:

    ```python
    import keras, keras_modact

    layer = keras.layers.SimpleRNN(32, recurrent_initializer=keras_modact.Henaff())
    ```

    Reference:
        Henaff, Szlam, LeCun, "Recurrent orthogonal networks and long-memory
        tasks", ICML 2016; as used by Geadah et al., arXiv 2006.12253, 2020.
    """

    def __init__(self, seed: Any = None) -> None:
        self._angles = keras.initializers.RandomUniform(-np.pi, 0.0, seed=seed)

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                "`Henaff` makes square matrices, received the shape "
                f"{tuple(shape)}. Use it for a recurrent kernel (units, units); for "
                "another weight pass for example 'glorot_uniform'."
            )
        size, pairs = shape[0], shape[0] // 2
        wide = numerics.at_least_float32(ops.zeros((), dtype=dtype)).dtype
        angles = self._angles((pairs,), dtype=keras.backend.standardize_dtype(wide))
        cosines = ops.repeat(ops.cos(angles), 2)
        rest = ops.ones((size - 2 * pairs,), dtype=wide)
        sines = ops.sin(angles)
        # Every other place beside the diagonal belongs to two pairs, and is 0.
        beside = ops.stack([sines, ops.zeros_like(sines)], axis=-1)
        beside = ops.reshape(beside, (2 * pairs,))[: size - 1]
        matrix = (
            ops.diag(ops.concatenate([cosines, rest]))
            + ops.diag(beside, k=-1)
            - ops.diag(beside, k=1)
        )
        return ops.cast(matrix, keras.backend.standardize_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        return {"seed": self._angles.get_config()["seed"]}
