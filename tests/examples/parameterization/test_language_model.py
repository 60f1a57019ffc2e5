"""The language model: its layers and network, its training, and tiny runs."""

import argparse
import json
import math

import keras
import numpy as np
import pytest

from examples.parameterization import (
    language_model,
    language_network,
    language_optimizers,
    language_report,
    language_training,
)
from examples.parameterization.language_layers import (
    ActivationPenalty,
    CarriedState,
    TiedEmbedding,
)
from examples.parameterization.language_training import Run
from examples.shared import corpus

to_numpy = keras.ops.convert_to_numpy
cells = pytest.mark.parametrize("cell", language_network.CELLS)

SIZES = "--units 5 --embedding-units 4 --vocabulary 9 --batch-size 3 --epochs 3"
# Windows of one length, so that little is compiled.
LENGTHS = "--window 8 --no-random-windows --samples 99 --test-samples 51"
STREAMS = "--validation-batch-size 3 --test-batch-size 3 --equal width"
TINY = f"{SIZES} --policy-units 3 {LENGTHS} {STREAMS} --verbose 0".split()


def options(preset="quick", **changes):
    chosen = language_model.PRESETS[preset]
    return argparse.Namespace(**{"preset": preset, "verbose": "0", **chosen, **changes})


def tiny(**changes):
    sizes = {"units": 5, "embedding_units": 4, "batch_size": 3, "window": 6}
    few = {"policy_units": 3, "window_multiple": 3, "epochs": 3}
    few |= {"validation_batch_size": 3, "test_batch_size": 3, "equal": "width"}
    return options(**{**sizes, **few, **changes})


def numbers(count=100, vocabulary=9):
    return np.random.default_rng(0).integers(0, vocabulary, count).astype("int32")


def compiled(chosen, cell="lstm", vocabulary=9):
    model = language_network.build_model(chosen, vocabulary, cell, chosen.units)
    # Larger than trained ones, so that a loss tells networks and states apart; an
    # adaptive cell would be almost closed.
    for weight in model.weights:
        if weight.name in ("embeddings", "adaptation_kernel"):
            drawn = np.random.default_rng(1).normal(size=weight.shape)
            weight.assign(drawn * 3)
    language_training.compile_model(chosen, model)
    return model


@pytest.fixture
def text(tmp_path, monkeypatch):
    """Options that name a small random text as WikiText-2."""
    monkeypatch.setattr(corpus, "KNOWN", {})
    folder = tmp_path / "wikitext-2"
    folder.mkdir()
    letters = np.array(list("abcdefgh   \n"))
    for seed, split in enumerate(("train", "valid", "test")):
        drawn = np.random.default_rng(seed).choice(letters, 400)
        path = folder / f"wiki.{split}.tokens"
        path.write_text("".join(drawn), encoding="utf-8", newline="")
    return ["--data-dir", str(tmp_path), "--output", str(tmp_path / "results")]


@cells
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


def test_carried_state_needs_a_known_batch():
    layer = keras.layers.LSTM(2, return_sequences=True, return_state=True)
    with pytest.raises(ValueError, match="known batch size"):
        CarriedState(layer)(keras.Input((None, 3)))


def test_tied_embedding_gives_logits_of_its_own_matrix():
    embedding = TiedEmbedding(7, 3)
    embedding(np.zeros((1, 1), "int32"))
    embedding.bias.assign(np.arange(7.0))
    vectors = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    expected = vectors @ to_numpy(embedding.embedding.embeddings).T + np.arange(7.0)
    logits = embedding(vectors, reverse=True, training=True)
    np.testing.assert_allclose(to_numpy(logits), expected, atol=1e-5)


def test_a_dropped_word_is_dropped_wherever_it_stands():
    embedding = TiedEmbedding(50, 3, word_dropout=0.4, seed=0)
    tokens = np.tile(np.arange(50, dtype="int32"), (2, 3))
    at_rest = to_numpy(embedding(tokens))
    factors = to_numpy(embedding(tokens, training=True)) / at_rest
    first = factors[0, :50, 0]
    assert 0.2 < (first == 0).mean() < 0.6
    np.testing.assert_allclose(first[first != 0], 1 / 0.6, rtol=1e-5)
    np.testing.assert_allclose(
        factors, np.tile(first, (2, 3))[..., None].repeat(3, -1), rtol=1e-5
    )
    again = to_numpy(embedding(tokens, training=True)) / at_rest
    assert (again != factors).any()


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


