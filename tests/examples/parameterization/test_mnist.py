"""Adaptive layers on MNIST: sizes, images, accuracies, table, pictures, tiny runs."""

import argparse
import json
import os

import keras
import numpy as np
import pytest

import keras_modact
from examples.parameterization import mnist, mnist_report

OPTIONS = "--epochs 2 --samples 12 --test-samples 6 --batch-size 6 --seeds 0"
TINY = [*OPTIONS.split(), "--verbose", "0"]
NAMES = ["logistic", "feed-forward", "sva-8k", "sva-100k", "sva-deep"]


@pytest.fixture
def fake_mnist(monkeypatch):
    """Random images in place of MNIST."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype("uint8")
    labels = np.arange(20, dtype="int32") % 10
    monkeypatch.setattr(mnist, "read_mnist", lambda *_: (images, labels))
    monkeypatch.setattr(mnist, "check_mnist", lambda folder: folder)
    return images, labels


@pytest.fixture
def drawn(figures_of):
    """The figures that a report makes."""
    return figures_of(mnist_report)


def options(**changes):
    paper = mnist.PRESETS["paper"]
    chosen = {"policy_activation": "tanh", "around_one": False}
    return argparse.Namespace(**{**paper, **chosen, **changes})


def run(model, seed=0, test=(0.25, 0.5), train=0.75, network=None):
    if network is None:
        network = mnist.build_model(options(), model)
    return mnist.Run(
        model, seed, network.count_params(), 2.0, [2.0, 1.0], [*test], train, network
    )


def cells(table):
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def sva(inputs, rank, units, policy_units):
    """Both kernels and the bias, the policy's P and p, and U."""
    layer = inputs * rank + rank * units + units
    policy = inputs * policy_units + policy_units
    return layer + policy + policy_units * (rank + units)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("logistic", 784 * 10 + 10),
        ("feed-forward", 784 * 110 + 110 + 110 * 110 + 110 + 110 * 10 + 10),
        ("sva-8k", sva(784, 5, 10, 5)),
        ("sva-100k", sva(784, 60, 10, 60)),
        ("sva-deep", sva(784, 40, 100, 40) + sva(100, 40, 100, 40)
         + sva(100, 40, 10, 40)),
    ],
)  # fmt: skip
def test_networks_have_the_sizes_of_the_paper(model, parameters):
    network = mnist.build_model(options(), model)
    assert network.count_params() == parameters
    size = mnist_report.PAPER[model][1]
    assert parameters == pytest.approx(1000 * int(size.removesuffix("K")), rel=0.02)
    assert network.output_shape == (None, 10)


def test_hidden_layers_alone_have_an_activation():
    for model in ("feed-forward", "sva-deep"):
        layers = mnist.build_model(options(), model).layers
        names = [layer.get_config()["activation"] for layer in layers]
        assert names == ["relu", "relu", "linear"]


def test_adaptive_layers_are_svas_with_the_paper_s_policy():
    for model in ("sva-8k", "sva-100k", "sva-deep"):
        for layer in mnist.build_model(options(), model).layers:
            assert isinstance(layer, keras_modact.AdaptiveDense)
            config = layer.get_config()
            assert config["adaptation"] == "sva"
            assert (config["policy"], config["policy_activation"]) == ("relu", "tanh")
            assert not config["around_one"]
    changed = options(policy_activation="linear", around_one=True)
    config = mnist.build_model(changed, "sva-8k").layers[0].get_config()
    assert (config["policy_activation"], config["around_one"]) == ("linear", True)


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [("sgd", keras.optimizers.SGD), ("adam", keras.optimizers.Adam)],
)
def test_optimizer_is_the_one_asked_for(name, optimizer):
    asked = options(optimizer=name, learning_rate=0.25)
    found = mnist.build_model(asked, "logistic").optimizer
    assert isinstance(found, optimizer)
    assert float(found.learning_rate) == 0.25


