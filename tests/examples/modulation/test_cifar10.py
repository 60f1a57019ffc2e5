"""The modulators on CIFAR-10: images, batches, rates, tables, pictures, tiny runs."""

import argparse
import json

import keras
import numpy as np
import pytest

import keras_modact
from examples.modulation import cifar10, cifar10_report, modulated_cnn

OPTIONS = "--epochs 2 --samples 20 --test-samples 6 --batch-size 6 --verbose 0"

to_numpy = keras.ops.convert_to_numpy


def pixels(count):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")


def tiny_network(modulated):
    convolution = keras.layers.Conv2D(2, 3, activation="relu", name="conv")
    if modulated:
        convolution = modulated_cnn.with_modulator(convolution)
    inputs, x = modulated_cnn.pixels_and_unit_values()
    x = keras.layers.GlobalAveragePooling2D()(convolution(x))
    return keras.Model(inputs, keras.layers.Dense(10)(x))


@pytest.fixture
def fake_cifar10(monkeypatch):
    """Random images in place of CIFAR-10, and tiny networks."""
    monkeypatch.setattr(cifar10, "check_cifar10", lambda folder: "CIFAR-10 subset")
    data = pixels(30), np.arange(30, dtype="int32") % 10
    monkeypatch.setattr(cifar10, "read_cifar10", lambda *_: data)
    networks = {
        "cnn": lambda: tiny_network(False),
        "modulated-cnn": lambda: tiny_network(True),
    }
    monkeypatch.setattr(cifar10, "MODELS", networks)
    return data


def run(model, seed=0, test=0.5, training=(0.25, 0.5), validation=(0.125, 0.5)):
    return cifar10.Run(
        model, 1234, seed, 2.0, [2.0, 1.0], [*training], [*validation], test, None
    )


def cells(table):
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_image_is_shifted_by_up_to_3_pixels_and_mirrored():
    image = pixels(1)[0]
    padded = np.pad(image, ((3, 3), (3, 3), (0, 0)), mode="edge")
    possible = {}
    for down in range(7):
        for right in range(7):
            shifted = padded[down : down + 32, right : right + 32]
            possible[shifted.tobytes()] = down, right, "as it is"
            possible[shifted[:, ::-1].tobytes()] = down, right, "mirrored"
    assert len(possible) == 98
    images = np.repeat(image[None], 3000, axis=0)
    changed = cifar10.shift_and_mirror(images, np.random.default_rng(0))
    assert changed.dtype == np.uint8
    # A change that is not possible is a KeyError; all are equally frequent.
    counts = dict.fromkeys(possible.values(), 0)
    for one in changed:
        counts[possible[one.tobytes()]] += 1
    assert min(counts.values()) > 10
    assert max(counts.values()) < 60


def test_epoch_has_each_image_once_with_its_label(monkeypatch):
    monkeypatch.setattr(cifar10, "shift_and_mirror", lambda images, _: images)
    images, labels = pixels(14), np.arange(14)
    batches = cifar10.ChangedImages(images, labels, 4, seed=3)
    orders = []
    for _ in range(2):
        assert len(batches) == 4
        read = [batches[index] for index in range(4)]
        order = np.concatenate([y for _, y in read])
        assert sorted(order) == list(range(14))
        np.testing.assert_array_equal(
            np.concatenate([x for x, _ in read]), images[order]
        )
        orders.append(order.tolist())
        batches.begin_epoch(1)
    assert orders[0] != orders[1] != list(range(14))


def test_batches_follow_from_seed_and_epoch_in_whatever_order_they_are_read():
    first, second, other = (
        cifar10.ChangedImages(pixels(12), np.arange(12), 4, seed) for seed in (3, 3, 4)
    )
    forth = [first[index][0] for index in (0, 1, 2)]
    back = [second[index][0] for index in (2, 1, 0)][::-1]
    np.testing.assert_array_equal(forth, back)
    assert (forth[0] != other[0][0]).any()
    first.begin_epoch(1)
    assert (forth[0] != first[0][0]).any()


def test_training_reads_each_batch_of_each_epoch(fake_cifar10, tmp_path, monkeypatch):
    """Also where a backend reads some batches beforehand, to know their shapes."""
    asked = []

    class Remembering(cifar10.ChangedImages):
        def __getitem__(self, index):
            asked.append((self.epoch, index))
            return super().__getitem__(index)

    monkeypatch.setattr(cifar10, "ChangedImages", Remembering)
    given = [*OPTIONS.split(), "--models", "cnn", "--data-dir", "data"]
    cifar10.main([*given, "--seeds", "0", "--output", str(tmp_path)])
    # Sixteen images in batches of six.
    assert asked[-6:] == [(epoch, index) for epoch in (0, 1) for index in range(3)]
    assert set(asked[:-6]) <= {(0, 0), (0, 1), (0, 2)}


