"""The MNIST benchmarks: their sequences, missing data, and tiny runs."""

import argparse
import json
import os
import pathlib

import keras
import numpy as np
import pytest

from examples.bistability import sequential_mnist

to_numpy = keras.ops.convert_to_numpy


@pytest.fixture
def fake_mnist(monkeypatch):
    """Random images in place of MNIST, and the calls that asked for them."""
    generator = np.random.default_rng(0)
    asked = []

    def read(data_dir, split):
        asked.append(split)
        images = generator.integers(0, 256, (20, 28, 28)).astype("uint8")
        return images, np.arange(20, dtype="int32") % 10

    monkeypatch.setattr(sequential_mnist, "read_mnist", read)
    monkeypatch.setattr(sequential_mnist, "check_mnist", lambda data_dir: data_dir)
    return asked


@pytest.mark.parametrize("what", ["pixels", "rows"])
def test_permutation_moves_every_pixel_and_is_the_same_for_train_and_test(what):
    image = np.arange(28 * 28.0).reshape(1, 28, 28)
    train = sequential_mnist.permute(np.concatenate([image, image + 0.5]), what)
    test = sequential_mnist.permute(image + 0.25, what)
    assert sorted(train[0].ravel()) == list(image.ravel())
    assert (train[0] != image[0]).mean() > 0.8
    np.testing.assert_array_equal(train[0] + 0.5, train[1])
    np.testing.assert_array_equal(train[0] + 0.25, test[0])
    rows_kept = (np.diff(train[0], axis=1) == 1).all()
    assert rows_kept == (what == "rows")
    other = sequential_mnist.permute(image, what, seed=2)
    assert (other != train[:1]).any()


def test_published_permutation_is_that_of_numpys_old_generator():
    pixels = np.arange(28 * 28).reshape(1, 28, 28)
    found = sequential_mnist.permute(pixels, "published-pixels").ravel()
    np.testing.assert_array_equal(found[:3], [649, 265, 111])
    assert sorted(found) == list(range(784))


def test_no_permutation_leaves_the_images_alone():
    image = np.arange(28 * 28.0).reshape(1, 28, 28)
    np.testing.assert_array_equal(sequential_mnist.permute(image, "none"), image)


def test_black_lines_follow_the_image():
    images = np.random.default_rng(0).uniform(size=(2, 28, 28)).astype("float32")
    lines = to_numpy(sequential_mnist.append_lines(images, 3, -0.5))
    np.testing.assert_array_equal(lines[:, :28], images)
    np.testing.assert_array_equal(lines[:, 28:], np.full((2, 3, 28), -0.5))


def test_variable_lines_end_bright_and_are_masked_after():
    images = np.random.default_rng(0).uniform(size=(3, 28, 28)).astype("float32")
    counts = np.array([[1], [4], [2]], "int32")
    lines, mask = map(
        to_numpy, sequential_mnist.append_variable_lines(images, counts, 4, -0.5)
    )
    assert lines.shape == (3, 32, 28)
    np.testing.assert_array_equal(lines[:, :28], images)
    np.testing.assert_array_equal(
        lines[:, 28:, 0],
        [[1, -0.5, -0.5, -0.5], [-0.5, -0.5, -0.5, 1], [-0.5, 1, -0.5, -0.5]],
    )
    np.testing.assert_array_equal(lines[:, 28:], lines[:, 28:, :1].repeat(28, -1))
    np.testing.assert_array_equal(mask.sum(axis=1), [29, 32, 30])
    np.testing.assert_array_equal(mask, np.sort(mask, axis=1)[:, ::-1])


@pytest.mark.parametrize("cell", ["nbrc", "gru"])
def test_masked_padding_does_not_change_the_answer(cell):
    """The same image and count in a batch padded for more lines."""
    options = argparse.Namespace(
        variant="variable",
        black_lines=9,
        line_value=-0.5,
        units=4,
        layers=2,
        recurrent_start="orthogonal",
    )
    padded = sequential_mnist.build_model(options, cell)
    options.black_lines = 3
    exact = sequential_mnist.build_model(options, cell)
    for copy, weight in zip(exact.weights, padded.weights, strict=True):
        copy.assign(weight)
    images = np.random.default_rng(0).uniform(size=(2, 28, 28)).astype("float32")
    inputs = [images, np.array([[3], [2]], "int32")]
    np.testing.assert_allclose(
        to_numpy(padded(inputs)), to_numpy(exact(inputs)), atol=1e-6
    )


