"""Adapting a trained network to changed pixels, with n and s alone or with more."""

import argparse

import keras
import numpy as np
import pytest

from examples.activation import gain_and_saturation, networks, tasks, training
from examples.activation import transfer as transfer


@pytest.fixture
def options():
    quick = gain_and_saturation.PRESETS["mnist"]["quick"]
    changes = {"units": 4, "supervisor_units": 3, "pixels_per_step": 196, "epochs": 1}
    rates = {"adaptation_epochs": 1, "adaptation_rates": [1e-3, 1e-1]}
    chosen = {**quick, **changes, **rates, "gains": [5.0], "saturations": [0.0]}
    return argparse.Namespace(task="mnist", verbose="0", **chosen)


@pytest.fixture
def splits():
    x = np.random.default_rng(0).uniform(size=(20, 4, 196)).astype("float32")
    data = (x, np.arange(20, dtype="int32") % 10)
    return tasks.Splits(data, data, data)


def trained(options, network):
    """A run that was not trained, for what comes after training."""
    model = networks.build_model(options, network, 5.0, 0.0)
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    found = training.Adaptation(np.array(5.0), np.array(0.0))
    return training.Run(
        network, 5.0, 0.0, 0.1, 0, 9, 0.1, [1.0], [0.5], 0.5, [], found, found, model
    )


@pytest.mark.parametrize(
    ("network", "numbers"), [("homogeneous", 2), ("heterogeneous", 8)]
)
def test_gain_and_saturation_alone_move(network, numbers, options, splits):
    run = trained(options, network)
    names = transfer.ADAPTED["gain and saturation"]
    model = transfer.copy_to_adapt(options, run, names)
    assert training.count(model.trainable_weights) == numbers
    training.fit(options, model, splits, 0.1, 1)
    moved = {
        weight.name
        for weight, old in zip(model.weights, run.model.get_weights(), strict=True)
        if (keras.ops.convert_to_numpy(weight) != old).any()
    }
    assert moved == {"gain", "saturation"}


def test_networks_are_adapted_by_what_they_have(options, splits, monkeypatch):
    runs = [trained(options, network) for network in networks.NETWORKS]
    seen = []

    def fit(options, model, splits, rate, epochs):
        seen.append((splits.train[0], rate, epochs))
        return {"loss": [1.0], "val_accuracy": [0.5]}

    monkeypatch.setattr(transfer, "fit", fit)
    monkeypatch.setattr(transfer, "score", lambda *_: 0.625)
    transfer.transfer_all(options, runs, splits)
    found = [one for run in runs for one in run.transfers]
    assert runs[1].record()["adapted_gain_and_saturation"] == 0.625
    changed = tasks.disturb(splits.train[0], options)
    assert (changed != splits.train[0]).mean() > 0.9
    for inputs, _, epochs in seen:
        np.testing.assert_array_equal(inputs, changed)
        assert epochs == options.adaptation_epochs
    assert [rate for _, rate, _ in seen] == options.adaptation_rates * 10
    # 4 units, 196 inputs, 10 classes, 3 units of the supervisor.
    plain = 196 * 4 + 4 * 4 + 4 + 4 * 10 + 10
    supervisor = 3 + 3 * 3 + 3 + (3 + 1) + (3 + 1)
    assert [(one.run.network, one.adapted, one.parameters) for one in found] == [
        ("static", "nothing", 0),
        ("static", "biases", 14),
        ("static", "everything", plain),
        ("homogeneous", "nothing", 0),
        ("homogeneous", "gain and saturation", 2),
        ("homogeneous", "biases", 14),
        ("homogeneous", "everything", plain + 2),
        ("heterogeneous", "nothing", 0),
        ("heterogeneous", "gain and saturation", 8),
        ("heterogeneous", "biases", 14),
        ("heterogeneous", "everything", plain + 8),
        ("arun", "nothing", 0),
        ("arun", "biases", 14),
        ("arun", "everything", plain + supervisor),
    ]
    table = transfer.transfer_table(found)
    assert "| homogeneous   | gain and saturation | 2       |" in table
    assert f"{plain + supervisor:,}" in table


def test_best_rate_on_the_validation_set_counts(options, splits, monkeypatch):
    run = trained(options, "homogeneous")
    reached = {1e-3: [0.5, 0.2], 1e-2: [0.1, 0.7], 1e-1: [0.9, 0.6]}
    lost = [np.nan] * 2

    def fit(options, model, splits, rate, epochs):
        loss = lost if rate == 1.0 else [1.0, 1.0]
        return {"loss": loss, "val_accuracy": reached.get(rate, [0.9, 0.9])}

    monkeypatch.setattr(transfer, "fit", fit)
    monkeypatch.setattr(transfer, "score", lambda *_: 0.625)
    options.adaptation_rates = [1e-3, 1e-2, 1e-1, 1.0]
    best = transfer.adapt(options, run, "everything", splits)
    assert (best.learning_rate, best.test_accuracy) == (1e-2, 0.625)
    options.adaptation_rates = [1.0]
    diverged = transfer.adapt(options, run, "everything", splits)
    assert diverged.test_accuracy is None
    assert "| diverged |" in transfer.transfer_table([diverged])
