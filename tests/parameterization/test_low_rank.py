"""Low-rank additions to adaptive layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_modact import AdaptiveConv2D, AdaptiveDense
from tests.gradients import as_float64

Case = tuple[Callable[..., Any], tuple[int, ...]]
CASES: dict[str, Case] = {
    "dense": (lambda **given: AdaptiveDense(4, policy_units=2, **given), (3,)),
    "several kernels": (
        lambda **given: AdaptiveDense(4, adaptation="sva", use_bias=False, **given),
        (3,),
    ),
    "convolution": (lambda **given: AdaptiveConv2D(3, 2, **given), (4, 4, 2)),
}


def model_of(layer: Any, shape: tuple[int, ...]) -> tuple[Any, np.ndarray]:
    """A model of a layer with random weights, and inputs for it."""
    model = keras.Sequential([keras.Input(shape), layer])
    randomize(model)
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    return model, x


def randomize(model: Any) -> None:
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.5, weight.shape))


def kernels(layer: Any) -> list[Any]:
    return layer.kernels if hasattr(layer, "kernels") else [layer._kernel]


@pytest.mark.parametrize("case", CASES)
def test_additions(case: str, tmp_path: Path) -> None:
    """They are trained in place of the kernels, and are in the kernels of a file."""
    make, shape = CASES[case]
    model, x = model_of(layer := make(name="layer"), shape)
    before = as_float64(model(x))
    layer.enable_lora(2, lora_alpha=3)
    np.testing.assert_array_equal(as_float64(model(x)), before)
    trained = [weight.name for weight in model.trainable_weights]
    assert sum("lora" in name for name in trained) == 2 * len(kernels(layer))
    assert not any(kernel.trainable for kernel in kernels(layer))
    assert "adaptation_kernel" in trained

    lora = [weight for weight in model.weights if "lora" in weight.name]
    for place, weight in enumerate(lora):
        weight.assign(np.random.default_rng(place).normal(0, 1, weight.shape))
    plain, _ = model_of(same := make(name="layer"), shape)
    for place, (old, new) in enumerate(zip(kernels(layer), kernels(same), strict=True)):
        a, b = (as_float64(weight) for weight in lora[2 * place : 2 * place + 2])
        new.assign(as_float64(old) + 1.5 * a @ b)
    expected = as_float64(plain(x))
    np.testing.assert_allclose(as_float64(model(x)), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(expected - before).max() > 0.01

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(as_float64(again(x)), expected, rtol=1e-5, atol=1e-6)
    assert [weight.name for weight in again.trainable_weights] == trained
    model.save_weights(tmp_path / "model.weights.h5")
    randomize(plain)
    plain.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(as_float64(plain(x)), expected, rtol=1e-5, atol=1e-6)


def test_a_step_of_training_moves_the_additions_and_no_kernel() -> None:
    model, x = model_of(layer := CASES["dense"][0](), (3,))
    layer.enable_lora(2)
    before = as_float64(layer.kernels[0])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.train_on_batch(x, np.ones((2, 4)))
    np.testing.assert_array_equal(as_float64(layer.kernels[0]), before)
    assert np.abs(as_float64(layer.kernel) - before).max() > 1e-3


def built(adaptation: Any = "io", **given: Any) -> Any:
    layer = AdaptiveDense(3, adaptation=adaptation, name="layer", **given)
    layer.build((None, 3))
    return layer


def twice() -> Any:
    layer = built()
    layer.enable_lora(2)
    return layer


@pytest.mark.parametrize(
    ("make", "rank", "message"),
    [
        (lambda: AdaptiveDense(3, name="layer"), 2, "no kernels to add to before"),
        (twice, 2, "additions already, of rank 2"),
        (lambda: built(kernel_constraint="max_norm"), 2, "a `kernel_constraint`"),
        (lambda: built((True,)), 2, "no kernel, by its `adaptation`"),
        (built, 0, "`rank` must be a positive integer, received rank=0"),
    ],
    ids=["unbuilt", "twice", "constraint", "no kernel", "rank"],
)
def test_refused(make: Callable[[], Any], rank: int, message: str) -> None:
    layer = make()
    weights = len(layer.weights)
    with pytest.raises(ValueError, match=message):
        layer.enable_lora(rank)
    assert len(layer.weights) == weights
