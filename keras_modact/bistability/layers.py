"""The bistable recurrent layers (Vecoven, Ernst, Drion 2021)."""

from __future__ import annotations

import keras

from keras_modact.bistability.cells import BRCCell, NBRCCell
from keras_modact.recurrence import RecurrentLayer


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


@keras.saving.register_keras_serializable(package="keras_modact")
class NBRC(RecurrentLayer):
    """Recurrently neuromodulated bistable layer.

    Choose it over `BRC` where units must act on each other: the gates read the
    whole state, and the memory itself stays in each unit. It costs about as
    much as a GRU and keeps what a GRU forgets.

    With the input x_t, the state h (zero at first), `*` element by element and
    `@` the matrix product:

        a   = 1 + tanh(x_t U_a + h_(t-1) @ W_a + b_a)    feedback, bistable above 1
        c   = sigmoid(x_t U_c + h_(t-1) @ W_c + b_c)     update
        h_t = c * h_(t-1) + (1 - c) * tanh(x_t U + a * h_(t-1))

    Weights, of `layer.cell`: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (units, 2 units), W_a then W_c; `bias` (2 units), b_a
    then b_c. The biases are the published code's; the paper's equations have none.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.NBRC(16, return_sequences=True),
        keras_modact.NBRC(16),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Vecoven, Ernst, Drion, "A bio-inspired bistable recurrent cell allows
        for long-lasting memory", PLoS ONE 16(6), 2021, eqs. 4 and 5.
    """

    cell_class = NBRCCell
