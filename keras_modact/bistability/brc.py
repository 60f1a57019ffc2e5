"""The bistable recurrent cell and layer (Vecoven, Ernst, Drion 2021, equation 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import keras

from keras_modact.bistability.base import BistableCell
from keras_modact.recurrence import LayerArguments, RecurrentLayer, arithmetic
from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
class BRCCell(BistableCell):
    """Bistable recurrent cell: each unit remembers by itself.

    Choose it for memory over long sequences at a cost that grows with the
    number of units only: every recurrent connection is from a unit to itself.
    Use the layer `BRC` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the state h and `*` element by element:

        a  = 1 + tanh(x U_a + w_a * h + b_a)      feedback, bistable where a > 1
        c  = sigmoid(x U_c + w_c * h + b_c)       update
        h' = c * h + (1 - c) * tanh(x U + a * h)

    Weights: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (2 units), w_a then w_c; `bias` (2 units), b_a then b_c.
    The biases are the published code's; the paper's equation has none.
    An initializer draws the block of each gate by itself.

    Args:
        use_candidate_bias: Boolean, whether the candidate has a bias as well
            (`bias` then has 3 units' blocks). The paper has none.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"ones"`, as published.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.BRCCell(16), return_sequences=True)
    outputs = layer(np.ones((2, 10, 3), "float32"))
    assert outputs.shape == (2, 10, 16)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eq. 4.
    """

    defaults: ClassVar[Mapping[str, Any]] = {"recurrent_initializer": "ones"}

    def recurrent_shape(self) -> tuple[int, ...]:
        return (2 * self.units,)

    def gate_inputs(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        read = numerics.masked(h, recurrent_mask)
        feedback, update, drive = arithmetic.split(projected, 3)
        of_feedback, of_update = arithmetic.split(
            numerics.weight_like(self.recurrent_kernel, read), 2
        )
        return (
            arithmetic.multiply_add(read, of_feedback, feedback),
            arithmetic.multiply_add(read, of_update, update),
            drive,
        )


@keras.saving.register_keras_serializable(package="keras_modact")
class BRC(RecurrentLayer):
    """Bistable recurrent layer: each unit remembers by itself.

    Long memory at O(units) recurrent cost: units connect only to themselves. Choose
    it for what is seen once and needed hundreds of steps later.

    With the input x_t, the state h (zero at first) and `*` element by element:

        a   = 1 + tanh(x_t U_a + w_a * h_(t-1) + b_a)    feedback, bistable above 1
        c   = sigmoid(x_t U_c + w_c * h_(t-1) + b_c)     update
        h_t = c * h_(t-1) + (1 - c) * tanh(x_t U + a * h_(t-1))

    Weights, of `layer.cell`: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (2 units), w_a then w_c; `bias` (2 units), b_a then b_c.
    The biases are the published code's; the paper's equation has none.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.BRC(16, return_sequences=True),
        keras_modact.BRC(16),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eq. 4.
    """

    cell_class = BRCCell

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            use_candidate_bias: bool = False,
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...
