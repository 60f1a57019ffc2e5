"""The regression of the tail: samples, networks, errors, tables, pictures, runs."""

import argparse
import json

import keras
import numpy as np
import pytest

import keras_modact
from examples.parameterization import tail_regression, tail_report

OPTIONS = "--samples 200 --test-samples 100 --batch-size 50 --seeds 0 1 --verbose 0"


@pytest.fixture
def drawn(figures_of):
    """The figures that a report makes."""
    return figures_of(tail_report)


def options(**changes):
    chosen = {"policy_units": 2, "around_one": False}
    quick = tail_regression.PRESETS["quick"]
    return argparse.Namespace(**{**quick, **chosen, **changes})


def run(model, seed=0, errors=(4.0, 2.0, 1.5, 1.0), parameters=55, network=None):
    return tail_regression.Run(model, seed, parameters, 2.0, *errors, network, network)


def cells(table):
    lines = table.splitlines()
    assert len({len(line) for line in lines}) == 1
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_target_is_that_of_the_paper():
    generator = np.random.default_rng(0)
    x, y = tail_regression.make_samples(20_000, generator)
    assert (x.shape, y.shape) == ((20_000, 2), (20_000, 1))
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(x.T), np.eye(2), atol=0.03)
    wanted = 4 * x[:, 0].astype(float) ** 2 - 81 * x[:, 1].astype(float) ** 4
    noise = y[:, 0] - wanted
    assert (noise.mean(), noise.std()) == pytest.approx((0, 1), abs=0.03)
    points = np.array([[3, 0], [0, 1], [0, -2]])
    assert tail_regression.truth(points).ravel().tolist() == [36, -81, -1296]


def test_tail_is_the_twentieth_with_the_largest_second_input():
    x = np.stack([np.arange(100.0), np.arange(-50.0, 50) + 0.25], axis=-1)
    places = np.flatnonzero(tail_regression.in_tail(x))
    assert places.tolist() == [0, 1, 2, 98, 99]


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        # Two kernels and a bias, twice; of the policies P1, P2, p and U.
        ("adaptive", (8 + 2 + 12 + 8) + (4 + 2 + 1 + 12 + 6)),
        ("adaptive-tanh", 55),
        ("mlp", 2 * 10 + 10 + 10 * 10 + 10 + 10 + 1),
        ("mlp-deep", 2 * 10 + 10 + 2 * (10 * 10 + 10) + 10 + 1),
    ],
)
def test_networks_have_the_sizes_that_the_docstring_states(model, parameters):
    network = tail_regression.build_model(options(), model)
    assert network.count_params() == parameters
    assert f"{parameters} parameters" in tail_regression.__doc__
    assert network.output_shape == (None, 1)
    assert float(network.optimizer.learning_rate) == pytest.approx(3e-3)


@pytest.mark.parametrize(
    ("model", "tau"), [("adaptive", "linear"), ("adaptive-tanh", "tanh")]
)
def test_adaptive_layers_are_svas_with_a_gated_linear_policy(model, tau):
    for layer in tail_regression.build_model(options(), model).layers:
        assert isinstance(layer, keras_modact.AdaptiveDense)
        config = layer.get_config()
        assert (config["adaptation"], config["rank"]) == ("sva", 2)
        assert (config["policy"], config["policy_activation"]) == ("glu", tau)
        assert config["activation"] == "linear"


def test_around_one_starts_with_singular_values_of_one():
    first = tail_regression.build_model(options(around_one=True), "adaptive").layers[0]
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(first.adaptation(np.ones((3, 2)))[1]), 1
    )


def test_paper_preset_has_the_numbers_of_the_paper():
    paper = tail_regression.PRESETS["paper"]
    assert paper["epochs"] * paper["samples"] == 10_000 * 50
    assert (paper["batch_size"], paper["learning_rate"]) == (50, 3e-3)
    quick = tail_regression.PRESETS["quick"]
    assert {k: v for k, v in quick.items() if v != paper[k]}.keys() == {"seeds"}


