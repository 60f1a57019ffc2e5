"""Outputs and gradients of a layer, by the automatic differentiation at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np


class Differentiated(NamedTuple):
    """Outputs of a call, and the gradients of the sum of outputs * cotangents."""

    outputs: list[np.ndarray]
    weights: list[np.ndarray]
    """For each trainable weight, in the order of `layer.trainable_weights`."""
    inputs: list[np.ndarray]
    """For each tensor that the layer was called on."""
    dtypes: list[str]
    """Those of the outputs, as the layer gave them."""


def differentiate(
    layer: Any,
    inputs: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    **call_arguments: Any,
) -> Differentiated:
    """Calls a built layer and differentiates the sum of outputs * cotangents.

    Args:
        layer: A built layer.
        inputs: The positional arguments of the call.
        cotangents: One array for each output tensor.
        **call_arguments: Further arguments of the call.
    """
    by_backend = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    outputs, gradients = by_backend[keras.backend.backend()](
        layer, list(inputs), list(cotangents), call_arguments
    )
    count = len(layer.trainable_weights)
    arrays = [as_float64(gradient) for gradient in gradients]
    return Differentiated(
        [as_float64(output) for output in outputs],
        arrays[:count],
        arrays[count:],
        [keras.backend.standardize_dtype(output.dtype) for output in outputs],
    )


def as_float64(tensor: Any) -> np.ndarray:
    """A copy in float64, also of a dtype that NumPy does not have."""
    tensor = keras.ops.stop_gradient(tensor)
    if keras.backend.standardize_dtype(tensor.dtype) == "bfloat16":
        # TensorFlow has no way from a bfloat16 scalar to NumPy.
        tensor = keras.ops.cast(tensor, "float32")
    return np.asarray(keras.ops.convert_to_numpy(tensor)).astype("float64")


def _loss(outputs: Any, cotangents: Sequence[np.ndarray]) -> Any:
    return sum(
        keras.ops.sum(output * keras.ops.cast(cotangent, output.dtype))
        for output, cotangent in zip(
            keras.tree.flatten(outputs), cotangents, strict=True
        )
    )


def _tensorflow(layer: Any, inputs: list, cotangents: list, arguments: dict) -> Any:
    import tensorflow as tf

    inputs = [tf.convert_to_tensor(x) for x in inputs]
    sources = [w.value for w in layer.trainable_weights] + inputs
    with tf.GradientTape() as tape:
        tape.watch(sources)
        outputs = layer(*inputs, **arguments)
        loss = _loss(outputs, cotangents)
    return keras.tree.flatten(outputs), tape.gradient(loss, sources)


def _jax(layer: Any, inputs: list, cotangents: list, arguments: dict) -> Any:
    import jax

    variables = layer.trainable_variables
    weights = [v.value for v in variables]

    def run(weights: list, inputs: list) -> Any:
        # `stateless_call` would leave out the casts of a mixed dtype policy.
        with keras.StatelessScope(list(zip(variables, weights, strict=True))):
            outputs = layer(*inputs, **arguments)
        return _loss(outputs, cotangents), keras.tree.flatten(outputs)

    inputs = [jax.numpy.asarray(x) for x in inputs]
    # One program, and not one for each operation.
    gradient = jax.jit(jax.grad(run, argnums=(0, 1), has_aux=True))
    (of_weights, of_inputs), outputs = gradient(weights, inputs)
    return outputs, [*of_weights, *of_inputs]


def _torch(layer: Any, inputs: list, cotangents: list, arguments: dict) -> Any:
    import torch

    inputs = [
        # Left to itself, Keras makes float32 of a NumPy float64.
        keras.ops.convert_to_tensor(x, keras.backend.standardize_dtype(x.dtype))
        .detach()
        .clone()
        .requires_grad_()
        for x in inputs
    ]
    outputs = layer(*inputs, **arguments)
    sources = [w.value for w in layer.trainable_weights] + inputs
    return keras.tree.flatten(outputs), torch.autograd.grad(
        _loss(outputs, cotangents), sources
    )
