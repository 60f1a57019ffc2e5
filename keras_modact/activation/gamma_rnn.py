"""The recurrent cell and layer with gamma as their activation (Geadah et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

import keras

from keras_modact.activation.adaptation import Adaptation, split_adaptation
from keras_modact.activation.gamma import gamma_step
from keras_modact.recurrence import (
    CellArguments,
    Fixed,
    LayerArguments,
    RecurrentCell,
    RecurrentLayer,
)
from keras_modact.utils import numerics
from keras_modact.utils.validation import Tensor, constructor_arguments
from keras_modact.utils.weights import weight_kwargs

PUBLISHED_INITIALIZERS = {
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "keras_modact>Henaff",
}


GAMMA = {
    "activation": Fixed(
        None,
        "it is gamma, by its definition in the paper, whose gain and saturation say "
        "which activation it resembles",
    )
}


class ElmanCell(RecurrentCell):
    """The affine part that the gamma RNN and ARUN share: a = x U + h @ V + b."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        features = self.checked_features(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(features, self.units),
            **weight_kwargs(self, "kernel"),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, self.units),
            **weight_kwargs(self, "recurrent"),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.units,), **weight_kwargs(self, "bias")
            )

    def project(self, inputs: Tensor) -> Tensor:
        projected = self.product(inputs, self.kernel)
        if self.use_bias:
            projected = projected + numerics.weight_like(self.bias, projected)
        return projected

    def pre_activation(
        self, projected: Tensor, h: Tensor, recurrent_mask: Tensor | None
    ) -> Tensor:
        """a, from the projected inputs and the state, dropped where a mask is."""
        read = numerics.masked(h, recurrent_mask)
        return projected + numerics.matmul(read, self.recurrent_kernel)


@keras.saving.register_keras_serializable(package="keras_modact")
class GammaRNNCell(Adaptation, ElmanCell):
    """Plain recurrent cell with the adaptive activation: one step of `GammaRNN`.

    Choose the layer `GammaRNN` to run it over a sequence; the cell is for
    `keras.layers.RNN`, `keras.layers.StackedRNNCells` and loops of your own.

    With the input x, the state h, `@` the matrix product, the gain n, the
    saturation s, and sigma the logistic sigmoid:

        h' = gamma(x U + h @ V + b; n, s)
        gamma(a; n, s) = (1 - s) softplus(n a) / n + s sigma(n a)

    Weights: `kernel` (features, units), U; `recurrent_kernel` (units, units), V;
    `bias` (units), b; `gain` and `saturation`, n and s: scalars, or in mode
    "heterogeneous" (units). In mode "static" they are not trained. The authors'
    code has two biases, which add up to this one.

    Args:
        mode: `"static"`, one fixed gain and saturation; `"homogeneous"`, one
            trained pair; `"heterogeneous"`, one trained pair a unit. Defaults to
            `"homogeneous"`.
        kernel_initializer: Initializer of `kernel`. Defaults to `"he_normal"`,
            as published for MNIST and Penn Treebank; `"glorot_normal"` for the
            copy task.
        recurrent_initializer: Initializer of `recurrent_kernel`. Defaults to
            `Henaff`, by its registered name.
        gain_initializer: A number, not 0, or an initializer of `gain`. Defaults
            to 5.0; published are others too, see `Gamma`.
        saturation_initializer: A number or an initializer of `saturation`.
            Defaults to 0.0.
        gain_regularizer: Regularizer of `gain`.
        saturation_regularizer: Regularizer of `saturation`.
        gain_constraint: Constraint on `gain`.
        saturation_constraint: Constraint on `saturation`.

    Raises:
        ValueError: If an argument is out of its range, the gain starts at 0, or
            the number of features is unknown when the weights are made.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras.layers.RNN(keras_modact.GammaRNNCell(16, mode="heterogeneous"))
    assert layer(np.ones((2, 10, 3), "float32")).shape == (2, 16)
    ```

    Reference:
        Geadah, Kerg, Horoi, Wolf, Lajoie, "Advantages of biologically-inspired
        adaptive neural activation in RNNs during learning", arXiv 2006.12253,
        2020; the definition of gamma and of the network.
    """

    defaults: ClassVar[Mapping[str, Any]] = PUBLISHED_INITIALIZERS
    fixed_arguments: ClassVar[Mapping[str, Fixed]] = GAMMA
    adjoint_pays_up_to: ClassVar[Mapping[str, int]] = {"tensorflow": 3_000, "torch": 0}

    def __init__(
        self,
        units: int,
        mode: str = "homogeneous",
        gain_initializer: Any = 5.0,
        saturation_initializer: Any = 0.0,
        gain_regularizer: Any = None,
        saturation_regularizer: Any = None,
        gain_constraint: Any = None,
        saturation_constraint: Any = None,
        **kwargs: Unpack[CellArguments],
    ) -> None:
        others, adaptation = split_adaptation(constructor_arguments(locals()))
        super().__init__(**others)
        self.set_adaptation(adaptation)

    def build(self, input_shape: Sequence[int | None]) -> None:
        super().build(input_shape)
        self.add_adaptation((self.units,))

    def step(
        self,
        projected: Tensor,
        states: Sequence[Tensor],
        recurrent_mask: Tensor | None = None,
    ) -> list[Tensor]:
        a = self.pre_activation(projected, states[0], recurrent_mask)
        return [gamma_step(a, self.gain, self.saturation)]


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

    if TYPE_CHECKING:

        def __init__(
            self,
            units: int,
            mode: str = "homogeneous",
            gain_initializer: Any = 5.0,
            saturation_initializer: Any = 0.0,
            gain_regularizer: Any = None,
            saturation_regularizer: Any = None,
            gain_constraint: Any = None,
            saturation_constraint: Any = None,
            **kwargs: Unpack[LayerArguments],
        ) -> None: ...
