"""Negative rectifiers, as functions and as a layer (Maharaj 2015, section 4.2)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_modact.utils import numerics, validation
from keras_modact.utils.validation import Tensor


@keras.saving.register_keras_serializable(package="keras_modact")
def neglu(x: Tensor) -> Tensor:
    """Negative rectifier: passes negative inputs, and is zero for the others.

        neglu(x) = min(0, x)        derivative: 1 where x < 0, else 0, at 0 too

    Pass it to any layer as its activation; it is serialized by its registered
    name.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the same shape and dtype; floats for whole numbers.

    Example:

    ```python
    import keras, keras_modact

    layer = keras.layers.Dense(64, activation=keras_modact.neglu)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 4.2.
    """
    # `ops.minimum` would split the derivative at 0 between its two arguments.
    return -ops.relu(-numerics.as_float(ops.convert_to_tensor(x)))


@keras.saving.register_keras_serializable(package="keras_modact")
def smooth_neglu(x: Tensor) -> Tensor:
    """Smooth negative rectifier, to NegLU what softplus is to ReLU.

        smooth_neglu(x) = -ln(1 + e^-x)        derivative: 1 / (1 + e^x)

    It lies below `neglu`, by ln 2 at 0, and approaches it on both sides. Pass it
    to any layer as its activation; it is serialized by its registered name.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the same shape and dtype; floats for whole numbers.

    Example:

    ```python
    import keras, keras_modact

    layer = keras.layers.Dense(64, activation=keras_modact.smooth_neglu)
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 4.2.
    """
    return ops.log_sigmoid(numerics.as_float(ops.convert_to_tensor(x)))


@keras.saving.register_keras_serializable(package="keras_modact")
class NegLU(keras.layers.Layer):
    """Negative rectifier as a layer: passes negative inputs, zero for the others.

    Use it for units active where ReLU is zero, as inhibitory neurons are. To mix
    a few of them into a layer of ReLUs, see `MixLU`.

        smooth=False:  y = min(0, x)           dy/dx = 1 where x < 0, else 0
        smooth=True:   y = -ln(1 + e^-x)       dy/dx = 1 / (1 + e^x)

    The layer has no weights.

    Args:
        smooth: Boolean, whether to use the smooth form. Defaults to `False`.
        **kwargs: `name`, `dtype` and `trainable`.

    Call arguments:
        inputs: Tensor of any shape.

    Input shape:
        Any.

    Output shape:
        Same shape as the input.

    Raises:
        ValueError: If `smooth` is not a Boolean.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    y = keras_modact.NegLU()(np.array([[-2.0, 0.5]], "float32"))
    assert keras.ops.convert_to_numpy(y).tolist() == [[-2.0, 0.0]]
    ```

    Reference:
        Maharaj, "Practical applications of biological realism in artificial
        neural networks", MSc thesis, Bishop's University, 2015, section 4.2.
    """

    def __init__(self, smooth: bool = False, **kwargs: Any) -> None:
        validation.refuse_misspelt(type(self), kwargs)
        smooth = validation.truth_value("smooth", smooth)
        super().__init__(**kwargs)
        self.smooth = smooth
        self.supports_masking = True

    def call(self, inputs: Tensor) -> Tensor:
        inputs = numerics.as_float(inputs, self.compute_dtype)
        return smooth_neglu(inputs) if self.smooth else neglu(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "smooth": self.smooth}
