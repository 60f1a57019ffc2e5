"""Weight drop: which weights are dropped, and which of them learn."""

import keras
import numpy as np
import pytest

import keras_modact
from examples.parameterization.weight_drop import WeightDrop

to_numpy = keras.ops.convert_to_numpy
SHAPE = (3, 5, 2)

layers = pytest.mark.parametrize(
    "layer", [keras.layers.LSTM, keras_modact.ModulatedLSTM, keras_modact.NBRC]
)


def numbers(shape=SHAPE):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def mask_of(seed, rate, shape):
    """What a WeightDrop with this seed draws first, times what it scales by."""
    generator = keras.random.SeedGenerator(seed)
    return to_numpy(keras.random.dropout(keras.ops.ones(shape), rate, seed=generator))


@pytest.mark.every_backend
@layers
def test_a_training_step_changes_the_weights_as_the_masked_layer_would(layer):
    """In `fit`, against the layer itself with a masked kernel and the chain rule."""
    models = []
    for wrapped in (True, False):
        inputs = keras.Input(SHAPE[1:])
        recurrent = layer(4, name="recurrent")
        of_inputs = (WeightDrop(recurrent, 0.4, seed=7) if wrapped else recurrent)(
            inputs
        )
        model = keras.Model(inputs, of_inputs)
        model.compile(keras.optimizers.SGD(0.5), "mse")
        models.append((model, recurrent.cell))
    (_, cell), (masked, masked_cell) = models
    masked.set_weights([to_numpy(w) for w in cell.weights])
    before = to_numpy(cell.recurrent_kernel)
    mask = mask_of(7, 0.4, before.shape)
    assert 0 < (mask == 0).mean() < 1
    masked_cell.recurrent_kernel.assign(before * mask)
    targets = numbers((3, 4))
    for model, _ in models:
        model.fit(numbers(), targets, batch_size=3, epochs=1, verbose=0)
    change = to_numpy(masked_cell.recurrent_kernel) - before * mask
    assert np.abs(change).max() > 1e-3
    np.testing.assert_allclose(
        to_numpy(cell.recurrent_kernel), before + mask * change, atol=1e-6
    )
    np.testing.assert_allclose(
        to_numpy(cell.kernel), to_numpy(masked_cell.kernel), atol=1e-6
    )


@layers
def test_a_call_in_training_is_the_layer_with_dropped_weights(layer):
    recurrent = layer(4, return_sequences=True, return_state=True)
    dropping = WeightDrop(recurrent, 0.4, seed=7)
    sequences = numbers()
    first, second = (dropping(sequences, training=True) for _ in range(2))
    kernel = recurrent.cell.recurrent_kernel
    raw = to_numpy(kernel)
    kernel.assign(raw * mask_of(7, 0.4, raw.shape))
    expected = recurrent(sequences)
    for given, wanted in zip(first, expected, strict=True):
        np.testing.assert_allclose(to_numpy(given), to_numpy(wanted), atol=1e-6)
    # The next call has a mask of its own, and no mask stays in the weights.
    assert np.abs(to_numpy(second[0]) - to_numpy(first[0])).max() > 1e-3
    kernel.assign(raw)
    at_rest = dropping(sequences, training=False)
    for given, wanted in zip(at_rest, recurrent(sequences), strict=True):
        np.testing.assert_array_equal(to_numpy(given), to_numpy(wanted))


def test_dropped_weights_are_as_large_on_average():
    recurrent = keras.layers.SimpleRNN(
        200, activation="linear", recurrent_initializer="ones"
    )
    dropping = WeightDrop(recurrent, 0.25, seed=0)
    ones = keras.ops.ones((1, 200))
    sums = to_numpy(
        dropping(keras.ops.zeros((1, 1, 3)), initial_state=ones, training=True)
    )
    # A sum of 200 weights that are 4/3 or 0.
    assert sums.mean() == pytest.approx(200, abs=2)
    assert set(np.round(sums * 0.75).ravel() % 1) == {0}
    assert len(np.unique(sums)) > 10


def test_a_frozen_layer_keeps_its_weights_and_is_dropped_all_the_same():
    recurrent = keras.layers.LSTM(4)
    dropping = WeightDrop(recurrent, 0.4, seed=7)
    at_rest = to_numpy(dropping(numbers()))
    recurrent.trainable = False
    before = to_numpy(recurrent.cell.recurrent_kernel)
    dropped = to_numpy(dropping(numbers(), training=True))
    assert np.abs(dropped - at_rest).max() > 1e-3
    np.testing.assert_array_equal(to_numpy(recurrent.cell.recurrent_kernel), before)


def test_the_layers_own_dropout_draws_anew_at_each_call():
    # A rate at which no weight is dropped, yet the layer runs as if some were.
    dropping = WeightDrop(keras.layers.LSTM(4, dropout=0.5), 1e-9)
    first, second = (to_numpy(dropping(numbers(), training=True)) for _ in range(2))
    assert np.abs(second - first).max() > 1e-3


def test_saved_model_gives_the_same_outputs(tmp_path):
    inputs = keras.Input(SHAPE[1:])
    outputs = WeightDrop(keras_modact.ModulatedLSTM(4), 0.4, seed=7)(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for training in (False, True):
        np.testing.assert_allclose(
            to_numpy(loaded(numbers(), training=training)),
            to_numpy(model(numbers(), training=training)),
            atol=1e-6,
        )


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_that_cannot_be_is_refused(rate):
    with pytest.raises(ValueError, match="must be in"):
        WeightDrop(keras.layers.LSTM(4), rate)
