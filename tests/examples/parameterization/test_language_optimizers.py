"""The optimizers of the language model, against NumPy."""

import math

import keras
import numpy as np
import pytest

from examples.parameterization import language_optimizers
from tests.examples.parameterization.language import compiled, numbers, options, tiny

to_numpy = keras.ops.convert_to_numpy


def test_average_begins_when_the_loss_has_not_fallen_and_is_the_mean():
    model = compiled(tiny())
    never = language_optimizers.WeightAverage(model, None)
    never.end_epoch([1.0] * 9)
    average = language_optimizers.WeightAverage(model, 2)
    courses = [5, 4, 3, 3.5, 2.9, 2.8, 2.9, 2.95, 3.0, 2.7]
    begun = []
    for epoch in range(len(courses)):
        average.end_epoch(courses[: epoch + 1])
        begun.append(average.begun)
    # 2.9 is below 3, the least of all but two before it; 2.95 is above 2.9.
    assert begun == [False] * 7 + [True] * 3
    assert not never.begun
    assert average.best_weights() is average.weights
    weight = model.trainable_variables[0]
    for value in (1.0, 2.0, 6.0):
        weight.assign(np.full(weight.shape, value))
        never.step()
        average.step()
    np.testing.assert_allclose(to_numpy(average.best_weights()[0]), 3.0, rtol=1e-6)
    assert never.best_weights() is never.weights
    assert len(never.variables) == 1


def test_gradient_is_clipped_to_its_norm():
    chosen = tiny(optimizer="sgd", learning_rate=1.0, clip_norm=1e-3)
    model = compiled(chosen)
    before = [to_numpy(w) for w in model.trainable_variables]
    tokens = numbers(18).reshape(3, 6)
    model.train_on_batch(tokens, tokens)
    moved = [
        to_numpy(w) - old
        for w, old in zip(model.trainable_variables, before, strict=True)
    ]
    norm = math.sqrt(sum((part.astype("float64") ** 2).sum() for part in moved))
    assert norm == pytest.approx(1e-3, rel=1e-2)


def test_weight_decay_is_a_part_of_adams_gradient():
    rate, beta, epsilon, decay = 0.1, 0.5, 1e-3, 0.2
    chosen = options(
        learning_rate=rate,
        beta_1=beta,
        epsilon=epsilon,
        weight_decay=decay,
        clip_norm=1,
    )
    weight = start = np.array([3.0, -0.5])
    variable = keras.Variable(start)
    optimizer = language_optimizers.make_optimizer(chosen)
    optimizer.build([variable])
    first, second = np.zeros(2), np.zeros(2)
    for step, gradient in enumerate(np.array([[4.0, 3.0], [0.1, -0.2]]), start=1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")])
        clipped = gradient / max(1, np.linalg.norm(gradient))
        whole = clipped + decay * weight
        first = beta * first + (1 - beta) * whole
        second = 0.999 * second + 0.001 * whole**2
        size = rate * np.sqrt(1 - 0.999**step) / (1 - beta**step)
        weight = weight - size * first / (np.sqrt(second) + epsilon)
        np.testing.assert_allclose(to_numpy(variable), weight, rtol=1e-4)
