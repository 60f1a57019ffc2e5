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
