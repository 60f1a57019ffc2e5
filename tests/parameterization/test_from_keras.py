"""Adaptive layers made of Keras' own: the same until they are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_modact
from tests.gradients import differentiate

Made = tuple[Any, Callable[..., Any]]


def of(
    cls: type, shape: tuple[int, ...], convert: Callable[..., Any], **given: Any
) -> Callable[[], Made]:
    """Makes a layer with random weights, and the function that converts it."""

    def make() -> Made:
        layer = cls(name="first", **given)
        layer.build((3, *shape))
        random = np.random.default_rng(1)
        for weight in layer.weights:
            weight.assign(random.normal(0, 0.5, weight.shape))
        return layer, convert

    return make


def adaptive_lstm(layer: Any, **given: Any) -> Any:
    return keras_modact.AdaptiveLSTM.from_lstm(layer, policy_units=3, **given)


from_dense = keras_modact.AdaptiveDense.from_dense
from_conv2d = keras_modact.AdaptiveConv2D.from_conv2d
LSTM = {"units": 5, "return_sequences": True, "return_state": True}
CASES: dict[str, tuple[tuple[int, ...], Callable[[], Made], dict[str, Any]]] = {
    "dense": ((4,), of(layers.Dense, (4,), from_dense, units=5), {}),
    "dense_of_sequences": (
        (6, 4),
        of(layers.Dense, (6, 4), from_dense, units=5, activation="tanh"),
        {"adaptation": "input", "policy": "glu"},
    ),
    "dense_without_bias": (
        (4,),
        of(layers.Dense, (4,), from_dense, units=5, use_bias=False),
        {"adaptation": (True, True), "policy_units": 3},
    ),
    "convolution": (
        (7, 6, 2),
        of(layers.Conv2D, (7, 6, 2), from_conv2d, filters=4, kernel_size=3, strides=2),
        {},
    ),
    "grouped_convolution": (
        (7, 6, 4),
        of(
            layers.Conv2D,
            (7, 6, 4),
            from_conv2d,
            filters=4,
            kernel_size=(3, 2),
            padding="same",
            groups=2,
            activation="relu",
        ),
        {"adaptation": "output"},
    ),
    "lstm": ((6, 4), of(layers.LSTM, (6, 4), adaptive_lstm, **LSTM), {}),
    "lstm_backwards": (
        (6, 4),
        of(
            layers.LSTM,
            (6, 4),
            adaptive_lstm,
            use_bias=False,
            go_backwards=True,
            **LSTM,
        ),
        {"policy": "static"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_computes_the_same(case: str) -> None:
    """Outputs, states and the gradients of all that both have."""
    shape, make, given = CASES[case]
    if case == "grouped_convolution" and keras.backend.backend() == "tensorflow":
        pytest.skip("TensorFlow has no gradient of grouped convolutions on a CPU")
    layer, convert = make()
    before = layer.get_weights()
    converted = convert(layer, **given)
    assert converted.name == "first"
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype("float32")
    random = np.random.default_rng(2)
    outputs = keras.tree.flatten(layer(x))
    cotangents = [random.normal(size=output.shape) for output in outputs]
    want = differentiate(layer, [x], cotangents)
    # A recurrent policy has states of its own, behind those of the LSTM.
    further = keras.tree.flatten(converted(x))[len(outputs) :]
    zeros = [np.zeros(state.shape) for state in further]
    got = differentiate(converted, [x], cotangents + zeros)
    both = [*zip(got.outputs, want.outputs, strict=False)]
    both += zip(got.inputs, want.inputs, strict=True)
    for a, b in both:
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    shared = [w.name for w in layer.trainable_weights]
    by_name = {
        weight.path.partition("first/")[2].removeprefix("cell/"): gradient
        for weight, gradient in zip(
            converted.trainable_weights, got.weights, strict=True
        )
    }
    for name, gradient in zip(shared, want.weights, strict=True):
        np.testing.assert_allclose(by_name[name], gradient, rtol=1e-4, atol=1e-4)
    assert any(
        np.abs(gradient).max() > 1e-3
        for name, gradient in by_name.items()
        if "adaptation_kernel" in name
    ), "the policy would never learn"
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_arguments_come_along() -> None:
    dense = layers.Dense(
        5, kernel_regularizer="l2", bias_constraint="non_neg", activation="relu"
    )
    dense.build((None, 4))
    dense.trainable = False
    converted = from_dense(dense, name="other")
    config = converted.get_config()
    for name in ("kernel_regularizer", "bias_constraint", "activation"):
        assert config[name] == dense.get_config()[name], name
    assert (converted.name, converted.trainable) == ("other", False)
    assert config["around_one"]


def quantized() -> Any:
    layer = CASES["dense"][1]()[0]
    layer.quantize("int8")
    return layer


@pytest.mark.parametrize(
    ("make", "convert", "given", "message"),
    [
        (CASES["dense"][1], from_dense, {"adaptation": "sva"}, "with one kernel"),
        (
            CASES["dense"][1],
            from_dense,
            {"policy_activation": "sigmoid"},
            r"0 at 0.*gives 0\.5",
        ),
        (CASES["dense"][1], from_dense, {"around_one": False}, "sets `around_one`"),
        (CASES["dense"][1], from_dense, {"units": 7}, "sets `units`.*units=7"),
        (CASES["dense"][1], from_conv2d, {}, "takes a `Conv2D` itself.*`Dense`"),
        (lambda: (layers.Dense(5), None), from_dense, {}, "has none yet"),
        (lambda: (quantized(), None), from_dense, {}, "quantized"),
        (
            of(layers.LSTM, (6, 4), adaptive_lstm, units=5, activation="relu"),
            adaptive_lstm,
            {},
            "activation='relu', must be 'tanh'",
        ),
    ],
)
def test_refused(
    make: Callable[[], Made],
    convert: Callable[..., Any],
    given: dict[str, Any],
    message: str,
) -> None:
    layer, _ = make()
    before = layer.get_weights()
    with pytest.raises(ValueError, match=message):
        convert(layer, **given)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
