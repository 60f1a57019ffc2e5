"""The BRC with constant a and c, against equation 4 in NumPy."""

import keras
import numpy as np

from examples.bistability.constant_gates import constant_gates_layer

to_numpy = keras.ops.convert_to_numpy


def test_is_equation_4_with_one_a_and_c_for_each_unit():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 6, 3))
    layer = constant_gates_layer(4, return_sequences=True)
    layer.build(x.shape)
    kernel, *biases = (generator.normal(size=w.shape) for w in layer.weights)
    layer.set_weights([kernel, *biases])
    a, c = 1 + np.tanh(biases[0]), 1 / (1 + np.exp(-biases[1]))
    h = np.zeros((2, 4))
    expected = []
    for step in range(6):
        h = c * h + (1 - c) * np.tanh(x[:, step] @ kernel + a * h)
        expected.append(h)
    found = to_numpy(layer(x.astype("float32")))
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-5)