@pytest.mark.parametrize("scaled", [False, True])
def test_errors_are_those_of_the_predictions_on_raw_targets(
    scaled, monkeypatch, tmp_path
):
    """The network learns nothing, so that it gives 0, or the mean of the targets."""

    def nothing(options, model):
        network = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="zeros")]
        )
        network.compile(keras.optimizers.SGD(0.0), "mean_squared_error")
        return network

    monkeypatch.setattr(tail_regression, "build_model", nothing)
    given = [*OPTIONS.split(), "--models", "mlp", "--output", str(tmp_path)]
    runs = tail_regression.main([*given, *(["--scale-targets"] if scaled else [])])
    test_x, test_y = tail_regression.make_samples(
        100, np.random.default_rng(tail_regression.TEST_SEED)
    )
    largest = np.argsort(-abs(test_x[:, 1]))
    for one in runs:
        y = tail_regression.make_samples(200, np.random.default_rng(one.seed))[1]
        error = test_y[:, 0] - (y.mean() if scaled else 0)
        tail, rest = error[largest[:5]], error[largest[5:]]
        wanted = [*(np.mean(part**2) for part in (tail, rest)),
                  *(np.median(abs(part)) for part in (tail, rest))]  # fmt: skip
        found = [one.tail_mse, one.rest_mse, one.tail_median, one.rest_median]
        np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_models_of_a_seed_see_the_same_samples(monkeypatch):
    seen = []

    class Network(keras.Sequential):
        def fit(self, x, y, **kwargs):
            seen.append((x, y, kwargs["batch_size"], kwargs["epochs"]))

    monkeypatch.setattr(
        tail_regression, "build_model",
        lambda *_: Network([keras.Input((2,)), keras.layers.Dense(1)]),
    )  # fmt: skip
    chosen = options(
        seeds=[0, 1], models=["adaptive", "mlp"], samples=20, scale_targets=True,
        batch_size=5, verbose="0",
    )  # fmt: skip
    test = tail_regression.make_samples(40, np.random.default_rng(0))
    tail_regression.train_all(chosen, test)
    first, second, other, _ = seen
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert (first[0] != other[0]).all()
    assert (first[1].mean(), first[1].std()) == pytest.approx((0, 1), abs=1e-5)
    assert first[2:] == (5, 1)


def test_table_shows_the_median_of_the_seeds_and_how_far_they_reach():
    runs = [
        run("adaptive", 0, (4.0, 2.0, 1.5, 1.0)),
        run("adaptive", 1, (8.0, 2.0, 1.5, 1.0)),
        run("adaptive", 2, (9e6, 2.0, 1.5, 1.0)),
        run("mlp", 0, (16.0, 3.0, 2.5, 0.5), parameters=151),
    ]
    _, _, *rows = cells(tail_report.results_table(runs))
    assert rows == [
        ["adaptive", "55", "8 (4 to 9e+06)", "1.5 (1.5 to 1.5)", "2 (2 to 2)",
         "1 (1 to 1)", "2"],
        ["mlp", "151", "16", "2.5", "3", "0.5", "2"],
    ]  # fmt: skip


def test_fractions_are_by_seed_and_of_every_baseline():
    runs = [
        run(model, seed, (tail, 1.0, median, 1.0))
        for model, seed, tail, median in (
            ("adaptive", 0, 1.0, 3.0), ("mlp", 0, 4.0, 4.0), ("mlp-deep", 0, 2.0, 2.0),
            ("adaptive", 1, 6.0, 1.0), ("mlp", 1, 8.0, 4.0), ("mlp-deep", 1, 2.0, 1.0),
        )
    ]  # fmt: skip
    head, _, *rows = cells(tail_report.fractions_table(runs))
    assert head == ["error", "of", "by that of", "seed 0", "seed 1", "median", "mean"]
    assert rows == [
        ["tail MSE", "adaptive", "mlp", "0.25", "0.75", "0.5", "0.5000 ± 0.3536"],
        ["tail MSE", "adaptive", "mlp-deep", "0.5", "3", "1.8", "1.7500 ± 1.7678"],
        ["tail median error", "adaptive", "mlp", "0.75", "0.25", "0.5",
         "0.5000 ± 0.3536"],
        ["tail median error", "adaptive", "mlp-deep", "1.5", "1", "1.2",
         "1.2500 ± 0.3536"],
    ]  # fmt: skip
    assert tail_report.fractions_table(runs[:1]) == ""


