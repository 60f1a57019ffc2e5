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

    Args:
        units: Positive integer, the number of units.
        supervisor_units: Positive integer S, the supervisor's units. Defaults to
            50.
        use_bias: Boolean, whether it has b and b_g. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"he_normal"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `Henaff`, by its registered name.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        supervisor_kernel_initializer: Initializer of `supervisor_kernel`.
            Defaults to `"he_normal"`.
        supervisor_recurrent_initializer: Initializer of
            `supervisor_recurrent_kernel`. Defaults to `Henaff`.
        supervisor_bias_initializer: Initializer of `supervisor_bias`. Defaults to
            `"zeros"`.
        gain_kernel_initializer: Initializer of `gain_kernel`. Defaults to None,
            which stands for a tenth of `"glorot_normal"`, as published.
        gain_bias_initializer: Initializer of `gain_bias`. Defaults to None, which
            stands for 5 + 2 U(0, 1), as published.
        saturation_kernel_initializer: Initializer of `saturation_kernel`.
            Defaults to None, which stands for a hundredth of `"glorot_normal"`.
        saturation_bias_initializer: Initializer of `saturation_bias`. Defaults
            to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training, by
            one mask for the whole sequence.
        recurrent_dropout: Float in [0, 1), share of the state h dropped, in
            training, where V reads it, by one mask for the whole sequence. The
            carried state is never dropped.
        seed: Integer seed of the dropout masks, or None.
        return_sequences: Boolean, return the output of every step in place of
            the last one. Defaults to `False`.
        return_state: Boolean, return the last state as well. Defaults to
            `False`.
        go_backwards: Boolean, run from the last step to the first; outputs come
            in the order in which they are computed. Defaults to `False`.
        stateful: Boolean, start each batch from the last state of the batch
            before; needs a static batch size. Defaults to `False`.
        unroll: Boolean, write the loop out, for short static sequences.
            Defaults to `False`.
        zero_output_for_mask: Boolean, with `return_sequences` return zeros at
            masked steps in place of the carried state. Defaults to `False`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        sequences: Tensor `(batch, time, features)`.
        initial_state: The list of the states before the first step, h
            `(batch, units)` and g `(batch, units, supervisor_units)`. Defaults to
            zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the states stay as they are.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, `(batch, units)` and
        `(batch, units, supervisor_units)`.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the
            initial states have another shape than the above, or the number of
            features is unknown when the weights are made.

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
