"""Derivatives of derivatives, Jacobians, transforms and forward mode, by path."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.recurrence import paths
from tests.gradients import as_float64
from tests.recurrence.test_acceleration import BACKEND, TIME, X, called


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(paths.VARIABLE, raising=False)


def gradient_of_penalty(layer: Any) -> Any:
    """The gradient by X of the squared gradient by X of the layer's outputs."""
    if BACKEND == "torch":
        import torch

        x = torch.tensor(X, requires_grad=True)
        (of_x,) = torch.autograd.grad(layer(x).sum(), x, create_graph=True)
        return torch.autograd.grad((of_x**2).sum(), x)[0]
    if BACKEND == "jax":
        import jax

        gradient = jax.grad(lambda x: layer(x).sum())
        return jax.grad(lambda x: (gradient(x) ** 2).sum())(X)
    import tensorflow as tf

    x = tf.constant(X)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(layer(x))
        penalty = tf.reduce_sum(inner.gradient(total, x) ** 2)
    return outer.gradient(penalty, x)


@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_gradient_of_a_gradient(return_sequences: bool) -> None:
    """On torch it would be lost without a word."""
    found = {}
    for name in ("adjoint", "loop"):
        keras.utils.set_random_seed(0)
        layer = called(name, keras_modact.BRC(4, return_sequences=return_sequences))
        found[name] = as_float64(gradient_of_penalty(layer))
    assert np.abs(found["loop"]).max() > 0.1
    np.testing.assert_allclose(found["adjoint"], found["loop"], rtol=1e-4, atol=1e-4)


def jacobian(function: Any, x: np.ndarray) -> Any:
    """That of a function, by all rows of the backward pass at once."""
    if BACKEND == "torch":
        import torch

        return torch.autograd.functional.jacobian(
            function, torch.tensor(x), vectorize=True
        )
    if BACKEND == "jax":
        import jax

        return jax.jacrev(function)(x)
    import tensorflow as tf

    tensor = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        outputs = function(tensor)
    return tape.jacobian(outputs, tensor)


@pytest.mark.parametrize(("time", "return_sequences"), [(5, True), (TIME, False)])
def test_a_jacobian(time: int, return_sequences: bool) -> None:
    """Of less than a block of steps, and of several."""
    found = {}
    mask = keras.ops.convert_to_tensor(np.arange(time) % 3 != 1)[None]
    for name in ("adjoint", "loop"):
        keras.utils.set_random_seed(0)
        layer = called(name, keras_modact.BRC(4, return_sequences=return_sequences))
        found[name] = as_float64(
            jacobian(lambda x, layer=layer: layer(x, mask=mask), X[:1, :time])
        )
        assert layer.last_path == name
    assert np.abs(found["loop"]).max() > 0.1
    np.testing.assert_allclose(found["adjoint"], found["loop"], rtol=1e-5, atol=1e-6)


def test_torch_transforms_the_loop() -> None:
    """Gradients of each sample, by `torch.func`."""
    if BACKEND != "torch":
        pytest.skip("torch.func is torch's")
    import torch

    layer = called(None)
    assert layer.last_path == "adjoint"

    def total(weights: Any, x: Any) -> Any:
        outputs, _ = layer.stateless_call(weights, [], x[None])
        return outputs.sum()

    weights = [weight.value.detach() for weight in layer.trainable_weights]
    each = torch.func.vmap(torch.func.grad(total), (None, 0))(weights, torch.tensor(X))
    assert layer.last_path == "loop"
    layer(X).sum().backward()
    assert layer.last_path == "adjoint"
    for found, weight in zip(each, layer.trainable_weights, strict=True):
        np.testing.assert_allclose(
            as_float64(found.sum(0)), as_float64(weight.value.grad), rtol=1e-4
        )


def changed_in_place(layer: Any, which: str, change: Any) -> np.ndarray:
    """The gradients of the weights, where a tensor is overwritten after the call."""
    import torch

    x = torch.tensor(X)
    outputs, *states = layer(x)
    change({"outputs": outputs, "state": states[0], "inputs": x}[which])
    total = outputs.sum() + sum(state.sum() for state in states)
    gradients = torch.autograd.grad(total, [w.value for w in layer.weights])
    return np.concatenate([as_float64(g).ravel() for g in gradients])


