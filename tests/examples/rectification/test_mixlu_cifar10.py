"""MixLU-LeNet5 on CIFAR-10: network, rates, images, data folders, tiny runs."""

import argparse
import hashlib
import json

import keras
import numpy as np
import pytest
from PIL import Image

import keras_modact
from examples.rectification import mixlu_cifar10
from examples.shared import images as image_sets

OPTIONS = "--epochs 2 --samples 12 --test-samples 6 --batch-size 6 --fractions 0 2"
TINY = [*OPTIONS.split(), "--seeds", "0", "--verbose", "0"]
SETTINGS = argparse.Namespace(
    scope="elements", samples=1000, batch_size=100, epochs=30, mirror="image"
)

to_numpy = keras.ops.convert_to_numpy


@pytest.fixture
def subset(tmp_path, monkeypatch):
    """A folder with random pictures and labels, known by their SHA-256."""
    folder = tmp_path / "subset"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 10)):
        pixels = generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")
        np.save(tmp_path / f"{split}.npy", pixels)
        Image.fromarray(pixels.reshape(-1, 32, 3)).save(folder / f"{split}.png")
        labels = "".join(f"{label % 10}\n" for label in range(count))
        (folder / f"{split}_labels.txt").write_text(labels, encoding="utf-8")
    known = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    }
    assert set(known) == set(image_sets.KNOWN_CIFAR10_SUBSET)
    monkeypatch.setattr(image_sets, "KNOWN_CIFAR10_SUBSET", known)
    return folder


def test_network_is_that_of_the_thesis():
    model = mixlu_cifar10.build_model(SETTINGS, 2, "published")
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert trainable == 145_578
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    assert kinds == [
        "Conv2D", "MaxPooling2D", "MixLU", "Conv2D", "MixLU", "AveragePooling2D",
        "Conv2D", "MixLU", "AveragePooling2D", "Conv2D", "MixLU", "Conv2D", "Flatten",
    ]  # fmt: skip
    sides = [layer.output.shape[1] for layer in model.layers[1:-1]]
    assert sides == [32, 16, 16, 16, 16, 8, 8, 8, 4, 1, 1, 1]
    mixed = [x for x in model.layers if isinstance(x, keras_modact.MixLU)]
    assert {(x.fraction, x.scope, x.gradient) for x in mixed} == {
        (0.02, "elements", "published")
    }
    convs = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    deviations = [float(to_numpy(x.kernel).std()) for x in convs]
    np.testing.assert_allclose(deviations, [0.01, 0.05, 0.05, 0.05, 0.05], rtol=0.1)
    assert {round(float(x.bias_regularizer.l2), 7) for x in convs} == {5e-5}


def test_learning_rate_falls_after_15_and_25_of_30_epochs():
    optimizer = mixlu_cifar10.build_model(SETTINGS, 0, "either").optimizer
    rates = []
    for epoch in range(30):
        optimizer.iterations.assign(10 * epoch + 5)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.05] * 15 + [5e-3] * 10 + [5e-4] * 5)
    # From the first update of an epoch on.
    for update, rate in ((149, 0.05), (150, 5e-3), (249, 5e-3), (250, 5e-4)):
        optimizer.iterations.assign(update)
        assert float(optimizer.learning_rate) == pytest.approx(rate)


def test_a_batch_is_mirrored_as_one_half_of_the_time_in_training():
    layer = mixlu_cifar10.MirrorBatch(seed=0)
    images = np.arange(2 * 3 * 4 * 1, dtype="float32").reshape(2, 3, 4, 1)
    np.testing.assert_array_equal(to_numpy(layer(images)), images)
    mirrored = 0
    for _ in range(60):
        found = to_numpy(layer(images, training=True))
        is_mirrored = found[0, 0, 0, 0] != images[0, 0, 0, 0]
        mirrored += is_mirrored
        expected = images[:, :, ::-1] if is_mirrored else images
        np.testing.assert_array_equal(found, expected)
    assert 15 < mirrored < 45


def test_mirror_option_reaches_the_network():
    for mirror, kind in (("image", "RandomFlip"), ("batch", "MirrorBatch")):
        given = argparse.Namespace(**{**vars(SETTINGS), "mirror": mirror})
        first = mixlu_cifar10.build_model(given, 0, "either").layers[0]
        assert type(first).__name__ == kind


def test_each_weight_learns_at_its_own_rate():
    """Three steps, against d = .9 d - factor lr g by hand."""
    optimizer = mixlu_cifar10.RatesByWeight([0.5, 2.0], 0.1, momentum=0.9)
    weights = [keras.Variable(np.ones(2, "float32")) for _ in range(2)]
    optimizer.build(weights)
    for _ in range(3):
        optimizer.apply([keras.ops.ones(2), keras.ops.ones(2)])
    moved = [1 - to_numpy(weight.value)[0] for weight in weights]
    d = np.array([1, 1.9, 2.71]).sum() * 0.1
    np.testing.assert_allclose(moved, [0.5 * d, 2 * d], rtol=1e-5)


