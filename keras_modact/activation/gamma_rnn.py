"""The recurrent layer with the adaptive activation (Geadah et al. 2020)."""

from __future__ import annotations

import keras

from keras_modact.activation.gamma_cell import GammaRNNCell
from keras_modact.recurrence import RecurrentLayer


@keras.saving.register_keras_serializable(package="keras_modact")
class GammaRNN(RecurrentLayer):
    """Plain recurrent layer with the adaptive activation.

    Choose it over `keras.layers.SimpleRNN` where the activation should be found
    by training, from near ReLU to sigmoid, for the layer or for every unit. The
    default recurrent kernel of rotations keeps the length of what it turns; how
    much of it the activation lets through differs from draw to draw.

    With the input x_t, the state h (zero at first), `@` the matrix product, the
    gain n, the saturation s, and sigma the logistic sigmoid:

        h_t = gamma(x_t U + h_(t-1) @ V + b; n, s)
        gamma(a; n, s) = (1 - s) softplus(n a) / n + s sigma(n a)

    Weights, of `layer.cell`: `kernel` (features, units), U; `recurrent_kernel`
    (units, units), V; `bias` (units), b; `gain` and `saturation`, n and s:
    scalars, or in mode "heterogeneous" (units). In mode "static" they are not
    trained. The authors' code has two biases, which add up to this one.

    To train gain and saturation alone, the paper's transfer setting, before
    compiling: `for w in model.trainable_weights: w.trainable = w.name in ("gain",
    "saturation")`.

    Args:
        units: Positive integer, the number of units.
        mode: `"static"`, one fixed gain and saturation; `"homogeneous"`, one
            trained pair; `"heterogeneous"`, one trained pair a unit. Defaults to
            `"homogeneous"`.
        use_bias: Boolean, whether it has a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"he_normal"`,
            as published for MNIST and Penn Treebank; `"glorot_normal"` for the
            copy task.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `Henaff`, by its registered name.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        gain_initializer: A number, not 0, or an initializer of `gain`. Defaults
            to 5.0; published are others too, see `Gamma`.
        saturation_initializer: A number or an initializer of `saturation`.
            Defaults to 0.0.
        kernel_regularizer: Regularizer of `kernel`.
        recurrent_regularizer: Regularizer of `recurrent_kernel`.
        bias_regularizer: Regularizer of `bias`.
        gain_regularizer: Regularizer of `gain`.
        saturation_regularizer: Regularizer of `saturation`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        recurrent_constraint: Constraint on `recurrent_kernel`.
        bias_constraint: Constraint on `bias`.
        gain_constraint: Constraint on `gain`.
        saturation_constraint: Constraint on `saturation`.
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
        ValueError: If an argument is out of its range, the gain starts at 0, the
            inputs or the initial state have another shape than the above, or the
            number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((None, 3)),
        keras_modact.GammaRNN(16, mode="heterogeneous"),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 10, 3)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Geadah, Kerg, Horoi, Wolf, Lajoie, "Advantages of biologically-inspired
        adaptive neural activation in RNNs during learning", arXiv 2006.12253,
        2020; the definition of gamma and of the network.
    """

    cell_class = GammaRNNCell
