"""The adaptive activation's tasks and networks, and tiny runs of the script."""

import argparse
import json

import keras
import numpy as np
import pytest

import keras_modact
from examples.activation import (
    gain_and_saturation,
    networks,
    tasks,
    training,
    transfer,
)

SIZES = "--units 4 --supervisor-units 3 --epochs 2 --samples 12 --validation-samples 6"
DATA = "--test-samples 6 --batch-size 6 --seeds 0 --gains 5 --saturations 0.5"
TINY = f"{SIZES} {DATA} --verbose 0".split()
to_numpy = keras.ops.convert_to_numpy


@pytest.fixture
def fake_mnist(monkeypatch):
    """Random images in place of MNIST."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype("uint8")
    labels = np.arange(20, dtype="int32") % 10
    monkeypatch.setattr(tasks, "read_mnist", lambda *_: (images, labels))
    monkeypatch.setattr(gain_and_saturation, "check_mnist", lambda folder: folder)
    return images, labels


def options(task, preset="quick", **changes):
    chosen = gain_and_saturation.PRESETS[task][preset]
    return argparse.Namespace(**{"task": task, "verbose": "0", **chosen, **changes})


def test_copy_sequences_ask_for_their_symbols_after_the_marker():
    sequences, targets = tasks.make_copies(500, 7, np.random.default_rng(0))
    for sequence, target in zip(sequences.tolist(), targets.tolist(), strict=True):
        symbols = sequence[:10]
        assert sequence == symbols + [0] * 6 + [9] + [0] * 10
        assert target == [0] * 17 + symbols
    shares = np.bincount(sequences[:, :10].ravel()) / (500 * 10)
    np.testing.assert_allclose(shares, [0] + [1 / 8] * 8, atol=0.02)


def test_chance_loss_is_that_of_knowing_the_blanks_and_guessing_the_symbols():
    _, targets = tasks.make_copies(20, 6, np.random.default_rng(0))
    guess = np.zeros((*targets.shape, 9))
    guess[:, :16, 0] = 1
    guess[:, 16:, 1:] = 1 / 8
    loss = keras.losses.SparseCategoricalCrossentropy()(targets, guess)
    assert float(loss) == pytest.approx(tasks.chance_loss(6), abs=1e-5)
    assert tasks.chance_loss(200) == pytest.approx(0.0945, abs=1e-4)


def test_pixels_come_permuted_and_from_0_to_1(fake_mnist):
    images, labels = fake_mnist
    sizes = {"samples": 12, "validation_samples": 5, "test_samples": 6}
    chosen = options("mnist", pixels_per_step=14, data_dir=None, **sizes)
    by_split = {}
    for chosen.permute in (False, True):
        by_split[chosen.permute] = tasks.read_splits(chosen)
    for name, part in (("train", slice(12)), ("validation", slice(15, 20))):
        plain, permuted = (getattr(by_split[p], name) for p in (False, True))
        np.testing.assert_array_equal(plain[1], labels[part])
        np.testing.assert_allclose(
            plain[0].reshape(-1, 28, 28), images[part] / 255, atol=1e-6
        )
        assert permuted[0].shape == plain[0].shape == (len(plain[0]), 56, 14)
        flat, moved = (x.reshape(len(x), -1) for x in (plain[0], permuted[0]))
        assert (flat != moved).mean() > 0.9
        np.testing.assert_array_equal(np.sort(flat), np.sort(moved))
    assert [len(x) for x, _ in by_split[True]] == [12, 5, 6]
    chosen.published_permutation = True
    published, _ = tasks.read_splits(chosen).train
    plain, _ = by_split[False].train
    np.testing.assert_array_equal(
        published.reshape(12, 784)[:, :3], plain.reshape(12, 784)[:, [649, 265, 111]]
    )


@pytest.mark.parametrize("pixels_per_step", [1, 28])
def test_sine_and_step_change_the_pixels_in_their_order(pixels_per_step):
    shape = (3, 784 // pixels_per_step, pixels_per_step)
    pixels = np.random.default_rng(0).uniform(size=shape).astype("float32")
    kept = pixels.copy()
    chosen = options("mnist", amplitude=0.5, frequency=2.0, phase=0.3)
    changed = tasks.disturb(pixels, chosen).reshape(3, 784)
    for t in (0, 1, 100, 783):
        factor = 1 + 0.5 * np.sin(2 * np.pi * 2.0 * t / 784 + 0.3)
        np.testing.assert_allclose(
            changed[:, t], factor * pixels.reshape(3, 784)[:, t], rtol=1e-5
        )
    chosen.disturbance = "step"
    added = (tasks.disturb(pixels, chosen) - pixels).reshape(3, 784)
    expected = np.zeros(784)
    expected[201:400] = 0.5
    np.testing.assert_allclose(added, np.tile(expected, (3, 1)), atol=1e-6)
    np.testing.assert_array_equal(pixels, kept)


def test_networks_have_as_many_parameters_as_the_paper_counts():
    counts = {}
    for network in networks.NETWORKS:
        start = (None, None) if network == "arun" else (5.0, 0.0)
        model = networks.build_model(options("mnist", "paper"), network, *start)
        assert model.output_shape == (None, 10)
        assert model.input_shape == (None, 784, 1)
        counts[network] = training.count(model.trainable_weights)
    # With one bias a network; published with two, 165,210 and 167,962.
    assert counts == {
        "static": 164_810,
        "homogeneous": 164_812,
        "heterogeneous": 165_610,
        "arun": 167_512,
    }
    assert counts["static"] + 400 == 165_210
    for network, gates in (("tanh", 1), ("relu", 1), ("lstm", 4)):
        model = networks.build_model(options("mnist", "paper"), network)
        of_cell = gates * (400 * 401 + 400)
        assert training.count(model.trainable_weights) == of_cell + 4_010
    assert counts["arun"] + 400 + 50 == 167_962


def test_plain_network_is_gamma_s_with_another_activation():
    """With s = 0 and a large n gamma is ReLU: with the same weights so is the rest."""
    chosen = options("mnist", units=4, pixels_per_step=196)
    x = np.random.default_rng(0).normal(size=(3, 4, 196)).astype("float32")
    plain = networks.build_model(chosen, "relu")
    gamma = networks.build_model(chosen, "static", 1e4, 0.0)
    pairs = zip(plain.trainable_weights, gamma.trainable_weights, strict=True)
    for weight, other in pairs:
        weight.assign(other)
    np.testing.assert_allclose(to_numpy(plain(x)), to_numpy(gamma(x)), atol=1e-3)
    initial = plain.get_layer("recurrent").cell.recurrent_initializer
    assert isinstance(initial, keras_modact.Henaff)
    assert networks.adaptation_of(networks.build_model(chosen, "gru"), x) is None


@pytest.mark.parametrize(("one_hot", "features"), [(True, 10), (False, 1)])
def test_copy_network_answers_at_every_step(one_hot, features):
    chosen = options("copy", "paper", one_hot=one_hot, units=4)
    model = networks.build_model(chosen, "homogeneous", 5.0, 0.0)
    assert model.output_shape == (None, 220, 9)
    layer = model.get_layer("recurrent")
    assert layer.input.shape == (None, 220, features)
    assert layer.cell.kernel_initializer.__class__.__name__ == "GlorotNormal"


def test_presets_have_the_numbers_of_the_paper():
    mnist = gain_and_saturation.PRESETS["mnist"]["paper"]
    copy = gain_and_saturation.PRESETS["copy"]["paper"]
    sizes = ("units", "batch_size", "learning_rates", "pixels_per_step", "epochs")
    assert [mnist[name] for name in sizes] == [400, 100, [1e-4], 1, 100]
    assert (mnist["samples"], mnist["validation_samples"]) == (50_000, 10_000)
    assert mnist["reduce_on_plateau"]
    assert mnist["gains"] == [1, 2.5, *np.arange(5, 20.1, 2.5)]
    assert mnist["saturations"] == copy["saturations"] == [0, 0.25, 0.5, 0.75, 1]
    assert mnist["supervisor_units"] == 50
    sizes = ("units", "batch_size", "learning_rates", "time_steps")
    assert [copy[name] for name in sizes] == [128, 10, [1e-4, 1e-3], 200]


def test_arun_is_traced_as_the_layer_runs():
    chosen = options("mnist", units=4, supervisor_units=3, pixels_per_step=196)
    model = networks.build_model(chosen, "arun")
    sequences = np.random.default_rng(0).uniform(size=(2, 4, 196)).astype("float32")
    gain, saturation = networks.adaptation_of(model, sequences)
    assert gain.shape == saturation.shape == (4, 2, 4)
    layer = model.get_layer("recurrent")
    with_state = keras_modact.ARUN(4, 3, return_state=True)
    with_state.build(sequences.shape)
    with_state.set_weights(layer.get_weights())
    for steps in (1, 4):
        _, _, g = with_state(sequences[:, :steps])
        for traced, last in zip(
            (gain, saturation), layer.cell.adaptation(g), strict=True
        ):
            np.testing.assert_allclose(traced[steps - 1], to_numpy(last), atol=1e-5)


def test_path_follows_n_and_s_between_start_and_end():
    chosen = options("mnist", units=4, pixels_per_step=196, batch_size=6, clip_norm=1.0)
    x = np.random.default_rng(0).uniform(size=(30, 4, 196)).astype("float32")
    data = (x, np.arange(30) % 10)
    splits = tasks.Splits(data, data, data)
    model = networks.build_model(chosen, "heterogeneous", 2.0, 0.25)
    recorder = training.PathRecorder(x, 2)
    training.fit(chosen, model, splits, 0.1, 2, [recorder])
    # The start, batches 2 and 4 of both epochs, and the end.
    assert len(recorder.path) == 6
    assert recorder.path[0] == [2.0, 0.0, 0.25, 0.0]
    assert len({tuple(row) for row in recorder.path}) == 6
    cell = model.get_layer("recurrent").cell
    for kept, weight in zip(recorder.after, (cell.gain, cell.saturation), strict=True):
        np.testing.assert_array_equal(kept, to_numpy(weight))
    assert (recorder.before.gain == 2.0).all()
    assert recorder.path[-1] == pytest.approx(
        [f(n) for n in recorder.after for f in (np.mean, np.std)]
    )


@pytest.mark.parametrize(("task", "best"), [("mnist", 0.9), ("copy", 0.2)])
def test_best_run_of_each_network_is_that_of_the_validation_set(task, best):
    def run(network, validation, loss=1.0):
        course = {"validation": [0.5, validation], "train_loss": [loss]}
        others = dict.fromkeys(training.Run.__dataclass_fields__)
        return training.Run(**{**others, **course, "network": network})

    runs = [run("static", v) for v in (0.6, 0.2, 0.9)]
    runs += [run("static", v, loss=np.nan) for v in (0.0, 1.0)]
    runs += [run("homogeneous", 0.5, loss=np.nan)]
    chosen = options(task, networks=["homogeneous", "static"])
    (found,) = training.best_runs(chosen, runs)
    assert (found.network, found.validation[-1]) == ("static", best)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_diverged_run_is_called_so(fake_mnist, tmp_path, capsys):
    data = ["--pixels-per-step", "196", "--data-dir", "data", "--disturbance", "none"]
    (run,) = gain_and_saturation.main(
        [*TINY, *data, "--networks", "homogeneous", "--learning-rates", "1e38",
         "--output", str(tmp_path)]
    )  # fmt: skip
    assert run.diverged
    # It stopped in the first of two epochs.
    assert len(run.train_loss) == 1
    assert "| diverged " in capsys.readouterr().out
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    (record,) = json.loads(text, parse_constant=pytest.fail)["runs"]
    assert record["diverged"]
    assert record["train_loss"][-1] is None
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "learning.png",
        "plane.png",
    }


@pytest.mark.parametrize(
    "task", ["mnist", pytest.param("copy", marks=pytest.mark.every_backend)]
)
def test_run_prints_a_table_and_writes_results_and_pictures(
    task, fake_mnist, tmp_path, capsys, monkeypatch
):
    # One adaptation in place of three saves time; the others have their own test.
    name = "gain and saturation"
    adapted = {name: transfer.ADAPTED[name]}
    monkeypatch.setattr(transfer, "ADAPTED", adapted)
    chosen = {
        "mnist": ["static", "homogeneous", "lstm"],
        "copy": ["heterogeneous", "arun", "tanh"],
    }[task]
    given = {
        "mnist": ["--pixels-per-step", "196", "--data-dir", "data",
                  "--adaptation-epochs", "1", "--adaptation-rates", "0.1"],
        "copy": ["--time-steps", "1"],
    }  # fmt: skip
    runs = gain_and_saturation.main(
        [*TINY, "--task", task, *given[task], "--networks", *chosen,
         "--output", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["task"] == task
    assert [run["network"] for run in results["runs"]] == chosen
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["path"] == run.path
        assert (record["path"] == []) == (run.network in networks.BASELINES)
        if run.network in ("homogeneous", "heterogeneous", "arun"):
            assert record["path"][0] != record["path"][-1]
        assert record["test"] == run.test
        if run.network not in networks.BASELINES:
            gains, saturations = (np.ravel(a) for a in run.after)
            kept = set(zip(record["unit_n"], record["unit_s"], strict=True))
            every = zip(gains, saturations, strict=True)
            assert kept <= {(float(f"{n:.5g}"), float(f"{s:.5g}")) for n, s in every}
            assert len(record["unit_n"]) == min(gains.size, training.UNITS_KEPT)
        shown = f"{run.test:.3f}" if task == "mnist" else f"{run.test:.4f}"
        assert f"| {shown} " in printed
    assert ("| chance" in printed) == (task == "copy")
    assert ("Hints: " in printed) == (task == "mnist")
    pictures = {path.name for path in tmp_path.glob("*.png")}
    if task == "copy":
        assert f"{tasks.chance_loss(1):.4f}" in printed
        assert pictures == {"plane.png", "curves.png", "arun.png", "learning.png"}
        return
    assert pictures == {"plane.png", "curves.png", "learning.png"}
    assert (np.array(runs[0].path) == [5, 0, 0.5, 0]).all()
    adapted = [[a["adapted"] for a in run["transfer"]] for run in results["runs"]]
    assert adapted == [["nothing"], ["nothing", name], ["nothing"]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--task copy --disturbance sine", "--disturbance does not go with"),
        ("--task copy --no-permute", "--permute does not go with --task copy"),
        ("--time-steps 5", "--time-steps does not go with --task mnist"),
        ("--pixels-per-step 5", "must divide 784"),
        ("--gains 1 0", "--gains must not be 0"),
        ("--samples 55000 --validation-samples 6000", "share 60,000 images"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(given, message, capsys):
    with pytest.raises(SystemExit):
        gain_and_saturation.main(given.split())
    assert message in capsys.readouterr().err
