"""The recurrent layer whose activation is set by a network (Geadah et al. 2024)."""

from __future__ import annotations

import keras

from keras_modact.activation.arun_cell import ARUNCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class ARUN(RecurrentLayer):
    """Adaptive recurrent units: a small network sets each unit's activation.

    Choose it over `GammaRNN` where units should change their activation within a
    sequence, as neurons adapt to a stimulus. Every step costs the supervisor's
    (batch, units, S) numbers on top. To see gain and saturation over time, run
    `layer.cell` step by step and give g to `layer.cell.adaptation`.

    With the input x_t, the states h (units) and g (units, S), zero at first, `@`
    the matrix product, and one supervisor network that all units i share:

        a_t     = x_t U + h_(t-1) @ V + b
        g_(t,i) = tanh(a_(t,i) U_a + g_(t-1,i) @ W_g + b_g)
        n_(t,i) = g_(t,i) @ w_n + b_n                   gain
        s_(t,i) = g_(t,i) @ w_s + b_s                   saturation
        h_(t,i) = gamma(a_(t,i); n_(t,i), s_(t,i))
        gamma(a; n, s) = (1 - s) softplus(n a) / n + s sigma(n a)

    Weights, of `layer.cell`: `kernel` (features, units), U; `recurrent_kernel`
    (units, units), V; `bias` (units), b; `supervisor_kernel` (1, S), U_a;
    `supervisor_recurrent_kernel` (S, S), W_g; `supervisor_bias` (S), b_g;
    `gain_kernel` (S, 1), w_n; `gain_bias` (1), b_n; `saturation_kernel` (S, 1),
    w_s; `saturation_bias` (1), b_s. The authors' code has two biases in each
    network, which add up to one.

    Call arguments:
        initial_state: The list of the states before the first step, h
            `(batch, units)` and g `(batch, units, supervisor_units)`. Defaults to
            zeros.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, `(batch, units)` and
        `(batch, units, supervisor_units)`.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras_modact.ARUN(16, supervisor_units=4, return_state=True)
    output, h, g = layer(np.ones((2, 10, 3), "float32"))
    gain, saturation = layer.cell.adaptation(g)
    assert gain.shape == (2, 16)
    ```

    Reference:
        Geadah, Horoi, Kerg, Wolf, Lajoie, "Neural networks with optimized
        single-neuron adaptation uncover biologically plausible regularization",
        PLoS Computational Biology, 2024; the follow-up of arXiv 2006.12253, which
        defines gamma.
    """

    cell_class = ARUNCell