def test_last_fifth_is_held_out():
    (x, y), (held_x, held_y) = cifar10.split_off(np.arange(13), np.arange(13) + 1)
    assert (list(x), list(held_x)) == (list(range(10)), [10, 11, 12])
    np.testing.assert_array_equal(np.concatenate([y, held_y]), np.arange(1, 14))


def test_learning_rate_falls_tenfold_at_50_and_80_percent():
    rate = cifar10.falling_rate(argparse.Namespace(epochs=10, learning_rate=0.5), 7)
    rates = [float(rate(7 * epoch + 3)) for epoch in range(10)]
    np.testing.assert_allclose(rates, [0.5] * 5 + [0.05] * 3 + [0.005] * 2, rtol=1e-5)
    for update, expected in ((34, 0.5), (35, 0.05), (55, 0.05), (56, 0.005)):
        assert float(rate(update)) == pytest.approx(expected)


def test_table_shows_the_last_epoch_with_spread_and_the_paper():
    runs = [
        run("cnn", test=0.5),
        run("modulated-cnn", test=0.75),
        run("cnn", seed=1, test=0.7, training=(0.9, 0.3), validation=(0.9, 0.1)),
    ]
    head, _, *rows = cells(cifar10_report.results_table(runs))
    assert head[-3:] == ["paper: training", "validation", "test"]
    assert rows == [
        ["cnn", "1,234", "0.400 ± 0.141", "0.300 ± 0.283", "0.600 ± 0.141", "2",
         "0.649", "0.694", "0.690"],
        ["modulated-cnn", "1,234", "0.500", "0.500", "0.750", "2",
         "0.775", "0.782", "0.782"],
    ]  # fmt: skip


def test_comparison_is_that_of_the_groups_test_accuracies():
    """Means .4 and .7, both with a standard deviation of .1, three runs each.

    So t = .3 / (.1 sqrt(2 / 3)) = 3.674 with 4 degrees of freedom, g = 3, and
    the exact correction is gamma(2) / (sqrt(2) gamma(1.5)) = .7979.
    """
    plain, modulated = (0.3, 0.4, 0.5), (0.6, 0.7, 0.8)
    runs = [
        run(model, seed, test)
        for model, tests in (("cnn", plain), ("modulated-cnn", modulated))
        for seed, test in enumerate(tests)
    ]
    _, _, row = cells(cifar10_report.comparison_table(runs))
    assert row == ["cnn", "+0.300", "0.021", "+3.00", "+2.39", "+0.092"]


def test_nothing_is_compared_without_both_nor_judged_with_one_run():
    runs = [run("cnn"), run("modulated-densenet-10")]
    assert cifar10_report.comparison_table(runs) == ""
    runs.append(run("densenet-10", test=0.75))
    _, _, row = cells(cifar10_report.comparison_table(runs))
    assert row == ["densenet-10", "-0.250", "-", "-", "-", "+0.009"]


def test_signals_are_those_of_the_modulators():
    network = tiny_network(True)
    layer = network.get_layer("conv")
    layer.modulator.bias.assign([0.5])
    images = pixels(4)
    signals = cifar10_report.modulation_signals(network, images)
    read = keras.ops.conv(images.astype("float32") / 255, layer.modulator.kernel)
    expected = 1 / (1 + np.exp(-to_numpy(read)[..., 0] - 0.5))
    assert list(signals) == ["conv"]
    np.testing.assert_allclose(signals["conv"], expected, atol=1e-5)


def test_of_many_signals_the_first_and_the_last_are_among_those_shown(monkeypatch):
    monkeypatch.setattr(modulated_cnn, "DENSENET_INITIALIZER", "zeros")
    network = modulated_cnn.densenet(2, modulated=True, layers_in_block=3)
    signals = cifar10_report.modulation_signals(network, pixels(1))
    names = [x.name for x in modulated_cnn.modulated_layers(network)]
    assert len(names) == 9
    assert list(signals) == [names[i] for i in (0, 2, 3, 5, 6, 8)]
    assert signals[names[0]].shape == (1, 32, 32)
    assert signals[names[-1]].shape == (1, 8, 8)


def test_signal_table_tells_positions_from_images():
    by_position = np.tile([[0.25, 0.75]], (3, 2, 1))
    by_image = np.array([0.0, 0.5, 1.0]).reshape(3, 1, 1).repeat(2, 1).repeat(2, 2)
    table = cifar10_report.signal_table({"one": by_position, "two": by_image})
    assert cells(table)[2:] == [
        ["one", "0.50", "0.25 to 0.75", "0.25", "0.00"],
        ["two", "0.50", "0.00 to 1.00", "0.00", "0.41"],
    ]


@pytest.fixture
def drawn(figures_of):
    """The figures that were drawn."""
    return figures_of(cifar10_report)


