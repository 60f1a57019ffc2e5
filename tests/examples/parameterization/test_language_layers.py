"""The layers of the language model: a state that is carried, tied words, penalties."""

import keras
import numpy as np
import pytest

from examples.parameterization import language_training
from examples.parameterization.language_layers import (
    ActivationPenalty,
    CarriedState,
    TiedEmbedding,
)
from examples.shared import corpus
from tests.examples.parameterization.language import compiled, numbers, tiny

to_numpy = keras.ops.convert_to_numpy


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