def test_parameters_that_cannot_be_equal_are_refused(text):
    arguments = [*TINY, *text, "--equal", "parameters", "--cells", "lstm", "adaptive"]
    with pytest.raises(SystemExit, match="--equal parameters cannot be reached"):
        language_model.main(arguments)


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


def test_presets_have_the_numbers_of_awd_lstm():
    paper = language_model.PRESETS["paper"]
    names = ("word", "embedding", "hidden", "output")
    assert [paper[f"{name}_dropout"] for name in names] == [0.1, 0.4, 0.25, 0.4]
    names = ("weight_drop", "learning_rate", "clip_norm", "weight_decay", "window")
    assert [paper[name] for name in names] == [0.5, 30, 0.25, 1.2e-6, 70]
    assert (paper["batch_size"], paper["epochs"], len(paper["seeds"])) == (20, 500, 2)
    assert (paper["corpus"], paper["vocabulary"]) == ("ptb", 10_000)
    names = ("activation_penalty", "change_penalty", "average_patience")
    assert [paper[name] for name in names] == [2, 1, 5]
    assert (paper["validation_batch_size"], paper["test_batch_size"]) == (10, 1)


def test_penalties_are_those_of_awd_lstm_and_no_part_of_the_nats():
    layer = ActivationPenalty(2.0, 0.5)
    whole, dropped = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("f")
    found = layer([whole, dropped], training=True)
    np.testing.assert_array_equal(to_numpy(found), dropped)
    expected = 2 * np.mean(dropped**2) + 0.5 * np.mean(np.diff(whole, axis=1) ** 2)
    assert float(sum(layer.losses)) == pytest.approx(expected, rel=1e-5)
    layer([whole, dropped])
    assert not layer.losses
    dropouts = ("embedding", "hidden", "output", "word")
    still = {f"{name}_dropout": 0.0 for name in dropouts} | {"weight_drop": 0.0}
    streams = corpus.parallel_streams(numbers(63), 3)
    nats = []
    for penalty in (0.0, 3.0):
        chosen = tiny(**still, activation_penalty=penalty, learning_rate=0.0)
        keras.utils.set_random_seed(0)
        model = compiled(chosen)
        names = [type(layer).__name__ for layer in model.layers]
        assert names.count("ActivationPenalty") == (penalty > 0)
        nats.append(
            language_training.read_windows(model, model.train_on_batch, streams, [20])
        )
    assert nats[0] == pytest.approx(nats[1], rel=1e-5)


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


def test_adaptive_preset_has_the_numbers_of_the_paper():
    paper = language_model.PRESETS["adaptive-paper"]
    names = ("word", "embedding", "policy", "hidden", "output")
    rates = [paper[f"{name}_dropout"] for name in names]
    assert rates == [0.16, 0.6, 0.1, 0.25, 0.6]
    names = (
        "learning_rate",
        "beta_1",
        "epsilon",
        "weight_decay",
        "clip_norm",
        "window",
    )
    assert [paper[name] for name in names] == [3e-3, 0, 1e-9, 1e-6, 5, 70]
    assert (paper["batch_size"], paper["epochs"]) == (20, 190)
    assert (paper["layers"], paper["decay_epochs"]) == (2, [100, 160])
    assert (paper["corpus"], paper["vocabulary"]) == ("ptb", 10_000)
    keys = {frozenset(preset) for preset in language_model.PRESETS.values()}
    assert len(keys) == 1


def test_loss_of_a_network_that_knows_nothing_is_that_of_chance():
    chosen = tiny()
    model = compiled(chosen)
    for weight in model.trainable_variables:
        weight.assign(np.zeros(weight.shape))
    nats = language_training.evaluate(chosen, model, numbers())
    assert language_training.perplexity(nats) == pytest.approx(9, rel=1e-5)
    assert language_report.shown(argparse.Namespace(level="words"), nats) == (
        pytest.approx(9, rel=1e-5)
    )
    bits = language_report.shown(argparse.Namespace(level="characters"), nats)
    assert bits == pytest.approx(math.log2(9), rel=1e-5)