def test_picture_has_a_panel_for_training_and_one_for_validation(tmp_path, drawn):
    runs = [
        run("cnn", validation=(0.25, 0.5)),
        run("cnn", seed=1, validation=(0.75, 0.5)),
        run("modulated-cnn"),
    ]
    cifar10_report.plot_accuracies(runs, tmp_path / "a.png", "title")
    training, validation = drawn[0].axes
    assert [list(line.get_ydata()) for line in training.lines] == [[0.25, 0.5]] * 2
    lines = {line.get_label(): line for line in validation.lines}
    assert list(lines["cnn"].get_ydata()) == [0.5, 0.5]
    assert list(lines["modulated-cnn"].get_ydata()) == [0.125, 0.5]
    assert lines["cnn"].get_linestyle() != lines["modulated-cnn"].get_linestyle()
    (band,) = validation.collections
    # Of the first epoch, from the lowest seed to the highest.
    first = band.get_paths()[0].vertices
    assert {y for x, y in first if x == 1} == {0.25, 0.75}
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_picture_has_each_image_beside_its_signals(tmp_path, drawn):
    images = pixels(2)
    signals = {"one": np.random.default_rng(0).random((2, 5, 5))}
    cifar10_report.plot_signals(images, signals, tmp_path / "s.png", "of this")
    shown = [axes.images[0].get_array() for axes in drawn[0].axes[:4]]
    expected = [images[0], signals["one"][0], images[1], signals["one"][1]]
    for found, given in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(found, given)
    maps = [axes.images[0] for axes in (drawn[0].axes[1], drawn[0].axes[3])]
    assert {x.get_clim() for x in maps} == {
        (signals["one"].min(), signals["one"].max())
    }
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")


def test_run_prints_tables_and_writes_results_and_pictures(
    fake_cifar10, tmp_path, capsys
):
    runs = cifar10.main(
        [*OPTIONS.split(), "--seeds", "0", "1", "--data-dir", "data",
         "--output", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    order = [(run.model, run.seed) for run in runs]
    assert order == [
        ("cnn", 0), ("modulated-cnn", 0), ("cnn", 1), ("modulated-cnn", 1)
    ]  # fmt: skip
    assert [run.parameters for run in runs] == [86, 114] * 2
    assert "CIFAR-10 subset" in printed
    assert "Here: 20 training images, a fifth of them held out, 2 epochs" in printed
    assert "modulated - plain" in printed
    assert "Modulation signal on 6 test images" in printed
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    records = json.loads(text)["runs"]
    assert "data_dir" not in json.loads(text)["settings"]
    images, labels = fake_cifar10
    for record, done in zip(records, runs, strict=True):
        assert "network" not in record
        assert len(record["validation_accuracy"]) == len(record["loss"]) == 2
        # Four held-out images: quarters; and the network is the trained one.
        assert record["validation_accuracy"] == done.validation_accuracy
        np.testing.assert_allclose(np.array(done.validation_accuracy) * 4 % 1, 0)
        answers = done.network.predict(images[:6], verbose=0).argmax(axis=-1)
        right = np.mean(answers == labels[:6])
        assert record["test_accuracy"] == pytest.approx(right, abs=1e-6)
    assert isinstance(runs[1].network.get_layer("conv"), keras_modact.Modulated)
    for name in ("accuracy.png", "signal_modulated-cnn.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_training_repeats_by_seed(fake_cifar10):
    images, labels = fake_cifar10
    sets = [(images[:12], labels[:12])] * 3
    options = argparse.Namespace(batch_size=6, epochs=1, learning_rate=0.1, verbose="0")
    first, second, other = (
        cifar10.train(options, "modulated-cnn", seed, sets).loss for seed in (3, 3, 4)
    )
    np.testing.assert_allclose(first, second, rtol=1e-5)
    assert abs(first[0] - other[0]) > 1e-5


def test_too_few_samples_are_refused(capsys):
    with pytest.raises(SystemExit):
        cifar10.main(["--samples", "4"])
    assert "--samples must be at least 5" in capsys.readouterr().err


def test_missing_data_end_the_run_at_once_and_say_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="CIFAR-10 is missing") as caught:
        cifar10.main(["--data-dir", str(tmp_path)])
    assert "--data-dir" in str(caught.value)


def test_presets_are_the_papers_and_a_smaller_one():
    assert cifar10.PRESETS["paper"] == {
        "models": [
            "cnn", "modulated-cnn", "densenet-12", "modulated-densenet-12",
            "densenet-10", "modulated-densenet-10",
        ],
        "batch_size": 128,
        "epochs": 150,
        "samples": 50_000,
        "test_samples": 10_000,
        "seeds": [0],
        "learning_rate": 1e-3,
    }  # fmt: skip
    assert set(cifar10.PRESETS["quick"]) == set(cifar10.PRESETS["paper"])
    assert set(cifar10_report.PAPER) == set(cifar10.MODELS)
    assert len(cifar10.PRESETS["quick"]["seeds"]) >= 3
