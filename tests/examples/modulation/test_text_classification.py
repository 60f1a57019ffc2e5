"""What the examples on the modulated LSTM share: models, read-outs, runs, nodes."""

import argparse
import json

import keras
import numpy as np
import pytest

import keras_modact
from examples.modulation import names, nodes, sst2, text_classification
from examples.shared import records

to_numpy = keras.ops.convert_to_numpy

TEXTS = np.array([[2, 3, 4, 0, 0], [4, 2, 0, 0, 0], [3, 3, 2, 4, 2]], "int32")
LABELS = np.array([0, 1, 1], "int32")
SPLITS = {
    "train": (TEXTS.repeat(4, axis=0), LABELS.repeat(4)),
    "dev": (TEXTS[:2], LABELS[:2]),
    "test": (TEXTS, LABELS),
}


def options(**given):
    defaults = {"units": 4, "wide_units": 5, "embedding": 3, "batch_size": 6,
                "epochs": 2, "seeds": [0], "models": ["modulated"],
                "read_out": ["masked"], "verbose": "0", "padding": "full",
                "first_state": "zeros", "loss_reduction": "mean"}  # fmt: skip
    return argparse.Namespace(**(defaults | given))


def network(model, read_out="masked", tau="sigmoid", **given):
    return text_classification.build_model(options(**given), model, read_out, 5, 2, tau)


@pytest.mark.parametrize(
    ("example", "counts"),
    [(names, [5120, 6400, 4096, 5120]), (sst2, [72_000, 90_000, 57_600, 72_000])],
)
def test_recurrent_weights_are_those_of_table_3(example, counts):
    sizes = argparse.Namespace(
        **{"padding": "full", "first_state": "zeros", **example.PRESETS["paper"]}
    )
    found = [
        text_classification.recurrent_weights(
            text_classification.build_model(sizes, model, "masked", 5, 2, "sigmoid")
        )
        for model in text_classification.MODELS
    ]
    assert found == counts


def test_models_are_those_of_the_paper():
    layers = {
        model: network(model, tau="tanhshrink").get_layer("lstm")
        for model in text_classification.MODELS
    }
    plain, extra = layers["control-2"], layers["control-3"].cell
    assert isinstance(plain, keras.layers.LSTM)
    assert isinstance(layers["control-1"], keras.layers.LSTM)
    modulated = layers["modulated"].cell
    assert modulated.modulator_activation is keras_modact.tanhshrink
    assert modulated.modulates == "slope"
    assert extra.modulator_activation is keras.activations.sigmoid
    assert extra.modulates == "output"


