"""The network of the language model: its state, its saved form, its parameters."""

import math

import keras
import numpy as np
import pytest

from examples.parameterization import (
    language_model,
    language_network,
    language_training,
)
from examples.shared import corpus
from tests.examples.parameterization.language import compiled, numbers, options, tiny

to_numpy = keras.ops.convert_to_numpy


@pytest.mark.parametrize("cell", language_network.CELLS)
def test_state_is_carried_from_window_to_window_and_not_from_text_to_text(cell):
    model = compiled(tiny(), cell)
    streams = corpus.parallel_streams(numbers(63), 3)

    def nats(*lengths):
        return language_training.read_windows(
            model, model.test_on_batch, streams, lengths
        )

    whole = nats(20)
    assert nats(15, 5) == pytest.approx(whole, rel=1e-5)
    assert nats(20) == pytest.approx(whole, rel=1e-5)
    # Without the carried state the loss would be another one.
    alone = [
        language_training.read_windows(
            model, model.test_on_batch, streams[:, start:], [5]
        )
        for start in (0, 5, 10, 15)
    ]
    assert np.mean(alone) != pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "adaptive"])
def test_training_carries_the_state_as_well(cell):
    rates = ("embedding", "hidden", "policy", "output", "word")
    still = {f"{name}_dropout": 0.0 for name in rates}
    model = compiled(tiny(**still, weight_drop=0.0, learning_rate=0.0), cell)
    streams = corpus.parallel_streams(numbers(63), 3)
    losses = [
        language_training.read_windows(model, step, streams, lengths)
        for step in (model.train_on_batch, model.test_on_batch)
        for lengths in ([20], [10, 10])
    ]
    assert losses == pytest.approx(losses[:1] * 4, rel=1e-5)


@pytest.mark.parametrize("cell", ["modulated", "adaptive"])
def test_saved_network_gives_the_same_logits(cell, tmp_path):
    model = compiled(tiny(weight_decay=0.1), cell)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.optimizer.decay == 0.1
    tokens = numbers(12).reshape(3, 4)
    np.testing.assert_allclose(
        loaded.predict_on_batch(tokens), model.predict_on_batch(tokens), atol=1e-6
    )


def test_counts_are_those_of_the_papers():
    paper = options("paper")
    lstm, modulated = (
        language_network.recurrent_layers(paper, cell, paper.units)
        for cell in ("lstm", "modulated")
    )
    for layers, count in ((lstm, 5_290_000), (modulated, 6_612_500)):
        assert [layer.cell.units for layer in layers] == [1150, 1150, 400]
        layers[0].build((None, None, 400))
        assert math.prod(layers[0].cell.recurrent_kernel.shape) == count
    recurrent = language_network.count_parameters(paper, "lstm", paper.units)
    vocabulary, features = paper.vocabulary, paper.embedding_units
    # AWD-LSTM has 24,221,600 with two biases a gate, which are one here.
    assert recurrent + vocabulary * features + vocabulary == 24_221_600 - 10_800


def test_published_initial_weights_are_uniform_by_the_layers_width():
    layers = language_network.recurrent_layers(
        tiny(initial_weights="published"), "modulated", 400
    )
    for layer, width in zip(layers, (400, 4), strict=True):
        layer.build((None, None, 30))
        for weight in layer.weights:
            bound = width**-0.5
            largest = np.abs(to_numpy(weight)).max()
            assert 0.7 * bound < largest <= bound


def test_adaptive_counts_are_those_of_the_paper():
    paper = options("adaptive-paper")
    for row in language_model.PUBLISHED:
        chosen = options(row.preset, units=row.units)
        found = language_network.count_parameters(chosen, row.cell, row.units)
        found += chosen.vocabulary * (chosen.embedding_units + 1)
        assert round(found / 1e6) == int(row.parameters.removesuffix("M"))
        assert (chosen.corpus, chosen.equal) == (row.corpus, "width")
    counts = {
        cell: language_network.count_parameters(paper, cell, paper.units)
        for cell in ("adaptive", "adaptive-static")
    }
    logits = paper.vocabulary * (paper.embedding_units + 1)
    # The published policies have two biases each, which are one here.
    assert counts["adaptive"] + logits == 17_197_800 - 2 * 400
    # Of what a recurrent policy has, a static one has a quarter of its input's and
    # its bias' weights, and none of z's.
    inputs = 400 + 1150 + 1150 + 400
    more = 3 * 100 * (inputs + 2) + 2 * 400 * 100 + 2 * 400 * 100
    assert counts["adaptive"] - counts["adaptive-static"] == more


# From the widths of a layer's input and its own, and the policy's.
COUNTS = {
    "lstm": lambda i, h, a: 4 * h * (i + h + 1),
    "modulated": lambda i, h, a: 5 * h * (i + h + 1),
    "adaptive": lambda i, h, a: (
        4 * h * (i + h + 1) + 4 * a * (i + h + 2 * a + 1) + a * (i + 13 * h)
    ),
    "adaptive-static": lambda i, h, a: (
        4 * h * (i + h + 1) + a * (i + h + 1) + a * (i + 13 * h)
    ),
}


@pytest.mark.parametrize("cell", COUNTS)
def test_cells_get_as_many_parameters_by_the_nearest_width(cell):
    quick = options()
    features, policy = quick.embedding_units, quick.policy_units

    def count(cell, units):
        first = COUNTS[cell](features, units, policy)
        return first + COUNTS[cell](units, features, policy)

    target = count("lstm", quick.units)
    units = language_network.units_of(quick, cell)
    excess = [
        abs(count(cell, width) - target) for width in (units - 1, units, units + 1)
    ]
    assert excess[1] == min(excess)
    assert excess[1] < 0.005 * target
    assert (units == quick.units) == (cell == "lstm")
    quick.equal = "width"
    assert language_network.units_of(quick, cell) == quick.units


@pytest.mark.parametrize("cell", ["adaptive", "adaptive-static"])
def test_adaptive_layers_drop_h_and_z_and_no_weights(cell):
    chosen = tiny(hidden_dropout=0.2, policy_dropout=0.3, around_one=True)
    model = language_network.build_model(chosen, 9, cell, 5)
    layers = [carried.layer for carried in language_network.carried_layers(model)]
    assert len(layers) == {"adaptive": 1, "adaptive-static": 2}[cell]
    for layer in layers:
        assert layer.cell.recurrent_dropout == 0.2
        assert layer.cell.policy_dropout == 0.3
        assert layer.cell.around_one
    rates = [
        x.rate for x in model.layers if isinstance(x, keras.layers.SpatialDropout1D)
    ]
    # The stack has the dropout between its layers in itself.
    between = [0.2] * (len(layers) - 1)
    assert rates == [chosen.embedding_dropout, *between, chosen.output_dropout]
    assert language_network.recurrent_weights(model) == 5 * 20 + 4 * 16