def test_paper_preset_has_the_numbers_of_the_paper():
    paper = mnist.PRESETS["paper"]
    assert (paper["optimizer"], paper["learning_rate"]) == ("sgd", 1e-3)
    assert paper["batch_size"] == 128
    steps = paper["epochs"] * -(-paper["samples"] // 128)
    assert abs(steps - 50_000) < 469 / 2
    assert paper["models"] == list(mnist_report.PAPER) == NAMES


def test_pixels_are_scaled_by_the_training_images(fake_mnist, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(mnist, "train_all", lambda *given: seen.extend(given[1:]) or [])
    monkeypatch.setattr(mnist_report, "report", lambda *_: None)
    mnist.main([*TINY, "--data-dir", "data", "--output", str(tmp_path)])
    (train, labels), (test, test_labels) = seen
    images = fake_mnist[0].reshape(20, 784).astype(float)
    mean, deviation = images[:12].mean(), images[:12].std()
    np.testing.assert_allclose(train, (images[:12] - mean) / deviation, atol=1e-4)
    np.testing.assert_allclose(test, (images[:6] - mean) / deviation, atol=1e-4)
    assert (labels.tolist(), test_labels.tolist()) == (
        fake_mnist[1][:12].tolist(), fake_mnist[1][:6].tolist(),
    )  # fmt: skip


def test_accuracies_are_those_of_the_trained_network(monkeypatch):
    monkeypatch.setitem(mnist.MODELS, "sva-8k", mnist.Sizes((8,), 6, 8))
    generator = np.random.default_rng(0)
    train, test = (
        (generator.normal(size=(count, 784)).astype("float32"), np.arange(count) % 10)
        for count in (30, 20)
    )
    asked = options(
        optimizer="adam", learning_rate=1e-2, epochs=15, batch_size=6,
        models=["sva-8k"], seeds=[0], around_one=True, verbose="0",
    )  # fmt: skip
    (one,) = mnist.train_all(asked, train, test)
    assert [(layer.rank, layer.units) for layer in one.network.layers] == [
        (6, 8), (6, 10),
    ]  # fmt: skip
    for (x, labels), found in ((train, one.train_accuracy), (test, one.test_accuracy)):
        guesses = one.network.predict(x, verbose=0).argmax(axis=-1)
        assert found == pytest.approx(np.mean(guesses == labels), abs=1e-6)
    assert one.train_accuracy > 0.5 > one.test_accuracy
    assert len(one.test) == len(one.loss) == 15


def test_table_shows_the_last_epoch_with_spread_and_the_paper():
    runs = [
        run("logistic"),
        run("sva-8k"),
        run("logistic", seed=1, test=(0.9, 0.7), train=0.85),
    ]
    head, _, *rows = cells(mnist_report.results_table(runs))
    assert head[3:5] == ["training %", "test %"]
    assert rows == [
        ["logistic regression", "10", "7,850", "80.00 ± 7.07", "60.00 ± 14.14", "2",
         "8K", "92.00", "92.14"],
        ["1-layer SVA", "10, rank 5, z 5", "7,980", "75.00", "50.00", "2",
         "8K", "94.05", "93.86"],
    ]  # fmt: skip


def test_picture_shows_errors_by_epoch_and_the_paper_s(drawn, tmp_path):
    runs = [run("logistic"), run("logistic", seed=1, test=(0.75, 0.9)), run("sva-8k")]
    path = tmp_path / "test_error.png"
    mnist_report.plot_accuracies(runs, path, "title")
    (axes,) = drawn[0].axes
    logistic, paper, adaptive, paper_adaptive, _ = axes.lines
    np.testing.assert_allclose(logistic.get_xydata(), [[1, 50], [2, 30]])
    np.testing.assert_allclose(adaptive.get_ydata(), [75, 50])
    np.testing.assert_allclose(paper.get_ydata(), 100 - 92.14)
    np.testing.assert_allclose(paper_adaptive.get_ydata(), 100 - 93.86)
    band = axes.collections[0].get_paths()[0].get_extents()
    assert (band.ymin, band.ymax) == pytest.approx((10, 75))
    assert path.stat().st_size > 1000


def test_singular_values_are_the_last_layer_s_means_by_digit(drawn, tmp_path):
    layers = [
        keras_modact.AdaptiveDense(units, adaptation="sva", rank=3, policy_units=4)
        for units in (5, 10)
    ]
    network = keras.Sequential([keras.Input((784,)), *layers])
    images = np.random.default_rng(0).normal(size=(12, 784)).astype("float32")
    labels = np.array([0, 1, 1, 3] * 3)
    one = run("sva-deep", network=network)
    means = mnist_report.values_by_digit(one, images, labels)
    between = keras.Sequential([keras.Input((784,)), layers[0]])
    values = keras.ops.convert_to_numpy(
        layers[1].adaptation(between.predict(images, verbose=0))[1]
    )
    for digit in range(10):
        if digit in (0, 1, 3):
            wanted = values[labels == digit].mean(axis=0)
            np.testing.assert_allclose(means[digit], wanted, atol=1e-6)
        else:
            assert np.isnan(means[digit]).all()
    path = tmp_path / "values.png"
    mnist_report.plot_singular_values([one], (images, labels), path)
    shown = drawn[0].axes[0].images[0].get_array().filled(np.nan)
    order = [means[:, place].tolist() for place in range(3)]
    for column in shown.T:
        assert any(np.allclose(column, one, equal_nan=True) for one in order)
    largest = np.nanargmax(shown, axis=0)
    assert (np.diff(largest) >= 0).all()
    assert path.stat().st_size > 1000


@pytest.mark.parametrize("models", [["logistic", "sva-8k"], ["logistic"]])
def test_run_prints_a_table_and_writes_results_and_pictures(
    models, fake_mnist, tmp_path, capsys
):
    given = [*TINY, "--models", *models, "--data-dir", "data"]
    runs = mnist.main([*given, "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "Adam 0.001, 4 steps of 6 images" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert "data_dir" not in results["settings"]
    assert [record["model"] for record in results["runs"]] == models
    for record, one in zip(results["runs"], runs, strict=True):
        assert record["test"] == one.test
        assert f"| {100 * one.train_accuracy:.2f} " in printed
        assert "network" not in record
    assert (tmp_path / "test_error.png").stat().st_size > 1000
    assert (tmp_path / "singular_values.png").exists() == ("sva-8k" in models)


@pytest.mark.parametrize(
    ("model", "loss", "told"),
    [("sva-8k", 2.3, True), ("sva-8k", 2.2, False), ("logistic", 2.3, False)],
)
def test_network_that_guesses_is_told_apart(model, loss, told, tmp_path, capsys):
    one = run(model)
    one.loss[-1] = loss
    test = np.zeros((3, 784), "float32"), np.arange(3)
    mnist_report.report(options(output=tmp_path), [one], test)
    assert ("Try --around-one" in capsys.readouterr().out) == told


def test_missing_data_end_the_run_at_once(tmp_path):
    with pytest.raises(SystemExit, match="MNIST is missing"):
        mnist.main([*TINY, "--data-dir", str(tmp_path)])


# Warnings of tensorflow_datasets and what it imports are not ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    not os.environ.get("TFDS_DATA_DIR"),
    reason="TFDS_DATA_DIR does not name a folder with MNIST",
)
def test_real_images_are_told_apart(tmp_path):
    given = "--epochs 3 --samples 3000 --test-samples 500 --models sva-100k --seeds 0"
    (one,) = mnist.main([*given.split(), "--verbose", "0", "--output", str(tmp_path)])
    assert one.test_accuracy > 0.8
