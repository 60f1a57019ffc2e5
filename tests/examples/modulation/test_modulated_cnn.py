"""The paper's convolutional networks: their sizes, their structure, their training."""

import keras
import numpy as np
import pytest

import keras_modact
from examples.modulation import modulated_cnn

to_numpy = keras.ops.convert_to_numpy


def pixels(count):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")


@pytest.fixture
def zeros(monkeypatch):
    """JAX compiles random numbers anew for each of a DenseNet's many shapes."""
    monkeypatch.setattr(modulated_cnn, "DENSENET_INITIALIZER", "zeros")


@pytest.mark.usefixtures("zeros")
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cnn", 1_250_858),
        ("modulated-cnn", 1_252_041),
        ("densenet-12", 1_001_626),
        ("modulated-densenet-12", 1_074_850),
        ("densenet-10", 707_074),
        ("modulated-densenet-10", 768_958),
    ],
)
def test_network_has_the_papers_number_of_parameters(name, parameters):
    model = modulated_cnn.MODELS[name]()
    assert modulated_cnn.counted_parameters(model) == parameters
    normalized = [
        x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)
    ]
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    of_normalization = sum(2 * x.gamma.shape[0] for x in normalized)
    assert trainable - of_normalization == parameters
    assert model.output_shape == (None, 10)


def test_cnn_has_the_papers_blocks_and_the_dropout_of_keras_example():
    model = modulated_cnn.cnn()
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    block = ["Conv2D", "Conv2D", "MaxPooling2D", "Dropout"]
    end = ["Flatten", "Dense", "Dropout", "Dense"]
    assert kinds == ["Rescaling", *block, *block, *end]
    sides = [x.output.shape[1] for x in model.layers if "conv" in x.name]
    assert sides == [32, 30, 15, 13]
    activations = [x.activation.__name__ for x in model.layers if "conv" in x.name]
    assert activations == ["relu"] * 4
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.25, 0.25, 0.5]


def test_modulators_at_1_leave_the_plain_cnn():
    """And at 0 they leave nothing of the image."""
    plain = modulated_cnn.cnn()
    modulated = modulated_cnn.cnn(modulated=True)
    layers = modulated_cnn.modulated_layers(modulated)
    names = [f"block_{b}_conv_{p}" for b in (1, 2) for p in (1, 2)]
    assert [layer.name for layer in layers] == names
    of_modulators = {id(w) for layer in layers for w in layer.modulator.weights}
    rest = [w for w in modulated.weights if id(w) not in of_modulators]
    for copy, weight in zip(rest, plain.weights, strict=True):
        copy.assign(weight)
    images = pixels(3)
    answers = {}
    for bias in (100.0, -200.0):
        for layer in layers:
            layer.modulator.kernel.assign(np.zeros(layer.modulator.kernel.shape))
            layer.modulator.bias.assign([bias])
        answers[bias] = to_numpy(modulated(images))
    expected = to_numpy(plain(images))
    np.testing.assert_allclose(answers[100.0], expected, atol=1e-5)
    np.testing.assert_allclose(answers[-200.0], 0, atol=1e-6)
    assert np.abs(expected).max() > 1e-3


@pytest.mark.usefixtures("zeros")
def test_densenet_modulates_its_dense_layers_and_nothing_else():
    model = modulated_cnn.densenet(3, modulated=True, layers_in_block=2)
    layers = modulated_cnn.modulated_layers(model)
    names = [f"block_{b}_conv_{p}" for b in (1, 2, 3) for p in (1, 2)]
    assert [layer.name for layer in layers] == names
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    kinds = [(x.name, x.kernel_size, x.filters) for x in convolutions]
    # No compression: 16 channels of the stem, and 2 x 3 of each block.
    assert kinds == [
        ("stem", (3, 3), 16), ("transition_1", (1, 1), 22), ("transition_2", (1, 1), 28)
    ]  # fmt: skip
    assert [x.output.shape[1:] for x in layers[::2]] == [
        (32, 32, 3), (16, 16, 3), (8, 8, 3)
    ]  # fmt: skip
    activations = [x for x in model.layers if isinstance(x, keras.layers.ReLU)]
    outputs = {id(x.output) for x in activations}
    for layer in layers:
        assert layer.activation is keras.activations.linear
        assert layer.modulator_activation is keras.activations.sigmoid
        assert id(layer.input) in outputs
        assert not layer.layer.use_bias
    rates = [x.rate for x in model.layers if isinstance(x, keras.layers.Dropout)]
    assert rates == [0.5] * (6 + 2)


def test_densenet_starts_and_decays_as_published(monkeypatch):
    assert modulated_cnn.DENSENET_INITIALIZER == "he_normal"
    start = keras.initializers.Constant(0.25)
    monkeypatch.setattr(modulated_cnn, "DENSENET_INITIALIZER", start)
    model = modulated_cnn.densenet(12, modulated=True, layers_in_block=1)
    kernels = [w for w in model.trainable_weights if w.path.endswith("kernel")]
    *of_convolutions, _ = kernels
    assert len(of_convolutions) == 1 + 2 + 3 + 3
    assert all((to_numpy(kernel) == 0.25).all() for kernel in of_convolutions)
    np.testing.assert_allclose([k.regularizer.l2 for k in kernels], 5e-5)


@pytest.mark.parametrize(
    "model",
    [
        modulated_cnn.MODELS["modulated-cnn"],
        lambda: modulated_cnn.densenet(2, modulated=True, layers_in_block=1),
    ],
    ids=["cnn", "densenet"],
)
def test_step_of_training_moves_every_modulator(model, monkeypatch):
    # Not random, for JAX' sake; the images are.
    start = keras.initializers.Constant(0.05)
    monkeypatch.setattr(modulated_cnn, "DENSENET_INITIALIZER", start)
    keras.utils.set_random_seed(0)
    network = model()
    layers = modulated_cnn.modulated_layers(network)
    assert {type(x) for x in layers} == {keras_modact.Modulated}
    before = [to_numpy(x.modulator.kernel).copy() for x in layers]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.1), loss)
    network.fit(pixels(8), np.arange(8), batch_size=8, verbose=0)
    for layer, kernel in zip(layers, before, strict=True):
        moved = np.abs(to_numpy(layer.modulator.kernel) - kernel).max()
        decay = layer.modulator.kernel.regularizer
        by_decay = 0.1 * 2 * float(decay.l2) * np.abs(kernel).max() if decay else 0
        assert moved > 3 * by_decay