@pytest.mark.parametrize(
    ("variant", "count", "accuracy", "shape"),
    [
        ("pixel", 0, ".908 ± .006", (784, 1)),
        ("line", 72, ".973 ± .001", (100, 28)),
        ("variable", 472, ".970 ± .001", (500, 28)),
    ],
)
def test_variant_of_the_paper(variant, count, accuracy, shape):
    assert sequential_mnist.PAPER[variant, count]["nbrc"] == accuracy
    options = argparse.Namespace(
        variant=variant,
        black_lines=count,
        line_value=-0.5,
        units=4,
        layers=1,
        recurrent_start="orthogonal",
    )
    model = sequential_mnist.build_model(options, "nbrc")
    sequences, *masks = keras.tree.flatten(model.get_layer("layer_1").input)
    assert sequences.shape[1:] == shape
    assert [mask.shape[1:] for mask in masks] == [(500,)] * (variant == "variable")
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize("variant", ["line", "variable"])
def test_run_prints_a_table_and_writes_results_and_picture(
    variant, fake_mnist, tiny, tmp_path, capsys
):
    (run,) = sequential_mnist.main(
        [*tiny, "--variant", variant, "--black-lines", "2", "--cells", "nbrc",
         "--permute", "rows", "--data-dir", "data", "--output", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert fake_mnist == ["train", "test"]
    assert "no figure for this N" in printed
    assert "paper (N = 72)" in printed or variant == "variable"
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["permute"] == "rows"
    assert "data_dir" not in results["settings"]
    (record,) = results["runs"]
    # Six test images: a share of sixths.
    assert record["test_accuracy"] == run.test
    np.testing.assert_allclose(np.array(run.test) * 6 % 1, 0, atol=1e-4)
    # The macro average over all ten classes, of which the test set has six.
    assert record["test_f1"] == run.test_f1
    assert len(run.test_f1) == 2
    assert max(run.test_f1) <= 0.6
    assert "macro F1" in printed
    assert (tmp_path / "test_error.png").stat().st_size > 1000


def test_black_lines_do_not_go_with_pixels(capsys):
    with pytest.raises(SystemExit):
        sequential_mnist.main(["--variant", "pixel", "--black-lines", "3"])
    assert "goes with the variants line and variable" in capsys.readouterr().err


@pytest.mark.parametrize("named", ["no folder", "an empty folder", "half a download"])
def test_missing_data_end_the_run_at_once_and_say_what_to_do(
    named, tiny, tmp_path, monkeypatch
):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(
        sequential_mnist, "read_mnist", lambda *_: pytest.fail("it tried to read")
    )
    if named == "half a download":
        (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    options = [] if named == "no folder" else ["--data-dir", str(tmp_path)]
    with pytest.raises(SystemExit) as caught:
        sequential_mnist.main([*tiny, *options])
    message = str(caught.value)
    assert "tfds.data_source('mnist'" in message
    assert "--data-dir" in message
    assert str(tmp_path) in message or named == "no folder"


def test_data_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="holds no mnist") as caught:
        sequential_mnist.main([])
    assert str(tmp_path) in str(caught.value)


# Warnings of tensorflow_datasets and what it imports are not ours to mend.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(
    not os.environ.get("TFDS_DATA_DIR"),
    reason="TFDS_DATA_DIR does not name a folder with MNIST",
)
@pytest.mark.parametrize(
    ("split", "counts"),
    [
        ("train", [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]),
        ("test", [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]),
    ],
)
def test_real_images_are_those_published(split, counts):
    # A digest other than the published one would warn, and a warning fails.
    folder = pathlib.Path(os.environ["TFDS_DATA_DIR"])
    images, labels = sequential_mnist.read_mnist(
        sequential_mnist.check_mnist(folder), split
    )
    assert images.shape == (sum(counts), 28, 28)
    assert (images.min(), images.max()) == (0, 255)
    assert np.bincount(labels).tolist() == counts
