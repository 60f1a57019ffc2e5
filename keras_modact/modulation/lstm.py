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

    Args:
        units: Positive integer, the number of units.
        modulator_activation: tau: the name of a Keras activation,
            `"tanhshrink"`, or a callable. Defaults to `"sigmoid"`, as published
            for names and Penn Treebank; `"tanhshrink"` for SST-2, with which the
            candidate is all but silent at first.
        modulates: `"slope"`, tanh(tau(m) * g), or `"output"`, tau(m) * tanh(g).
            Defaults to `"slope"`.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        unit_forget_bias: Boolean, start the bias of the forget gate at 1.
            Defaults to `True`, as in `keras.layers.LSTM`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"orthogonal"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
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
            training, where R reads it, by one mask for the whole sequence. The
            carried states are never dropped.
        seed: Integer seed of the dropout masks, or None.
        return_sequences: Boolean, return the output of every step in place of
            the last one. Defaults to `False`.
        return_state: Boolean, return the last states as well. Defaults to
            `False`.
        go_backwards: Boolean, run from the last step to the first; outputs come
            in the order in which they are computed. Defaults to `False`.
        stateful: Boolean, start each batch from the last states of the batch
            before; needs a static batch size. Defaults to `False`.
        unroll: Boolean, write the loop out, for short static sequences.
            Defaults to `False`.
        zero_output_for_mask: Boolean, with `return_sequences` return zeros at
            masked steps in place of the carried state. Defaults to `False`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        sequences: Tensor `(batch, time, features)`.
        initial_state: The states before the first step, a list of h and c, each
            `(batch, units)`. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the states stay as they are.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last h and c, each `(batch, units)`.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the initial
            states have another shape than the above, or the number of features
            is unknown when the weights are made.

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
