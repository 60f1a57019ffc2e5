"""The training of the language model: its loss, its rates, and how it goes on."""

import argparse
import math

import keras
import numpy as np
import pytest

from examples.parameterization import (
    language_model,
    language_optimizers,
    language_report,
    language_training,
)
from examples.shared import corpus
from tests.examples.parameterization.language import (
    TINY,
    compiled,
    numbers,
    tiny,
)

to_numpy = keras.ops.convert_to_numpy


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
