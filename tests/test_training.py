"""Gradients, training steps and determinism of every layer."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from tests.gradients import as_float64, differentiate
from tests.layer_table import ROWS, Row, row_id

ROW_OF_NBRC = next(row for row in ROWS if row.name == "NBRC")


def data(row: Row) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(8, *row.input_shape)).astype("float32")
    y = random.normal(size=(8, *row.output_shape[:-1], 2)).astype("float32")
    return x, y


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_every_weight_has_a_gradient(row: Row) -> None:
    layer = row.layer()
    x, _ = data(row)
    layer.build(x.shape)
    shape = (8, *row.output_shape)
    cotangent = np.random.default_rng(1).normal(size=shape).astype("float32")
    result = differentiate(layer, [x], [cotangent])
    for gradient in result.weights + result.inputs:
        assert np.isfinite(gradient).all()
        assert np.abs(gradient).max() > 1e-6


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_fit_lowers_the_loss(row: Row, jit_compile: bool) -> None:
    if jit_compile and keras.backend.backend() == "torch":
        pytest.skip("see test_fit_under_torch_compile")
    x, y = data(row)
    model = row.model()
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=jit_compile)
    before = [as_float64(w) for w in model.trainable_weights]
    losses = model.fit(x, y, epochs=4, batch_size=8, verbose=0).history["loss"]
    if not row.draws:
        assert losses[-1] < losses[0]
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert np.abs(as_float64(new) - old).max() > 1e-4


# torch.compile looks at the gradients of every tensor that it meets.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
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


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_same_seed_same_training(row: Row) -> None:
    rates = {"dropout": 0.3, "recurrent_dropout": 0.3}
    dropout = rates if row.is_recurrent else {}

    def train(seed: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(seed)
        x, y = data(row)
        model = row.model(**dropout)
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=1, batch_size=4, verbose=0)
        return [as_float64(w) for w in model.trainable_weights]

    first, again, other = train(5), train(5), train(6)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(first, other, strict=True))