@pytest.mark.parametrize("model", text_classification.MODELS)
def test_initial_values_are_the_published_ones(model):
    width = 120 if model == "control-1" else 100
    built = network(model, units=100, wide_units=120, embedding=width)
    cell = built.get_layer("lstm").cell
    weights = [to_numpy(w) for w in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    for weight in [*weights, *map(to_numpy, built.layers[-1].weights)]:
        scaled = weight * width**0.5
        assert np.abs(scaled).max() <= 1
        if weight.size > 100:
            assert scaled.std() == pytest.approx(3**-0.5, rel=0.1)
    # Equal shapes, but no equal numbers.
    assert weights[0].shape == weights[1].shape
    assert abs(np.corrcoef(weights[0].ravel(), weights[1].ravel())[0, 1]) < 0.1
    embeddings = to_numpy(built.get_layer("embedding").embeddings)
    assert embeddings.std() == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize("model", ["modulated", "control-2"])
def test_padding_changes_the_padded_read_out_alone(model):
    longer = np.pad(TEXTS, ((0, 0), (0, 3)))
    masked = network(model, "masked")
    np.testing.assert_allclose(
        to_numpy(masked(longer)), to_numpy(masked(TEXTS)), atol=1e-6
    )
    padded = network(model, "padded")
    assert np.abs(to_numpy(padded(longer)) - to_numpy(padded(TEXTS))).max() > 1e-4


def test_batches_of_like_length_hold_every_text_once_and_little_padding():
    lengths = np.random.default_rng(0).integers(1, 50, 2_003)
    generator = np.random.default_rng(1)
    order = text_classification.batches_by_length(lengths, 5, generator)
    assert sorted(order) == list(range(2_003))
    batches = [lengths[order[i : i + 5]] for i in range(0, 2_003, 5)]
    # Pools of 500 sorted: five neighbours differ by half a word, at random by 16.
    assert np.mean([b.max() - b.mean() for b in batches]) < 0.5
    longest = np.array([b.max() for b in batches[:100]])
    assert (np.diff(longest) < 0).any()
    again = text_classification.batches_by_length(lengths, 5, generator)
    assert (again != order).any()


@pytest.mark.parametrize("model", ["modulated", "control-2"])
def test_template_s_padding_ends_with_the_batch_in_training_alone(model):
    """In training as if cut to the longest, at test as all of the padding."""
    built = network(model, "padded", padding="template")
    plain = network(model, "padded")
    plain.set_weights(built.get_weights())
    longer = np.pad(TEXTS, ((0, 0), (0, 3)))
    np.testing.assert_allclose(
        to_numpy(built(longer, training=True)), to_numpy(plain(TEXTS)), atol=1e-6
    )
    np.testing.assert_allclose(
        to_numpy(built(longer)), to_numpy(plain(longer)), atol=1e-6
    )
    assert np.abs(to_numpy(plain(longer)) - to_numpy(plain(TEXTS))).max() > 1e-4


def test_template_trains_on_batches_of_like_length(monkeypatch):
    given = options(padding="template", read_out=["padded"], batch_size=3, epochs=2)
    seen = []
    fit = keras.Model.fit

    def recorded(self, texts, labels, **arguments):
        seen.append((texts, labels, arguments["shuffle"]))
        return fit(self, texts, labels, **arguments)

    monkeypatch.setattr(keras.Model, "fit", recorded)
    text_classification.train_all(
        given, network, lambda: keras.optimizers.SGD(0.1), SPLITS
    )
    for texts, labels, shuffle in seen:
        # Four of each of three lengths, so 2 2 2 | 2 3 3 | 3 3 5 | 5 5 5, shuffled.
        lengths = np.count_nonzero(texts, axis=1).reshape(4, 3)
        assert sorted(map(sorted, lengths.tolist())) == [
            [2, 2, 2], [2, 3, 3], [3, 3, 5], [5, 5, 5]
        ]  # fmt: skip
        np.testing.assert_array_equal(labels, (texts[:, 0] != 2).astype(int))
        assert not shuffle
    assert (seen[0][0] != seen[1][0]).any()


def test_summed_loss_makes_steps_as_many_times_as_large():
    moved = {}
    for reduction in ("mean", "sum"):
        (run,) = text_classification.train_all(
            options(loss_reduction=reduction, batch_size=12, epochs=1),
            network, lambda: keras.optimizers.SGD(1e-3), SPLITS,
        )  # fmt: skip
        keras.utils.set_random_seed(0)
        start = network("modulated", "masked").get_weights()
        moved[reduction] = [
            w - s for w, s in zip(run.network.get_weights(), start, strict=True)
        ]
    for mean, total in zip(moved["mean"], moved["sum"], strict=True):
        np.testing.assert_allclose(total, 12 * mean, atol=1e-5)


def test_first_state_is_drawn_for_every_text_and_call():
    layer = text_classification.NormalStates(300)
    texts = np.zeros((20, 3), "int32")
    h, c = map(to_numpy, layer(texts))
    again, _ = map(to_numpy, layer(texts))
    drawn = np.stack([h, c, again]).reshape(60, 300)
    assert drawn.mean() == pytest.approx(0, abs=0.03)
    assert drawn.std() == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(np.corrcoef(drawn) - np.eye(60), 0, atol=0.3)
    built = network("modulated", first_state="normal")
    assert np.abs(to_numpy(built(TEXTS)) - to_numpy(built(TEXTS))).max() > 1e-4


def test_nodes_start_from_the_states_that_were_drawn(monkeypatch):
    built = network("modulated", first_state="normal")
    states = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    monkeypatch.setattr(built.get_layer("first_state"), "call", lambda _: list(states))
    cell = built.get_layer("lstm").cell
    first = to_numpy(built.get_layer("embedding")(TEXTS))[:, 0]
    g = to_numpy(cell.gates(first, states[0]).integration)
    found = nodes.node_activations(built, TEXTS).integrated
    np.testing.assert_allclose(found[[0, 3, 5]], g, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "tau"),
    [("modulated", "sigmoid"), ("modulated", "tanhshrink"), ("control-1", "sigmoid"),
     ("control-2", "sigmoid"), ("control-3", "tanhshrink")],
)  # fmt: skip
def test_nodes_against_the_equations(model, tau):
    """The paper's equations, symbol by symbol, in float64."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    built = network(model, tau=tau)
    cell = built.get_layer("lstm").cell
    kernel, recurrent, bias, embeddings = (
        to_numpy(weight).astype("float64")
        for weight in (
            cell.kernel,
            cell.recurrent_kernel,
            cell.bias,
            built.get_layer("embedding").embeddings,
        )
    )
    expected = []
    for text in TEXTS:
        h = c = np.zeros(5 if model == "control-1" else 4)
        for symbol in text[text != 0]:
            summed = embeddings[symbol] @ kernel + h @ recurrent + bias
            i, f, g, o, *m = np.split(summed, len(bias) // len(h))
            candidate = np.tanh(g)
            if model == "modulated":
                slope = sigmoid(m[0]) if tau == "sigmoid" else m[0] - np.tanh(m[0])
                candidate = np.tanh(slope * g)
            if model == "control-3":
                candidate = sigmoid(m[0]) * np.tanh(g)
            expected.append((g, sigmoid(i) * candidate))
            c = sigmoid(f) * c + sigmoid(i) * candidate
            h = sigmoid(o) * np.tanh(c)
    found = nodes.node_activations(built, TEXTS)
    plain = model.startswith("control")
    assert (found.slope == 1).all() == plain
    pair = (found.integrated, found.taken)
    for of_nodes, oracle in zip(pair, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(of_nodes, np.stack(oracle), atol=1e-5)


def test_runs_cover_seeds_read_outs_and_models(monkeypatch):
    given = options(
        seeds=[3, 4], models=["modulated", "control-2"], read_out=["padded", "masked"]
    )
    trained = []

    def train(options, network, splits, *names):
        trained.append(network)
        return text_classification.Run(*names, 1.0, [1.0], [0.5], [], [0.5], network)

    monkeypatch.setattr(text_classification, "train", train)
    runs = text_classification.train_all(
        given, network, lambda: keras.optimizers.SGD(0.1), SPLITS
    )
    assert [(run.seed, run.read_out, run.model) for run in runs] == [
        (seed, read_out, model)
        for seed in (3, 4)
        for read_out in ("padded", "masked")
        for model in ("modulated", "control-2")
    ]
    for run, built in zip(runs, trained, strict=True):
        lstm = built.get_layer("lstm")
        is_modulated = isinstance(lstm, keras_modact.ModulatedLSTM)
        assert is_modulated == (run.model == "modulated")
        masks = built.get_layer("embedding").mask_zero
        assert masks == (run.read_out == "masked")


def test_runs_repeat_by_seed_and_tell_of_dev_and_test_set(tmp_path):
    given = options(seeds=[3, 3, 4], models=["control-2"], output=tmp_path)
    runs = text_classification.train_all(
        given, network, lambda: keras.optimizers.SGD(0.1), SPLITS
    )
    np.testing.assert_allclose(runs[0].train_loss, runs[1].train_loss, rtol=1e-5)
    assert runs[0].train_loss != runs[2].train_loss
    for run in runs:
        last = [
            np.mean(to_numpy(run.network(texts)).argmax(-1) == labels)
            for texts, labels in (SPLITS["dev"], SPLITS["test"])
        ]
        found = [run.dev_accuracy[-1], run.test_accuracy[-1]]
        np.testing.assert_allclose(found, last, rtol=1e-6)
        assert len(run.train_loss) == len(run.train_accuracy) == 2
        assert len(run.dev_accuracy) == len(run.test_accuracy) == 2
    records.write_results(given, [runs[0].record()])
    (record,) = json.loads((tmp_path / "results.json").read_text("utf-8"))["runs"]
    assert record["test_accuracy"] == runs[0].test_accuracy
    assert "network" not in record
    kept, node = nodes.from_record(record), runs[0].node
    assert kept.number == node.number
    assert len(kept.nodes.slope) == min(nodes.POINTS, np.count_nonzero(TEXTS))
    np.testing.assert_allclose(kept.nodes.taken, node.nodes.taken, atol=1e-4)
    every = nodes.node_activations(runs[0].network, SPLITS["test"][0]).taken
    assert every.std(axis=0).argmax() == node.number


def test_training_goes_on_from_epoch_to_epoch():
    """Adam's memory too: as one fit of two epochs, if nothing is shuffled."""
    one_batch = options(batch_size=12, epochs=3)
    (run,) = text_classification.train_all(
        one_batch, network, lambda: keras.optimizers.Adam(0.1), SPLITS
    )
    keras.utils.set_random_seed(0)
    whole = network("modulated", "masked")
    whole.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    history = whole.fit(*SPLITS["train"], batch_size=12, epochs=3, verbose=0).history
    np.testing.assert_allclose(run.train_loss, history["loss"], rtol=1e-5)
    assert run.train_loss[2] < run.train_loss[0]


def test_best_epoch_is_the_first_of_the_best_on_the_dev_set():
    run = text_classification.Run(
        "modulated", "masked", 0, 1.0, [], [], [0.5, 0.7, 0.7], [0.9, 0.6, 0.8], None
    )
    assert run.best_epoch == 1
