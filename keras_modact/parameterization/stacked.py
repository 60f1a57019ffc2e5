"""Adaptive LSTM layers on top of each other (Flennerhag et al. 2018, equation 10)."""

from __future__ import annotations

import keras

from keras_modact.parameterization.stacked_cell import StackedAdaptiveLSTMCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class StackedAdaptiveLSTM(RecurrentLayer):
    """Adaptive LSTM layers on top of each other, their policies in one loop.

    Choose it over several `AdaptiveLSTM` layers where the policies should know
    of each other, as in the paper's language models: each reads the z of the
    layer below, and the first that of the last layer, a step ago.

    Layer l = 1 ... L is an `AdaptiveLSTM` with a recurrent policy that reads

        v_l = [h_t of l - 1; h_(t-1) of l; z_t of l - 1]    l = 2 ... L
        v_1 = [x_t; h_(t-1) of 1; z_(t-1) of L]

    With one layer there is no z in v, and this is `AdaptiveLSTM`. A stack with
    static policies is `AdaptiveLSTM` layers on top of each other.

    Weights: those of each `AdaptiveLSTMCell` in `layer.cell.cells`, from the
    first layer to the last, where `policy_kernel` has the shape (size of v,
    4 policy_units). The paper's Penn Treebank model, 400 features and units of
    (1150, 400) with policy_units=100, has 13,187,000 here, 800 fewer than
    published, since one bias of a policy is as good as two.

    Args:
        units: Tuple or list of positive integers, the units of each layer, the
            first one first; an integer is one layer. The paper has (1150, 400).
        policy_units: Positive integer, the size of z in each layer.
        adaptation: What is adapted: `"input"`, pi_x and pi_h; `"output"`, pi_xg
            and pi_hg; `"io"`, all four. Defaults to `"io"`.
        adapt_bias: Boolean, whether the biases are adapted. Defaults to `True`.
        policy_activation: tau: the name of a Keras activation or a callable.
            Defaults to `"tanh"`.
        around_one: Boolean, pi = 1 + tau(z' @ U) in place of tau(z' @ U), with U
            zero at first. Defaults to `False`, as in the paper.
        slicing: `"exact"`, or `"published"` for the faulty places in the authors'
            code, see `AdaptiveLSTMCell`. Defaults to `"exact"`.
        use_bias: Boolean, whether the gates have a bias. Defaults to `True`.
        unit_forget_bias: Boolean, start the bias of the forget gates at 1.
            Defaults to `True`.
        kernel_initializer: Initializer of each `kernel`. Defaults to
            `"orthogonal"`.
        recurrent_initializer: Initializer of each `recurrent_kernel`. Defaults to
            `"orthogonal"`.
        bias_initializer: Initializer of each `bias`. Defaults to `"zeros"`.
        policy_kernel_initializer: Initializer of each `policy_kernel`. Defaults
            to `None`: uniform within policy_units^-0.5 on either side of 0.
        policy_recurrent_initializer: Initializer of each
            `policy_recurrent_kernel`, with the same default.
        policy_bias_initializer: Initializer of each `policy_bias`, with the same
            default.
        adaptation_initializer: Initializer of each `adaptation_kernel`, with the
            same default, or zeros with `around_one`.
        kernel_regularizer: Regularizer of each `kernel`.
        recurrent_regularizer: Regularizer of each `recurrent_kernel`.
        bias_regularizer: Regularizer of each `bias`.
        policy_kernel_regularizer: Regularizer of each `policy_kernel`.
        policy_recurrent_regularizer: Regularizer of each
            `policy_recurrent_kernel`.
        policy_bias_regularizer: Regularizer of each `policy_bias`.
        adaptation_regularizer: Regularizer of each `adaptation_kernel`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on each `kernel`.
        recurrent_constraint: Constraint on each `recurrent_kernel`.
        bias_constraint: Constraint on each `bias`.
        dropout: Float in [0, 1), share of the inputs dropped in training, by
            one mask for the whole sequence.
        recurrent_dropout: Float in [0, 1), share of each h dropped, in training,
            where its own layer and the one above read it, by one mask for the
            whole sequence. The output is never dropped.
        policy_dropout: Float in [0, 1), share of each z dropped, in training,
            where its own layer and the next one read it, by one mask for the
            whole sequence. The carried states are never dropped.
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
        initial_state: The states before the first step, a list: h and c of the
            last layer, then h and c of the layers 1 ... L - 1, each
            `(batch, units)`, then z and its c of the layers 1 ... L, each
            `(batch, policy_units)`. Defaults to zeros.
        mask: Boolean tensor `(batch, time)`; at a step with False the input is
            not read and the states stay as they are.
        training: Boolean, whether dropout acts.

    Input shape:
        `(batch, time, features)`.

    Output shape:
        `(batch, units)` of the last layer, with `return_sequences`
        `(batch, time, units)`; with `return_state` followed by the last states,
        of the shapes above.

    Raises:
        ValueError: If an argument is out of its range, there is no layer, the
            inputs or the initial states have another shape than the above, or
            the number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.StackedAdaptiveLSTM([16, 8], policy_units=4),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Flennerhag, Yin, Keane, Elliot, "Breaking the activation function
        bottleneck through adaptive parameterization", NeurIPS 2018, equations 9
        and 10.
    """

    cell_class = StackedAdaptiveLSTMCell
