"""The adaptive LSTM layer (Flennerhag et al. 2018, section 3)."""

from __future__ import annotations

import keras

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

    Args:
        units: Positive integer, the number of units.
        policy_units: Positive integer, the size of z. The paper has 100 for
            1,150 and 400 units.
        policy: `"recurrent"`, z from a small LSTM, or `"static"`, from a dense
            layer of rectifiers. Defaults to `"recurrent"`.
        adaptation: What is adapted: `"input"`, pi_x and pi_h; `"output"`, pi_xg
            and pi_hg; `"io"`, all four. Defaults to `"io"`.
        adapt_bias: Boolean, whether the bias is adapted, by pi_b. Defaults to
            `True`.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, pi = 1 + tau(z' @ U) in place of tau(z' @ U), with U
            zero at first. Defaults to `False`, as in the paper.
        slicing: `"exact"`, or `"published"`: the authors' code takes sizes for
            places and cuts tau(z' @ U), with I features and H units, into pi_x
            [0, I), pi_h [I, I + H), pi_xg [H, 5H), and [4H, 8H) for both pi_hg
            and pi_b, and leaves the rest of its I + 13 H columns unused, which
            are kept whatever is adapted. For comparisons with published figures
            only. Defaults to `"exact"`.
        use_bias: Boolean, whether the gates have a bias b. Defaults to `True`.
        unit_forget_bias: Boolean, start b at 1 for the forget gate. Defaults to
            `True`.
        kernel_initializer: Initializer of `kernel`, all gates at once. Defaults
            to `"orthogonal"`.
        recurrent_initializer: Initializer of `recurrent_kernel`, all gates at
            once. Defaults to `"orthogonal"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        policy_kernel_initializer: Initializer of `policy_kernel`. Defaults to
            `None`: uniform within policy_units^-0.5 on either side of 0.
        policy_recurrent_initializer: Initializer of `policy_recurrent_kernel`,
            with the same default.
        policy_bias_initializer: Initializer of `policy_bias`, with the same
            default.
        adaptation_initializer: Initializer of `adaptation_kernel`, with the same
            default, or zeros with `around_one`.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        policy_kernel_regularizer: Regularizer of `policy_kernel`.
        policy_recurrent_regularizer: Regularizer of `policy_recurrent_kernel`.
        policy_bias_regularizer: Regularizer of `policy_bias`.
        adaptation_regularizer: Regularizer of `adaptation_kernel`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training, by
            one mask for the whole sequence.
        recurrent_dropout: Float in [0, 1), share of the state h dropped, in
            training, where the gates and the policy read it, by one mask for the
            whole sequence.
        policy_dropout: Float in [0, 1), share of z dropped, in training, where U
            and the policy read it, by one mask for the whole sequence. The
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
            `(batch, units)`, and with a recurrent policy z and its c, each
            `(batch, policy_units)`. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the states stay as they are.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)`, with `return_sequences` `(batch, time, units)`; with
        `return_state` followed by the last states, of the shapes above.

    Raises:
        ValueError: If an argument is out of its range, the inputs or the initial
            states have another shape than the above, or the number of features
            is unknown when the weights are made.

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
