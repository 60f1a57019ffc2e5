"""The adaptive LSTM layer (Flennerhag et al. 2018, section 3)."""

from __future__ import annotations

from typing import Any

import keras

from keras_modact import conversion
from keras_modact.parameterization.lstm_cell import AdaptiveLSTMCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class AdaptiveLSTM(RecurrentLayer):
    """LSTM whose matrices are adapted to what it reads, at every step.

    Choose it over `keras.layers.LSTM` where one set of weights should serve
    changing contexts, as in language models: a small network, the policy, scales
    the rows and columns of the LSTM's matrices at every step, which makes a
    given number of weights go further. For several layers see
    `StackedAdaptiveLSTM`, whose policies know of each other.

    With the input x_t, the states h and c (zero at first), v = [x_t; h_(t-1)],
    `@` the matrix product, sigma the logistic sigmoid, "1 +" with `around_one`
    only, and each of the gates i, f, g, o a block of u:

        z_t = the output of an LSTM that reads v, with the states z and its c
        pi_x, pi_h, pi_xg, pi_hg, pi_b = blocks of [1 +] tau(z_t @ U)
        u   = ((x_t * pi_x) @ W) * pi_xg + ((h_(t-1) * pi_h) @ R) * pi_hg + b * pi_b
        c_t = sigma(f) * c_(t-1) + sigma(i) * tanh(g)
        h_t = sigma(o) * tanh(c_t)

    With `policy="static"` z_t = relu(v P + p). With pi = 1 this is
    `keras.layers.LSTM`. As published z and so pi start near 0, and the cell all
    but closed; with `around_one=True` it starts as the LSTM with the same
    weights.

    Weights, of `layer.cell`: `kernel` (features, 4 units), W; `recurrent_kernel`
    (units, 4 units), R; `bias` (4 units), b; columns i, f, g, o. `policy_kernel`
    (features + units, 4 policy_units), `policy_recurrent_kernel` (policy_units,
    4 policy_units) and `policy_bias` (4 policy_units), the policy's LSTM, with
    columns i, f, g, o as well; a static policy has `policy_kernel`, P, and
    `policy_bias`, p, with policy_units columns. `adaptation_kernel`
    (policy_units, features + 13 units), U, with the columns of pi_x, pi_h,
    pi_xg, pi_hg and pi_b, without those that are not adapted. The published
    policy has two biases that are added up; one is as good. What pi is for a z,
    `layer.cell.adaptation` tells.

    Call arguments:
        initial_state: The states before the first step, a list of h and c, each
            `(batch, units)`, and with a recurrent policy z and its c, each
            `(batch, policy_units)`. Defaults to zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, of the shapes above.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.AdaptiveLSTM(16, policy_units=4),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 6
        to 9, the first matrices tied over the gates.
    """

    cell_class = AdaptiveLSTMCell

    @classmethod
    def from_lstm(
        cls, layer: keras.layers.LSTM, policy_units: int, **kwargs: Any
    ) -> AdaptiveLSTM:
        """An adaptive LSTM that computes what an LSTM does, before it is trained.

        It is one with `around_one=True` whose policy starts at zero, and the LSTM's
        weights.

        Args:
            layer: A built `keras.layers.LSTM`, with tanh and sigmoid as its
                activations. It is not changed.
            policy_units: As in the constructor.
            **kwargs: Further arguments of the constructor, those that the layer
                does not answer; `name`, in place of the layer's own.

        Raises:
            ValueError: If the layer is no built `keras.layers.LSTM`, or one with
                other activations, or `policy_activation` is not 0 at 0.

        Example:

        ```python
        import numpy as np, keras, keras_modact

        x = np.ones((2, 10, 3), "float32")
        lstm = keras.layers.LSTM(16)
        outputs = lstm(x)
        layer = keras_modact.AdaptiveLSTM.from_lstm(lstm, policy_units=4)
        np.testing.assert_allclose(layer(x), outputs, atol=1e-6)
        ```
        """
        method = "AdaptiveLSTM.from_lstm"
        conversion.check_source(method, layer, keras.layers.LSTM)
        conversion.refuse(method, layer, conversion.other_activations(layer.cell))
        given = conversion.around_one(method, layer, conversion.LSTM, kwargs)
        made = cls(policy_units=policy_units, **given)
        conversion.build_like(made, layer)
        made.cell.kernel.assign(layer.cell.kernel)
        made.cell.recurrent_kernel.assign(layer.cell.recurrent_kernel)
        if layer.cell.use_bias:
            made.cell.bias.assign(layer.cell.bias)
        return made
