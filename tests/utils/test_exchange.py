"""Layers exchanged in a clone of a model, those in Keras' wrappers too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import keras_modact
from keras_modact.utils.cloning import parts_of
from keras_modact.utils.layers import is_graph
from tests.gradients import as_float64

X = np.random.default_rng(0).normal(size=(2, 4, 4)).astype("float32")


def outputs(model: Any, inputs: np.ndarray = X) -> np.ndarray:
    """What a model computes, not compiled, which would take longer here."""
    return as_float64(model(inputs))


def randomized(model: Any) -> Any:
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.4, weight.shape))
    return model


@functools.cache
def wrapped() -> keras.Model:
    """A layer of each kind that can be exchanged, in each wrapper that is known."""
    inputs = keras.Input((4, 4))
    x = layers.TimeDistributed(layers.Dense(5, "relu", name="each"), name="time")(
        inputs
    )
    shared = layers.Bidirectional(layers.LSTM(5, return_sequences=True), "sum")
    x = shared(shared(x))
    cells = [layers.LSTMCell(4, name="first"), layers.GRUCell(3), layers.LSTMCell(3)]
    x = layers.RNN(cells, return_sequences=True, go_backwards=True, name="stack")(x)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.ReLU()])
    x = layers.TimeDistributed(inner)(x)
    x = layers.Reshape((4, 4, 1))(x)
    x = layers.Conv2D(2, 2, name="picture")(x)
    x = layers.Reshape((3, 6))(x)
    x = layers.LSTM(5, unroll=True, implementation=1, use_cudnn=False, name="last")(x)
    return randomized(keras.Model(inputs, layers.Dense(2, name="out")(x)))


def classes(layer: Any) -> list[str]:
    """The classes of the layers with weights in a model, in order."""
    parts = layer.layers if is_graph(layer) else parts_of(layer)
    if not parts:
        return [type(layer).__name__] if layer.weights else []
    return [name for part in parts for name in classes(part)]


def adapted(model: keras.Model) -> keras.Model:
    return keras_modact.adapt(model, policy_units=3)


def modulated(model: keras.Model) -> keras.Model:
    kinds = [layers.Dense, layers.Conv2D, layers.LSTM, layers.LSTMCell]
    return keras_modact.modulate(model, kinds, start_unchanged=True)


CLONED = {
    "adapt": (
        adapted,
        {
            "Dense": "AdaptiveDense",
            "Conv2D": "AdaptiveConv2D",
            "LSTM": "AdaptiveLSTM",
            "LSTMCell": "AdaptiveLSTMCell",
        },
    ),
    "modulate": (
        modulated,
        {
            "Dense": "Modulated",
            "Conv2D": "Modulated",
            "LSTM": "ModulatedLSTM",
            "LSTMCell": "ModulatedLSTMCell",
        },
    ),
}


@pytest.mark.parametrize("function", CLONED)
def test_every_wrapper(function: str, tmp_path: Path) -> None:
    """The clone computes the same, is trained and saved, and shares nothing."""
    clone_of, exchanged = CLONED[function]
    model = wrapped()
    expected, before = outputs(model), model.get_weights()
    assert np.abs(expected).max() > 0.1
    clone = clone_of(model)
    assert classes(clone) == [exchanged.get(name, name) for name in classes(model)]
    for layer in model.layers[1:]:
        assert clone.get_layer(layer.name)
    np.testing.assert_allclose(outputs(clone), expected, atol=1e-6)
    for weight in clone.weights:
        weight.assign_add(np.ones(weight.shape))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    # On torch a path that two weights have hides one of them from an optimizer.
    assert len({weight.path for weight in clone.weights}) == len(clone.weights)
    clone.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(again), outputs(clone))


def both_ways(**arguments: Any) -> keras.Model:
    inputs = keras.Input((4, 4))
    x = layers.Bidirectional(layers.LSTM(3), name="both", **arguments)(inputs)
    return randomized(keras.Model(inputs, layers.Dense(2, name="out")(x)))


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("both", ["ModulatedLSTM", "ModulatedLSTM"]),
        (lambda layer: layer.name.startswith("backward"), ["LSTM", "ModulatedLSTM"]),
    ],
    ids=["by the wrapper's name", "one of two"],
)
def test_choice_of_layers_in_a_wrapper(chosen: Any, names: list[str]) -> None:
    model = both_ways()
    clone = keras_modact.modulate(model, chosen, start_unchanged=True)
    assert classes(clone) == [*names, "Dense"]
    np.testing.assert_allclose(outputs(clone), outputs(model), atol=1e-6)


def test_a_drawn_modulator_keeps_the_weights_of_the_lstm() -> None:
    model = both_ways()
    clone = keras_modact.modulate(model, "both")
    for side in ("forward_layer", "backward_layer"):
        new = getattr(clone.get_layer("both"), side).cell
        old = getattr(model.get_layer("both"), side).cell
        kernel, drawn = np.split(keras.ops.convert_to_numpy(new.kernel), [12], axis=1)
        np.testing.assert_array_equal(kernel, keras.ops.convert_to_numpy(old.kernel))
        assert drawn.std() > 0.1


def test_frozen_wrappers() -> None:
    """A frozen wrapper's layers stay frozen; what is added to one of them trains."""
    time = layers.TimeDistributed(layers.Dense(4, name="one"))
    model = keras.Sequential([keras.Input((4, 4)), time, layers.Dense(3)])
    for frozen, others in ((time, 2), (model, 0)):
        frozen.trainable = False
        clone = keras_modact.modulate(model, "one")
        paths = [weight.path for weight in clone.trainable_weights]
        assert len(paths) == 2 + others
        assert sum("one/modulator" in path for path in paths) == 2
    assert keras_modact.adapt(model).trainable_weights == []