@pytest.mark.parametrize("random_windows", [False, True])
def test_rate_goes_with_the_length_of_a_window_and_falls_after_epochs(random_windows):
    chosen = tiny(random_windows=random_windows, learning_rate=0.1, decay_epochs=[1, 2])
    model = compiled(chosen)
    streams = corpus.parallel_streams(numbers(), 3)
    seen = {}
    for epoch in range(3):
        seen[epoch] = []

        def record(tokens, targets, epoch=epoch):
            rate = float(to_numpy(model.optimizer.learning_rate))
            seen[epoch].append((tokens.shape[1], rate))
            return 0.0

        model.train_on_batch = record
        average = language_optimizers.WeightAverage(model, None)
        language_training.train_epoch(chosen, model, streams, epoch, 0, average)
        for length, rate in seen[epoch]:
            assert rate == pytest.approx(0.1 * 0.1**epoch * length / 6, rel=1e-5)
    lengths = [[length for length, _ in part] for part in seen.values()]
    if random_windows:
        assert {n % 3 for part in lengths for n in part} == {0}
        assert lengths[0] != lengths[1]
    else:
        # 33 steps, the last of which is only a target.
        assert lengths == [[6, 6, 6, 6, 6, 2]] * 3


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


def begin_after_the_first(average, losses):
    average.begun = True


