"""Gradients, training steps and determinism of every layer.

Only here shows: a weight or an input that has no gradient, or a NaN; a layer that
does not compile for training, or keeps state between compiled steps; a random
number that the seed does not decide.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import keras
import numpy as np
import pytest

from tests.gradients import as_float64, differentiate
from tests.layer_table import LAYER_ROWS, ROWS, Row, first_rows, row_id

ROW_OF_NBRC = next(row for row in ROWS if row.name == "NBRC")


def data(row: Row) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(8, *row.input_shape)).astype("float32")
    y = random.normal(size=(8, *row.output_shape[:-1], 2)).astype("float32")
    return x, y


@pytest.mark.parametrize("row", [r for r in ROWS if r not in LAYER_ROWS], ids=row_id)
def test_every_weight_has_a_gradient(row: Row) -> None:
    """For the first row of a layer `test_policy` shows it."""
    layer = row.layer()
    x, _ = data(row)
    layer.build(x.shape)
    shape = (8, *row.output_shape)
    cotangent = np.random.default_rng(1).normal(size=shape).astype("float32")
    result = differentiate(layer, [x], [cotangent])
    for gradient in result.weights + result.inputs:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-6


@pytest.mark.parametrize("row", LAYER_ROWS, ids=row_id)
def test_fit_lowers_the_loss(row: Row) -> None:
    """Compiled on TensorFlow (by XLA) and on JAX; torch has a test of its own."""
    x, y = data(row)
    model = row.model()
    jit_compile = keras.backend.backend() != "torch"
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=jit_compile)
    before = [as_float64(w) for w in model.trainable_weights]
    losses = model.fit(x, y, epochs=4, batch_size=8, verbose=0).history["loss"]
    if not row.draws:
        assert losses[-1] < losses[0]
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert np.abs(as_float64(new) - old).max() > 1e-4


@pytest.mark.parametrize("row", LAYER_ROWS, ids=row_id)
def test_fit_without_xla(row: Row) -> None:
    """TensorFlow's graphs take other shapes and operations than XLA does."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("JAX trains by XLA, and torch eagerly: see the test above")
    x, y = data(row)
    model = row.model()
    model.compile("sgd", "mse", jit_compile=False)
    assert np.isfinite(model.fit(x, y, batch_size=3, verbose=0).history["loss"][0])


# torch.compile looks at the gradients of every tensor that it meets.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "torch", reason="is about torch")
def test_fit_under_torch_compile() -> None:
    """One class and two steps stand for all: compiling takes half a minute."""
    row = dataclasses.replace(ROW_OF_NBRC, input_shape=(2, 3), output_shape=(2, 4))
    x, y = data(row)
    plain, compiled = row.model(), row.model()
    compiled.set_weights(plain.get_weights())
    for model, jit_compile in ((plain, False), (compiled, True)):
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=jit_compile)
        model.train_on_batch(x, y)
    for a, b in zip(plain.get_weights(), compiled.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="is about torch")
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_gradients_under_torch_autocast(row: Row) -> None:
    """torch's own mixed precision: products come in a dtype that was not asked for."""
    import torch

    keras.utils.set_random_seed(0)
    model = row.model()
    x, y = map(keras.ops.convert_to_tensor, data(row))
    results = []
    for enabled in (False, True):
        model.zero_grad()
        with torch.autocast(x.device.type, torch.bfloat16, enabled):
            outputs = model(x)
            loss = ((outputs.float() - y) ** 2).mean()
        loss.backward()
        gradients = [weight.value.grad.flatten() for weight in model.trainable_weights]
        results.append([as_float64(outputs), as_float64(torch.cat(gradients))])
    for plain, mixed in zip(*results, strict=True):
        assert np.linalg.norm(mixed - plain) < 0.05 * np.linalg.norm(plain)


@pytest.mark.parametrize(
    "row", [r for r in ROWS if r in first_rows() or r.draws], ids=row_id
)
def test_the_seed_decides_all_numbers(row: Row) -> None:
    """Initial values, the states of random generators, and what these draw."""
    parameters = inspect.signature(row.cls).parameters
    rates = [name for name in parameters if name.endswith("dropout")]
    # A cell draws only where a layer of ours draws for it.
    dropout = {} if row.is_cell else dict.fromkeys(rates, 0.5)

    def draw(seed: int) -> dict[str, np.ndarray]:
        keras.utils.set_random_seed(seed)
        layer = row.layer(**dropout)
        layer.build((None, *row.input_shape))
        drawn = {f"{i} {v.name}": to_numpy(v) for i, v in enumerate(layer.variables)}
        return {**drawn, "outputs": to_numpy(layer(row.batch(), training=True))}

    first, again, other = draw(5), draw(5), draw(6)
    for name, value in first.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
        is_generator = "seed_generator" in name and "seed" not in row.arguments
        if is_generator or name.endswith(" kernel"):
            assert not np.array_equal(value, other[name]), name


def to_numpy(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(keras.ops.stop_gradient(tensor)))