def translator(**arguments: Any) -> keras.Model:
    """An encoder that hands its states to a decoder."""
    inputs = keras.Input((4, 4))
    _, *states = layers.LSTM(3, return_state=True, name="encoder")(inputs)
    x = layers.LSTM(3, name="decoder")(inputs, initial_state=states)
    return randomized(keras.Model(inputs, x))


def test_states_between_layers() -> None:
    model = translator()
    expected = outputs(model)
    for clone in (
        keras_modact.adapt(model, policy="static"),
        keras_modact.modulate(model, layers.LSTM, start_unchanged=True),
    ):
        np.testing.assert_allclose(outputs(clone), expected, atol=1e-6)


@pytest.mark.parametrize("function", CLONED)
def test_stateful_layers(function: str) -> None:
    inputs = keras.Input((4, 4), batch_size=2)
    model = randomized(keras.Model(inputs, layers.LSTM(3, stateful=True)(inputs)))
    clone = CLONED[function][0](model)
    for _ in range(2):
        np.testing.assert_allclose(outputs(clone), outputs(model), atol=1e-6)


def test_an_activation_without_a_registered_name() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, lambda x: 2 * x)])
    clone = keras_modact.adapt(model)
    np.testing.assert_allclose(outputs(clone, X[:, 0]), outputs(model, X[:, 0]))


def test_what_is_adapted_is_left_alone() -> None:
    """Other arguments for other kinds of layers, in a second call."""
    model = both_ways()
    first = keras_modact.adapt(model, layers.LSTM, policy="static", policy_units=2)
    second = keras_modact.adapt(first, policy="glu", adaptation="input")
    assert classes(second) == ["AdaptiveLSTM", "AdaptiveLSTM", "AdaptiveDense"]
    assert second.get_layer("out").policy.latent == "glu"
    assert second.get_layer("both").forward_layer.cell.policy == "static"
    np.testing.assert_allclose(outputs(second), outputs(model), atol=1e-6)


def of(layer: Any) -> keras.Model:
    return keras.Sequential([keras.Input((4, 4)), layer])


class OwnLSTM(layers.LSTM):
    """One that may compute something else."""


def adapt(make: Callable[[], Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: keras_modact.adapt(make(), *args, **kwargs)


def modulate(make: Callable[[], Any], *args: Any, **kwargs: Any) -> Callable[[], Any]:
    return lambda: keras_modact.modulate(make(), *args, **kwargs)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "unbuilt": (
        adapt(lambda: keras.Sequential([layers.Dense(2)])),
        "carries weights over, and Dense .* has none yet",
    ),
    "unbuilt LSTM": (
        modulate(lambda: keras.Sequential([layers.LSTM(2)]), layers.LSTM),
        "carries weights over, and LSTM .* has none yet",
    ),
    "another activation": (
        adapt(lambda: of(layers.Bidirectional(layers.LSTM(2, activation="relu")))),
        "LSTM 'forward_.*activation='relu', must be 'tanh'",
    ),
    "cuDNN": (
        modulate(lambda: of(layers.LSTM(2, use_cudnn=True)), layers.LSTM),
        "use_cudnn=True. Set its `use_cudnn` to 'auto'",
    ),
    "a cell's dropout": (
        adapt(lambda: of(layers.RNN([layers.LSTMCell(2, dropout=0.5)]))),
        "LSTMCell .* has dropout=0.5, recurrent_dropout=0.0. Set both to 0",
    ),
    "more states": (adapt(translator), "'encoder' returns its 2 states.*has 4"),
    "a subclass": (
        modulate(lambda: of(OwnLSTM(2)), layers.LSTM),
        "takes a `LSTM` itself.*`OwnLSTM`",
    ),
    "another recurrent layer": (
        modulate(lambda: of(layers.GRU(2)), layers.GRU),
        "No modulator follows from GRU .*takes keras.layers.LSTM",
    ),
    "no adaptive form": (
        adapt(lambda: of(layers.GRU(2, name="gru")), "gru"),
        "GRU 'gru' has no adaptive form; Dense, Conv2D, LSTM, LSTMCell have",
    ),
    "nothing to adapt": (
        adapt(lambda: of(layers.ReLU())),
        "None stands for Dense, Conv2D, .*Choose from a model with such layers",
    ),
    "arguments of a wrapper": (
        modulate(both_ways, "both", modulator_use_bias=False),
        "`modulator_use_bias` is for layers that are wrapped.*a fifth gate",
    ),
    "a wrapper's modulator": (
        modulate(both_ways, "both", modulator="channelwise"),
        "received modulator='channelwise', and the modulator of LSTM",
    ),
    "several kernels": (adapt(both_ways, "out", "sva"), "with one kernel"),
    "a policy for all": (
        adapt(both_ways, "out", policy=layers.Dense(2, name="one")),
        "a policy of its own, received the layer policy='one'",
    ),
    "a name": (adapt(both_ways, name="clone"), "received name='clone'"),
    "no such name": (adapt(both_ways, "bth"), "Did you mean one of both"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        call()