@pytest.mark.parametrize(
    "cell", [pytest.param("modulated", marks=pytest.mark.every_backend), "adaptive"]
)
def test_interrupted_training_resumed_has_the_same_course(
    cell, text, tmp_path, monkeypatch
):
    # What the quick preset leaves out: a dropout, what it asks of the optimizer, and
    # an average, here of the last epoch.
    left_out = ["--word-dropout", "0.3", "--weight-decay", "0.01", "--beta-1", "0"]
    left_out += ["--average-patience", "1"]
    monkeypatch.setattr(
        language_optimizers.WeightAverage, "end_epoch", begin_after_the_first
    )
    arguments = [*TINY, *text, "--cells", cell, *left_out]
    (whole,) = language_model.main(
        [*arguments, "--output", str(tmp_path / "uninterrupted")]
    )
    evaluate = language_training.evaluate
    calls = []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(*given)

    with monkeypatch.context() as patch:
        patch.setattr(language_training, "evaluate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            language_model.main(arguments)
    epochs = []
    train_epoch = language_training.train_epoch

    def counted(*given):
        epochs.append(given[3])
        return train_epoch(*given)

    monkeypatch.setattr(language_training, "train_epoch", counted)
    (resumed,) = language_model.main([*arguments, "--resume"])
    assert epochs == [1, 2]
    assert resumed.train_loss == pytest.approx(whole.train_loss, rel=1e-6)
    assert resumed.validation_loss == pytest.approx(whole.validation_loss, rel=1e-6)
    assert resumed.test_loss == pytest.approx(whole.test_loss, rel=1e-6)
    assert len(set(whole.train_loss)) == 3


def test_resumption_with_other_settings_is_refused(text):
    arguments = [*TINY, *text, "--cells", "lstm", "--epochs", "1"]
    (run,) = language_model.main(arguments)
    # What is finished is tested again, and no more.
    (again,) = language_model.main([*arguments, "--resume"])
    assert (again.test_loss, again.seconds) == (run.test_loss, run.seconds)
    with pytest.raises(SystemExit, match=r"learning_rate 0.008, now 0.5\."):
        language_model.main([*arguments, "--resume", "--learning-rate", "0.5"])


def test_test_set_is_read_with_the_weights_of_the_best_epoch(tmp_path, monkeypatch):
    seen, losses = [], [1.0, 0.5, 0.75, 9.0]

    def evaluate(chosen, model, split):
        seen.append([to_numpy(w) for w in model.trainable_variables])
        return losses[len(seen) - 1]

    monkeypatch.setattr(language_training, "evaluate", evaluate)
    splits = language_training.Data(numbers(), numbers(), numbers(), 9)
    chosen = tiny(output=tmp_path, resume=False)
    run = language_training.train(chosen, splits, "lstm", 5, seed=0)
    assert (run.best_epoch, run.test_loss) == (1, 9.0)
    assert run.validation_loss == losses[:3]
    for at_best, at_end, tested in zip(seen[1], seen[2], seen[3], strict=True):
        np.testing.assert_array_equal(tested, at_best)
        assert (at_end != at_best).any()


@pytest.mark.parametrize(
    ("level", "of_level"),
    [("words", ["lstm", "adaptive", "adaptive-static"]), ("characters", ["lstm"])],
)
def test_run_prints_a_table_and_writes_results_and_picture(
    level, of_level, text, tmp_path, capsys
):
    runs = language_model.main(
        [*TINY, *text, "--epochs", "2", "--level", level, "--cells", *of_level]
    )
    printed = capsys.readouterr().out
    assert [run.cell for run in runs] == of_level
    content = (tmp_path / "results" / "results.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in content
    results = json.loads(content)
    assert results["settings"]["level"] == level
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["validation_loss"] == run.validation_loss
        assert record["test_loss"] == run.test_loss
        assert record["units"] == run.units
        scale = math.exp if level == "words" else lambda nats: nats / math.log(2)
        assert f"| {scale(run.test_loss):.3f} " in printed
        assert f"| {run.parameters:,} " in printed
    measure = {"words": "perplexity", "characters": "bits per character"}[level]
    assert f"| test {measure} " in printed
    assert ("modulated LSTM 29M " in printed) == (level == "words")
    assert ("two runs that differ are needed of each" in printed) == (level == "words")
    picture = tmp_path / "results" / "course.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_diverged_run_stops_and_says_so(text, tmp_path, capsys):
    (run,) = language_model.main(
        [*TINY, *text, "--cells", "lstm", "--optimizer", "sgd", "--clip-norm", "0",
         "--learning-rate", "1e38"]
    )  # fmt: skip
    assert run.diverged
    assert len(run.train_loss) == 1
    assert "| diverged " in capsys.readouterr().out
    content = (tmp_path / "results" / "results.json").read_text(encoding="utf-8")
    (record,) = json.loads(content, parse_constant=pytest.fail)["runs"]
    assert record["diverged"]
    assert record["train_loss"] == [None]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--layers 1", "--layers must be at least 2"),
        ("--weight-drop 1", "--weight-drop must be in [0, 1)"),
        ("--hidden-dropout -0.5", "--hidden-dropout must be in [0, 1)"),
        ("--policy-dropout 1", "--policy-dropout must be in [0, 1)"),
        ("--policy-units 0", "--policy-units: must be at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(given, message, capsys):
    with pytest.raises(SystemExit):
        language_model.main(given.split())
    assert message in capsys.readouterr().err


def test_a_text_too_short_for_its_streams_is_refused(text):
    message = "valid split has 51 tokens, too few for --validation-batch-size 26"
    with pytest.raises(SystemExit, match=message):
        language_model.main([*TINY, *text, "--validation-batch-size", "26"])


def test_picture_has_validation_and_training_of_every_run(tmp_path, monkeypatch):
    drawn = []
    figure = language_report.Figure

    def remembered(**arguments):
        drawn.append(figure(**arguments))
        return drawn[-1]

    monkeypatch.setattr(language_report, "Figure", remembered)
    runs = [
        Run(cell, 5, seed, 9, 3, 1.0, [math.log(8)] * 2, [math.log(n), math.log(4)])
        for cell, seed, n in (("lstm", 0, 5), ("lstm", 1, 6), ("modulated", 0, 7))
    ]
    path = tmp_path / "course.png"
    language_report.plot_course(tiny(), runs, path, "title")
    (axes,) = drawn[0].axes
    courses = [list(np.round(line.get_ydata(), 6)) for line in axes.lines]
    assert courses == [[5, 4], [8, 8], [6, 4], [8, 8], [7, 4], [8, 8]]
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "LSTM, validation", "LSTM, training",
        "modulated LSTM, validation", "modulated LSTM, training",
    ]  # fmt: skip


def test_table_has_the_best_epoch_of_every_seed():
    runs = [
        Run("lstm", 5, seed, 9000, 3, seconds, [1.0] * 2, list(map(math.log, losses)),
            math.log(test))
        for seed, seconds, losses, test in ((0, 2.0, (5, 4), 3), (1, 4.0, (6, 7), 5))
    ]  # fmt: skip
    table = language_report.results_table(tiny(), runs)
    head, _, row = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()
    )
    assert head == [
        "cell", "units", "parameters", "validation perplexity", "test perplexity",
        "best epoch", "seconds",
    ]  # fmt: skip
    assert row == [
        "LSTM", "5", "9,000", "5.000 ± 1.414", "4.000 ± 1.414", "2, 1", "3",
    ]  # fmt: skip
