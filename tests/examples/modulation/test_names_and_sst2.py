"""The names and SST-2: presets, splits, optimizers, tiny runs of the scripts."""

import json

import keras
import numpy as np
import pytest

import keras_modact
from examples.modulation import names, sst2
from examples.shared import texts

SIZES = "--units 4 --wide-units 5 --embedding 3 --batch-size 8 --epochs 1"
TINY = f"{SIZES} --samples 16 --test-samples 8 --verbose 0".split()
PICTURES = {"accuracy.png", "histograms.png", "activations.png"}


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """Random names and sentences in the places of the real ones."""
    generator = np.random.default_rng(0)

    def words(count, longest):
        letters = np.array(list("abcde"))
        return [
            "".join(generator.choice(letters, generator.integers(1, longest + 1)))
            for _ in range(count)
        ]

    monkeypatch.setattr(texts, "warn_unless_known", lambda *_: None)
    folder = tmp_path / "data"
    (folder / "names").mkdir(parents=True)
    for name in texts.NAMES_FILES:
        path = folder / "names" / name
        path.write_text("\n".join(words(2, 6)) + "\n", encoding="utf-8")
    (folder / "sst2").mkdir()
    for split, count in (("train", 20), ("dev", 6), ("test", 9)):
        lines = [f"{i % 2} {' '.join(words(1 + i % 5, 2))}\n" for i in range(count)]
        path = folder / "sst2" / f"stsa.binary.{split}"
        path.write_text("".join(lines), encoding="utf-8")
    return folder


def test_paper_presets_have_the_numbers_of_the_paper():
    common = {"models": ["modulated", "control-1", "control-2", "control-3"]}
    assert names.PRESETS["paper"] == common | {
        "units": 32, "wide_units": 40, "embedding": 128, "learning_rate": 0.01,
        "batch_size": 32, "epochs": 100, "samples": 18_067, "test_samples": 2_007,
        "seeds": list(range(30)), "read_out": ["masked"], "loss_reduction": "mean",
        "first_state": "zeros",
    }  # fmt: skip
    assert names.PRESETS["template"] == names.PRESETS["paper"] | {
        "loss_reduction": "sum", "first_state": "normal",
    }  # fmt: skip
    assert sst2.PRESETS["paper"] == common | {
        "units": 120, "wide_units": 150, "embedding": 300, "learning_rate": 1e-3,
        "batch_size": 5, "epochs": 100, "samples": 6_920, "test_samples": 1_821,
        "seeds": list(range(100)), "read_out": ["masked", "padded"], "least": 1,
        "length": 56,
    }  # fmt: skip


def test_quick_presets_have_every_model_and_at_least_five_runs():
    for example in (names, sst2):
        assert len(example.PRESETS["quick"]["seeds"]) >= 5
        assert len(example.PRESETS["quick"]["models"]) == 4
    assert sst2.PRESETS["quick"]["read_out"] == ["masked", "padded"]
    # Cut shorter, the test set would have less padding than the paper's.
    assert sst2.PRESETS["quick"]["length"] == sst2.PRESETS["paper"]["length"]


@pytest.mark.parametrize("example", [names, sst2])
def test_help_tells_presets_in_short_lines(example, capsys):
    with pytest.raises(SystemExit):
        example.parse(["--help"])
    printed = capsys.readouterr().out
    epilog = printed[printed.index("\n--preset quick: ") :]
    assert max(map(len, epilog.splitlines())) <= 80
    runs = len(example.PRESETS["paper"]["seeds"])
    assert f"seeds 0 to {runs - 1}" in " ".join(epilog.split())


def test_split_is_disjoint_and_repeats_by_seed():
    everything = np.arange(50), np.arange(50) * 2
    splits = names.split_at_random(*everything, 30, 15, seed=1)
    assert [len(splits[name][0]) for name in ("train", "test")] == [30, 15]
    numbers = np.concatenate([splits["train"][0], splits["test"][0]])
    assert len(set(numbers)) == 45
    assert (np.diff(splits["test"][0]) < 0).any()
    for chosen, labels in splits.values():
        np.testing.assert_array_equal(labels, 2 * chosen)
    again = names.split_at_random(*everything, 30, 15, seed=1)
    np.testing.assert_array_equal(splits["test"][0], again["test"][0])
    other = names.split_at_random(*everything, 30, 15, seed=2)
    assert (splits["test"][0] != other["test"][0]).any()