@pytest.mark.parametrize("name", ["loop", "adjoint", "gru"])
@pytest.mark.parametrize("which", ["outputs", "slice", "state", "inputs"])
def test_torch_overwrites_what_it_was_given_or_gave(name: str, which: str) -> None:
    """As after `torch.nn.GRU`: nothing that a caller holds is kept."""
    if BACKEND != "torch":
        pytest.skip("other backends have no tensors that change")
    keras.utils.set_random_seed(0)
    layer = keras_modact.NBRC(4, return_sequences=True, return_state=True)
    layer.acceleration = name
    untouched = changed_in_place(layer, "outputs", lambda x: x)

    def add(x: Any) -> None:
        (x[:1, 2:] if which == "slice" else x).add_(1.0)

    tensor = "outputs" if which == "slice" else which
    np.testing.assert_array_equal(changed_in_place(layer, tensor, add), untouched)


def test_torch_stores_nothing_where_no_gradient_can_be_asked_for() -> None:
    if BACKEND != "torch":
        pytest.skip("a matter of torch's adjoint")
    import torch

    layer = called("adjoint", keras_modact.ModulatedLSTM(4, return_sequences=True))
    kept: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        with torch.no_grad():
            assert not layer(X).requires_grad
        assert not kept
        layer(X)
    assert kept
    layer.trainable = False
    kept.clear()
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        assert not layer(X).requires_grad
    assert not kept


# torch's own forward mode still uses torch.jit.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_forward_mode() -> None:
    """The loop has it and JAX' adjoint; torch's says what is to be done."""
    directions = np.ones_like(X)
    layer = called("loop", keras_modact.BRC(4))
    expected = forward_mode(layer, directions)
    if BACKEND == "tensorflow":
        return  # whose adjoint is taken for small steps, and says nothing of its own
    layer.acceleration = "auto"
    np.testing.assert_allclose(forward_mode(layer, directions), expected, rtol=1e-4)
    assert layer.last_path == "loop"
    layer.acceleration = "adjoint"
    if BACKEND == "jax":
        found = forward_mode(layer, directions)
        np.testing.assert_allclose(found, expected, rtol=1e-4)
        return
    with pytest.raises(ValueError, match="'loop'"):
        forward_mode(layer, directions)


def forward_mode(layer: Any, directions: np.ndarray) -> np.ndarray:
    """The derivative of a layer's outputs in a direction of its inputs."""
    if BACKEND == "torch":
        from torch.autograd import forward_ad

        with forward_ad.dual_level():
            tensors = map(keras.ops.convert_to_tensor, (X, directions))
            return as_float64(
                forward_ad.unpack_dual(layer(forward_ad.make_dual(*tensors))).tangent
            )
    if BACKEND == "jax":
        import jax

        return as_float64(jax.jvp(layer, (X,), (directions,))[1])
    import tensorflow as tf

    x = tf.constant(X)
    with tf.autodiff.ForwardAccumulator(x, tf.constant(directions)) as accumulator:
        outputs = layer(x)
    return as_float64(accumulator.jvp(outputs))


def test_nothing_leaks_from_a_trace() -> None:
    """Of JAX; what is only counted leaks as well if it is closed over."""
    if BACKEND != "jax":
        pytest.skip("a matter of JAX")
    import jax

    layer = keras_modact.BRC(4, recurrent_dropout=0.2)
    layer.build(X.shape)
    variables = [
        [variable.value for variable in of_kind]
        for of_kind in (layer.trainable_variables, layer.non_trainable_variables)
    ]
    mask = np.ones((len(X), TIME), bool)
    with jax.checking_leaks():
        jax.jit(
            lambda *values: layer.stateless_call(*values, X, training=True, mask=mask)
        )(*variables)
    assert layer.last_path == "adjoint"


@pytest.mark.parametrize(
    ("return_sequences", "used"), [(False, "outputs"), (True, "state")]
)
def test_tensorflow_gradients_of_each_example(
    return_sequences: bool, used: str
) -> None:
    """On the loop, which collects outputs that nothing else may read."""
    if BACKEND != "tensorflow":
        pytest.skip("tf.vectorized_map is TensorFlow's")
    import tensorflow as tf

    layer = keras_modact.ModulatedLSTM(
        4, return_sequences=return_sequences, return_state=True
    )
    layer.acceleration = "loop"
    layer.build(X.shape)
    weights = [weight.value for weight in layer.weights]

    def gradients(x: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs, state, _ = layer(x)
            total = tf.reduce_sum((outputs if used == "outputs" else state) ** 2)
        return tape.gradient(total, weights)

    x = tf.constant(X)
    each = tf.function(lambda: tf.vectorized_map(lambda one: gradients(one[None]), x))()
    for found, want in zip(each, gradients(x), strict=True):
        np.testing.assert_allclose(
            as_float64(found).sum(0), as_float64(want), rtol=1e-4, atol=1e-5
        )