def test_kernels_biases_and_the_last_layer_have_matconvnets_rates():
    model = mixlu_cifar10.build_model(SETTINGS, 0, "either")
    factors = mixlu_cifar10.rate_factors(model)
    np.testing.assert_allclose(factors, [0.1, 2.0] * 4 + [0.01, 0.2])
    np.testing.assert_allclose(model.optimizer.factors, factors)


def test_images_are_normalized_by_the_training_set():
    generator = np.random.default_rng(0)
    mixing = 80 * np.eye(12) + generator.normal(0, 10, (12, 12))
    images = (generator.standard_normal((500, 12)) @ mixing).reshape(500, 2, 2, 3)
    train, test = mixlu_cifar10.normalize(images, images[:5] + 0.5)
    assert train.shape == (500, 2, 2, 3)
    np.testing.assert_allclose(test, train[:5], atol=0.2)
    flat = train.reshape(500, -1)
    covariance = flat.T @ flat / 500
    # White but for the direction of equal pixels, which each image lost.
    variances = np.linalg.eigvalsh(covariance)
    assert variances[0] < 1e-3 * variances[-1]
    np.testing.assert_allclose(variances[1:], variances[-1], rtol=1e-3)


def test_subset_is_read_pixel_by_pixel(subset, tmp_path):
    assert image_sets.check_cifar10(subset) == "CIFAR-10 subset"
    for split in ("train", "test"):
        images, labels = image_sets.read_cifar10(subset, split)
        np.testing.assert_array_equal(images, np.load(tmp_path / f"{split}.npy"))
        np.testing.assert_array_equal(labels, np.arange(len(images)) % 10)


def test_subset_other_than_the_known_one_warns(subset):
    path = subset / "test_labels.txt"
    path.write_text("3\n" * 10, encoding="utf-8")
    with pytest.warns(UserWarning, match="test_labels.txt is not the known one"):
        image_sets.read_cifar10(subset, "test")


def test_prepared_archive_is_preferred(subset, monkeypatch):
    archive = subset / "cifar10" / "3.0.2"
    archive.mkdir(parents=True)
    (archive / "cifar10-test.array_record-00000-of-00001").touch()
    assert image_sets.check_cifar10(subset) == "CIFAR-10"


@pytest.mark.parametrize("named", ["no folder", "an empty folder", "half a subset"])
def test_missing_data_end_the_run_at_once_and_say_what_to_do(
    named, tmp_path, monkeypatch
):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    if named == "half a subset":
        (tmp_path / "train.png").touch()
    given = [] if named == "no folder" else ["--data-dir", str(tmp_path)]
    with pytest.raises(SystemExit) as caught:
        mixlu_cifar10.main([*TINY, *given])
    message = str(caught.value)
    assert "tfds.data_source('cifar10'" in message
    assert "--data-dir" in message
    assert ("of a subset, train_labels.txt, test.png" in message) == (
        named == "half a subset"
    )


def test_run_prints_a_table_and_writes_results_and_picture(
    subset, tmp_path, capsys, monkeypatch
):
    # Whitening 3,072 pixels takes its half minute, however few the images.
    monkeypatch.setattr(
        mixlu_cifar10,
        "normalize",
        lambda *sets: tuple(x / np.float32(99) for x in sets),
    )
    output = tmp_path / "output"
    runs = mixlu_cifar10.main(
        [*TINY, "--samples", "99", "--data-dir", str(subset), "--output", str(output)]
    )
    printed = capsys.readouterr().out
    assert "The images are CIFAR-10 subset." in printed
    assert "MixLU-LeNet5 on CIFAR-10 subset" in printed
    assert "test accuracy %" in printed
    assert "Here: 40 training images" in printed
    results = json.loads((output / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["samples"] == 40
    assert [(r["fraction"], r["gradient"]) for r in results["runs"]] == [
        (0, "either"), (2, "exact"), (2, "published"),
    ]  # fmt: skip
    for run in runs:
        assert f"| {100 - run.test_error:.3f} " in printed
    assert (output / "errors.png").stat().st_size > 1000
    assert str(subset) not in (output / "results.json").read_text(encoding="utf-8")


def test_paper_preset_has_the_numbers_of_the_thesis():
    assert mixlu_cifar10.PRESETS["paper"] == {
        "batch_size": 100,
        "epochs": 30,
        "samples": 50_000,
        "test_samples": 10_000,
        "seeds": [0],
        "fractions": [0, 0.25, 0.5, 1, 2, 3],
        "gradients": ["exact", "published"],
        "scope": "elements",
        "mirror": "batch",
    }