@pytest.mark.every_backend
def test_names_run(data_dir, tmp_path, capsys):
    output = tmp_path / "out"
    given = ["--data-dir", str(data_dir), "--output", str(output)]
    models = ["--models", "modulated", "control-3"]
    runs = names.main([*TINY, *given, *models, "--seeds", "0", "1"])
    printed = capsys.readouterr().out
    assert "1 epochs at rate 0.04, loss by mean, first state zeros, 2 seeds." in printed
    assert "| masked   | last epoch | modulated " in printed
    assert "best dev epoch" not in printed
    assert "masked, last epoch: modulated " in printed
    assert {path.name for path in output.glob("*.png")} == PICTURES
    results = json.loads((output / "results.json").read_text("utf-8"))
    assert results["settings"]["split_seed"] == 0
    assert str(tmp_path) not in json.dumps(results)
    assert [(r["model"], r["seed"]) for r in results["runs"]] == [
        (model, seed) for seed in (0, 1) for model in ("modulated", "control-3")
    ]
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["test_accuracy"] == run.test_accuracy
        assert record["dev_accuracy"] == []
        assert np.isfinite(record["train_loss"]).all()
    network = runs[0].network
    assert network.output_shape == (None, 18)
    (dropout,) = [x for x in network.layers if isinstance(x, keras.layers.Dropout)]
    assert dropout.rate == 0.2
    modulator = network.get_layer("lstm").cell.modulator_activation
    assert modulator is keras.activations.sigmoid
    optimizer = network.optimizer
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.weight_decay) == (0, 1e-4)


def test_decay_of_plain_sgd_is_that_of_l2():
    """One step of w -= rate (g + decay w), for the loss (x w)^2 with x = 2."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.01, weight_decay=0.5), "mean_squared_error")
    model.fit(np.full((1, 1), 2.0), np.zeros((1, 1)), verbose=0)
    found = keras.ops.convert_to_numpy(layer.kernel).item()
    assert found == pytest.approx(1 - 0.01 * (8 + 0.5), rel=1e-6)


def test_sst2_run(data_dir, tmp_path, capsys):
    output = tmp_path / "out"
    given = ["--data-dir", str(data_dir), "--output", str(output), "--length", "3"]
    models = ["--models", "modulated", "control-2"]
    padding = ["--padding", "template"]
    runs = sst2.main([*TINY, *given, *models, *padding, "--seeds", "5"])
    printed = capsys.readouterr().out
    assert "sentences of 3 words, padding template, 1 seed." in printed
    for read_out in ("masked", "padded"):
        for after in ("best dev epoch", "last epoch"):
            assert f"| {read_out}   | {after} " in printed
    assert {path.name for path in output.glob("*.png")} == PICTURES
    results = json.loads((output / "results.json").read_text("utf-8"))
    assert [(r["seed"], r["read_out"], r["model"]) for r in results["runs"]] == [
        (5, read_out, model)
        for read_out in ("masked", "padded")
        for model in ("modulated", "control-2")
    ]
    assert all(len(r["dev_accuracy"]) == 1 for r in results["runs"])
    by_read_out = {run.read_out: run.network for run in runs}
    for read_out, network in by_read_out.items():
        masks = network.get_layer("embedding").mask_zero
        assert masks == (read_out == "masked")
        assert network.output_shape == (None, 2)
    modulator = runs[0].network.get_layer("lstm").cell.modulator_activation
    assert modulator is keras_modact.tanhshrink


def test_missing_data_are_told_before_anything_is_trained(tmp_path):
    for example in (names, sst2):
        with pytest.raises(SystemExit, match="is missing"):
            example.main(["--data-dir", str(tmp_path), "--output", str(tmp_path)])
