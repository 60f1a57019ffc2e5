"""Min-Maxout units on dense layers (Maharaj 2015, section 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_modact import numerics
from keras_modact.arguments import Tensor, constructor_arguments, positive_integer
from keras_modact.rectification.channels import (
    check_channels,
    known_channels,
    share_of_units,
)
from keras_modact.rectification.pieces import MinMaxoutBase


@keras.saving.register_keras_serializable(package="keras_modact")
class MinMaxout(MinMaxoutBase):
    """Dense layer of Min-Maxout units: the smallest or the largest of some lines.

    Choose it where the activation itself should be learned: a maxout unit can
    become any convex function of its input, a minout unit any concave one, and a
    layer with both has no preferred side. There is no further activation.

    Unit i has k = `num_pieces` affine pieces of the input:

        z_ij = x W_ij + b_ij                           j = 1 ... k
        y_i  = min_j z_ij     for the first round(min_fraction * units) units
        y_i  = max_j z_ij     for the others

    The thesis describes this in words. The rounding is half to even. Units start
    alike, so that it does not matter which of them are minima; the first are, and
    saved files need not say it. `min_fraction=0` is Maxout (Goodfellow et al.
    2013), `min_fraction=1` its mirror image, Minout.

    Weights: `kernel` (features, k units), k blocks of columns with the units in
    order within each; `bias` (k units), alike. An initializer draws each block by
    itself, so that a piece starts as a `Dense` layer of that size would.

    Args:
        units: Positive integer, the number of units.
        num_pieces: Integer of at least 2, the pieces of each unit. Defaults to 2.
        min_fraction: Float in [0, 1], the share of units that give the smallest
            piece. Defaults to 0.5.
        use_bias: Boolean, whether the pieces have a bias. Defaults to `True`.
        kernel_initializer: Initializer of `kernel`. Defaults to
            `"glorot_uniform"`.
        bias_initializer: Initializer of `bias`. Defaults to `"zeros"`.
        kernel_regularizer: Regularizer of `kernel`.
        bias_regularizer: Regularizer of `bias`.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on `kernel`.
        bias_constraint: Constraint on `bias`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor with at least two axes.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Raises:
        ValueError: If an argument is out of its range, the input has fewer than
            two axes, or its last axis has another or no known size.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((8,)),
        keras_modact.MinMaxout(16, num_pieces=3, min_fraction=0.25),
        keras.layers.Dense(1),
    ])
    assert model.predict(np.ones((2, 8)), verbose=0).shape == (2, 1)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 5.2; in
        words, without an equation number.
    """

    def __init__(
        self,
        units: int,
        num_pieces: int = 2,
        min_fraction: float = 0.5,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        given = constructor_arguments(locals())
        units = positive_integer("units", given.pop("units"))
        super().__init__(**given)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape: Sequence[int | None]) -> None:
        name = f"MinMaxout '{self.name}'"
        features = known_channels(name, input_shape, "channels_last")
        self.minima = share_of_units(
            name, "min_fraction", self.min_fraction, self.units
        )
        self.add_pieces((features,), self.units)

    def call(self, inputs: Tensor) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        self._check(inputs.shape)
        linear = numerics.matmul(inputs, self.kernel)
        return self.smallest_or_largest(linear, self.minima, "channels_last")

    def _check(self, shape: Sequence[int | None]) -> None:
        if self.built:
            name, features = f"MinMaxout '{self.name}'", self.kernel.shape[0]
            check_channels(name, shape, features, "channels_last")

    def compute_output_shape(
        self, input_shape: Sequence[int | None]
    ) -> tuple[int | None, ...]:
        self._check(input_shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}