class Exact:
    """A predictor that is off by what it was made with."""

    def __init__(self, off):
        self.off = off

    def predict(self, x, **_):
        return tail_regression.truth(x) + self.off


def test_picture_shows_predictions_and_errors_by_distance(drawn, tmp_path):
    x, _ = tail_regression.make_samples(2000, np.random.default_rng(0))
    y = tail_regression.truth(x)
    tail = tail_regression.in_tail(x)
    runs = [run("adaptive", 0, network=Exact(1)), run("adaptive", 1, network=Exact(3)),
            run("mlp", 0, network=Exact(5))]  # fmt: skip
    path = tmp_path / "predictions.png"
    tail_report.plot_predictions(runs, (x, y), tail, tail_regression.truth, path)
    along, scatter, errors = drawn[0].axes
    curves = [line.get_xydata() for line in along.lines]
    for curve, off in zip(curves, (1, 3, 5, 0), strict=True):
        np.testing.assert_allclose(curve[:, 1], off - 81 * curve[:, 0] ** 4, rtol=1e-4)
    first, other, _ = scatter.lines
    for dots, off in ((first, 1), (other, 5)):
        wanted, found = np.reshape(dots.get_xdata(), -1), dots.get_ydata().ravel()
        np.testing.assert_array_equal(np.sort(wanted), np.sort(y[tail, 0]))
        np.testing.assert_allclose(found, wanted + off, rtol=1e-5)
    adaptive, baseline = errors.lines
    np.testing.assert_allclose(adaptive.get_ydata(), 2, rtol=1e-3)
    np.testing.assert_allclose(baseline.get_ydata(), 5, rtol=1e-3)
    assert path.stat().st_size > 1000


def test_histograms_are_of_the_singular_values_in_the_tail_and_elsewhere(
    drawn, tmp_path
):
    network = tail_regression.build_model(options(), "adaptive")
    x, _ = tail_regression.make_samples(500, np.random.default_rng(0))
    tail = tail_regression.in_tail(x)
    tail_report.plot_singular_values(
        [run("adaptive", network=network)], x, tail, tmp_path / "values.png"
    )
    model = keras.Sequential([keras.Input((2,)), network.layers[0]])
    inputs = [x, model.predict(x, verbose=0)]
    assert len(drawn[0].axes) == 2
    for axes, layer, given in zip(drawn[0].axes, network.layers, inputs, strict=True):
        values = keras.ops.convert_to_numpy(layer.adaptation(given)[1])
        low, high = np.quantile(values, [0.002, 0.998])
        # A filled histogram of elsewhere and an outline of the tail for each value.
        shapes = [container.patches for container in axes.containers]
        outlines = [patch for patch in axes.patches if patch.get_fill() is False]
        assert (len(shapes), len(outlines)) == (2, 2)
        for place, bars in enumerate(shapes):
            edges = [bar.get_x() for bar in bars]
            edges.append(bars[-1].get_x() + bars[-1].get_width())
            assert (edges[0], edges[-1]) == pytest.approx((low, high), rel=1e-4)
            wanted, _ = np.histogram(values[~tail, place], edges, density=True)
            heights = [bar.get_height() for bar in bars]
            np.testing.assert_allclose(heights, wanted, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("models", [["adaptive", "mlp"], ["mlp"]])
def test_run_prints_tables_and_writes_results_and_pictures(models, tmp_path, capsys):
    given = [*OPTIONS.split(), "--models", *models, "--output", str(tmp_path)]
    runs = tail_regression.main(given)
    printed = capsys.readouterr().out
    assert "4 steps of 50 samples" in printed
    assert "The tail is the 5% of the test samples" in printed
    assert ("What is left of a baseline's error" in printed) == (len(models) == 2)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["policy_units"] == 2
    names = [(record["model"], record["seed"]) for record in results["runs"]]
    assert names == [(model, seed) for seed in (0, 1) for model in models]
    for record, one in zip(results["runs"], runs, strict=True):
        assert record["tail_mse"] == one.tail_mse
        assert np.isfinite(record["tail_mse"])
        assert record["parameters"] == one.network.count_params()
        assert "network" not in record
        assert "predictor" not in record
    assert (tmp_path / "predictions.png").stat().st_size > 1000
    assert (tmp_path / "singular_values.png").exists() == ("adaptive" in models)
