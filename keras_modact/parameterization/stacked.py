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

    Call arguments:
        initial_state: The states before the first step, a list: h and c of the
            last layer, then h and c of the layers 1 ... L - 1, each
            `(batch, units)`, then z and its c of the layers 1 ... L, each
            `(batch, policy_units)`. Defaults to zeros.

    Output shape:
        `(batch, units)` of the last layer, with `return_sequences`
        `(batch, time, units)`; with `return_state` followed by the last states,
        of the shapes above.

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
