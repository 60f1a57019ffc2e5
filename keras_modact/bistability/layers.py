"""The bistable recurrent layers (Vecoven, Ernst, Drion 2021)."""

from __future__ import annotations

import keras

from keras_modact.bistability.cells import BRCCell, NBRCCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class BRC(RecurrentLayer):
    """Bistable recurrent layer: each unit remembers by itself.

    Choose it where something seen once must be kept over hundreds of steps, at
    a cost that grows with the number of units only: every recurrent connection
    is from a unit to itself.

    With the input x_t, the state h (zero at first) and `*` element by element:

        a   = 1 + tanh(x_t U_a + w_a * h_(t-1) + b_a)    feedback, bistable above 1
        c   = sigmoid(x_t U_c + w_c * h_(t-1) + b_c)     update
        h_t = c * h_(t-1) + (1 - c) * tanh(x_t U + a * h_(t-1))

    Weights, of `layer.cell`: `kernel` (features, 3 units), columns U_a, U_c, U;
    `recurrent_kernel` (2 units), w_a then w_c; `bias` (2 units), b_a then b_c.

    Args:
        units: Positive integer, the number of units.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        use_candidate_bias: Boolean, whether the candidate has a bias as well.
            The paper has none, and neither does the default, `False`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"ones"`, as published.
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
        recurrent_dropout: Float in [0, 1), share of the state dropped, in
            training, where the gates read it, by one mask for the whole
            sequence. The carried state is never dropped.
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
        initial_state: The state before the first step, `(batch, units)`, or a
            list that holds it. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the state stays as it is.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last state `(batch, units)`.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the
            initial state have another shape than the above, or the number of
            features is unknown when the weights are made.

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
    then b_c.

    Args:
        units: Positive integer, the number of units.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        use_candidate_bias: Boolean, whether the candidate has a bias as well.
            The paper has none, and neither does the default, `False`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `"orthogonal"`, as in the authors' first code; their final code has
            `"glorot_uniform"`.
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
        recurrent_dropout: Float in [0, 1), share of the state dropped, in
            training, where the gates read it, by one mask for the whole
            sequence. The carried state is never dropped.
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
        initial_state: The state before the first step, `(batch, units)`, or a
            list that holds it. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the state stays as it is.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last state `(batch, units)`.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the
            initial state have another shape than the above, or the number of
            features is unknown when the weights are made.

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
