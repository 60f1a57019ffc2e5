"""MixLU-LeNet on MNIST: the network, the thesis' figures, and a tiny run."""

import json
from fractions import Fraction

import keras
import numpy as np
import pytest

import keras_modact
from examples.rectification import mixlu_cifar10, mixlu_mnist

OPTIONS = "--epochs 2 --samples 12 --test-samples 6 --batch-size 6 --fractions 0 5"
TINY = [*OPTIONS.split(), "--seeds", "0", "--verbose", "0"]


@pytest.fixture
def fake_mnist(monkeypatch):
    """Random images in place of MNIST."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28)).astype("uint8")
    labels = np.arange(20, dtype="int32") % 10
    monkeypatch.setattr(mixlu_mnist, "read_mnist", lambda *_: (images, labels))
    monkeypatch.setattr(mixlu_mnist, "check_mnist", lambda data_dir: data_dir)
    return images


def test_network_is_that_of_the_thesis():
    model = mixlu_mnist.build_model(keras_modact.MixLU(0.05))
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == 431_080
    assert [layer.output.shape[1:] for layer in model.layers] == [
        (24, 24, 20), (12, 12, 20), (8, 8, 50), (4, 4, 50), (1, 1, 500),
        (1, 1, 500), (1, 1, 10), (10,),
    ]  # fmt: skip
    assert isinstance(model.layers[5], keras_modact.MixLU)
    for layer in (model.layers[i] for i in (0, 2, 4, 6)):
        kernel, bias = map(keras.ops.convert_to_numpy, (layer.kernel, layer.bias))
        assert kernel.std() == pytest.approx(0.01, rel=0.1)
        np.testing.assert_array_equal(bias, 0)
        assert layer.kernel_regularizer.l2 == pytest.approx(2.5e-4)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
    assert model.optimizer.momentum == 0.9


def test_thesis_called_everything_a_zero_at_10_percent():
    zeros = {"train": 5923 / 60_000, "test": 980 / 10_000}
    shares = tuple(round(100 * (1 - share), 2) for share in zeros.values())
    assert mixlu_mnist.THESIS.figures[10] == shares


def test_paper_preset_has_the_numbers_of_the_thesis():
    assert mixlu_mnist.PRESETS["paper"] == {
        "batch_size": 100,
        "epochs": 20,
        "samples": 60_000,
        "test_samples": 10_000,
        "seeds": [0],
        "fractions": list(range(11)),
        "gradients": ["exact", "published"],
        "scope": "elements",
    }


@pytest.mark.parametrize(
    ("thesis", "batch_size", "sizes"),
    [
        (mixlu_mnist.THESIS, 100, [500]),
        (
            mixlu_cifar10.THESIS,
            100,
            [16 * 16 * 32, 16 * 16 * 32, 8 * 8 * 64, 64],
        ),
    ],
)
def test_numbers_to_draw_are_whole_so_that_rounding_is_none(thesis, batch_size, sizes):
    for fraction in thesis.figures:
        for size in sizes:
            count = Fraction(str(fraction)) / 100 * size * batch_size
            assert count.denominator == 1


def test_mean_training_image_is_taken_off_both_sets(fake_mnist, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        mixlu_mnist.mixlu_training,
        "train_all",
        lambda *given: seen.extend(given[2:]) or [],
    )
    monkeypatch.setattr(mixlu_mnist.mixlu_report, "report", lambda *_: None)
    mixlu_mnist.main([*TINY, "--data-dir", "data", "--output", str(tmp_path)])
    (train, labels), (test, test_labels) = seen
    mean = fake_mnist[:12].mean(axis=0)
    np.testing.assert_allclose(train[..., 0], fake_mnist[:12] - mean, atol=1e-4)
    np.testing.assert_allclose(test[..., 0], fake_mnist[:6] - mean, atol=1e-4)
    assert train.shape == (12, 28, 28, 1)
    assert (len(labels), len(test_labels)) == (12, 6)


@pytest.mark.parametrize("scope", ["units", "elements"])
def test_run_prints_a_table_and_writes_results_and_picture(
    scope, fake_mnist, tmp_path, capsys
):
    runs = mixlu_mnist.main(
        [*TINY, "--scope", scope, "--data-dir", "data", "--output", str(tmp_path)]
    )
    printed = capsys.readouterr().out
    assert f"scope {scope}" in printed
    assert "too few runs to tell" in printed
    assert "Divergence at 5%" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["scope"] == scope
    assert "data_dir" not in results["settings"]
    assert [(r["fraction"], r["gradient"]) for r in results["runs"]] == [
        (0, "either"), (5, "exact"), (5, "published"),
    ]  # fmt: skip
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["test_error"] == run.test_error
        assert record["drawn_test_errors"] == run.drawn_test_errors
        assert len(record["training_errors"]) == len(record["test_errors"]) == 2
        assert f"| {run.train_error:.3f} " in printed
    assert printed.count("as the thesis counts them, gradient") == 2
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "errors.png",
        "course.png",
    }


def test_missing_data_end_the_run_at_once(tmp_path):
    with pytest.raises(SystemExit, match="MNIST is missing"):
        mixlu_mnist.main([*TINY, "--data-dir", str(tmp_path)])
