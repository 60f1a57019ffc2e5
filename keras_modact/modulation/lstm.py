"""The modulated LSTM layer (Sha, Schwarcz, Hong 2019, section 2)."""

from __future__ import annotations

import keras

from keras_modact.modulation.lstm_cell import ModulatedLSTMCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class ModulatedLSTM(RecurrentLayer):
    """LSTM whose candidates have slopes set by a fifth gate.

    Choose it over `keras.layers.LSTM` where how strongly a node answers should
    depend on the context: a fifth gate, which reads what the others read, sets
    the slope of each node's activation at every step. It costs a quarter more
    weights than an LSTM of the same width.

    With the input x_t, the states h and c (zero at first), `@` the matrix
    product, sigma the logistic sigmoid, tau the modulator's activation, and each
    of the gates i, f, g, o, m a block of x_t W + h_(t-1) @ R + b:

        c_t = sigma(f) * c_(t-1) + sigma(i) * tanh(tau(m) * g)
        h_t = sigma(o) * tanh(c_t)

    With tau = 1 this is `keras.layers.LSTM`. With `modulates="output"` the fifth
    gate comes after the activation, tau(m) * tanh(g): the paper's control 3, an
    LSTM with an extra input gate.

    Weights, of `layer.cell`: `kernel` (features, 5 units), W;
    `recurrent_kernel` (units, 5 units), R; `bias` (5 units), b; columns
    i, f, g, o, m. An initializer draws the block of each gate by itself.
    Published is `keras.initializers.RandomUniform(-k, k)`, k = units^-0.5, for
    all three, with `unit_forget_bias=False`. What the gates do, step by step,
    `layer.cell.gates` tells.

    Call arguments:
        initial_state: The states before the first step, a list of h and c, each
            `(batch, units)`. Defaults to zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last h and c, each `(batch, units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.ModulatedLSTM(16, modulator_activation="tanhshrink"),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Sha, Schwarcz, Hong, "Context dependent modulation of activation
        function", submitted to ICLR 2019, section 2, the modulated LSTM.
    """

    cell_class = ModulatedLSTMCell
