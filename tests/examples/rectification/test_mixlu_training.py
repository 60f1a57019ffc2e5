"""What the examples on MixLU share: options, runs, table, verdicts, picture."""

import argparse
import json
import math

import keras
import numpy as np
import pytest

from examples.rectification import mixlu_report, mixlu_training
from examples.shared import command_line, records

THESIS = mixlu_training.Thesis(
    "error", {0: (0.0, 0.92), 5: (0.48, 1.26), 10: (90.13, 90.2)}
)


def run(fraction=0, gradient="either", errors=(1.0, 2.0), seed=0, loss=0.5):
    train, test = errors
    return mixlu_training.Run(
        fraction, gradient, seed, 3.0, [1.0, loss], train, test,
        [9.0, train + 0.25], [8.0, test], [7.0, test + 0.5],
    )  # fmt: skip


def options(**given):
    defaults = {"batch_size": 4, "epochs": 2, "seeds": [0], "fractions": [0, 50],
                "gradients": ["exact", "published"], "scope": "units",
                "verbose": "0", "samples": 8}  # fmt: skip
    return argparse.Namespace(**(defaults | given))


IMAGES = np.random.default_rng(0).standard_normal((8, 3)).astype("float32")
LABELS = np.arange(8) % 2


def dense_model(layer, rate=0.1):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), layer])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("given", ["-1", "101"])
def test_options_refuse_what_is_no_percentage(given, capsys):
    with pytest.raises(SystemExit):
        mixlu_training.option_parser("", "name").parse_args([f"--fractions={given}"])
    assert f"must be from 0 to 100, received {given}" in capsys.readouterr().err


def test_activation_has_the_share_the_scope_and_the_gradient():
    layer = mixlu_training.activation(options(scope="elements"), 2.5, "published")
    assert (layer.fraction, layer.scope, layer.gradient) == (
        0.025, "elements", "published",
    )  # fmt: skip
    assert isinstance(
        mixlu_training.activation(options(), 0, "either"), keras.layers.ReLU
    )


def test_weight_decay_is_that_of_matconvnet():
    """Two steps of d = .9 d - lr (decay w + g), for the kernel and the bias."""
    rate, decay = 0.1, 0.3
    layer = keras.layers.Dense(
        1, bias_initializer="ones", **mixlu_training.decay_arguments(decay)
    )
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mean_squared_error")
    w = np.array([float(layer.kernel.numpy().item()), 1.0])
    d = np.zeros(2)
    x = np.array([2.0, 1.0])
    for _ in range(2):
        g = 2 * (x @ w) * x
        d = 0.9 * d - rate * (decay * w + g)
        w = w + d
        model.fit(np.full((1, 1), 2.0), np.zeros((1, 1)), verbose=0)
    found = [weight.numpy().item() for weight in (layer.kernel, layer.bias)]
    np.testing.assert_allclose(found, w, rtol=1e-5)


def test_percentage_of_wrong_answers():
    model = dense_model(keras.layers.ReLU())
    outputs = model.predict(IMAGES, verbose=0)
    right = outputs.argmax(-1)
    assert mixlu_training.percent_wrong(model, IMAGES, right) == 0
    right[:2] += 1
    assert mixlu_training.percent_wrong(model, IMAGES, right) == 25


def test_errors_are_counted_after_every_epoch_with_elements_drawn_and_not():
    """Against the equations, with half of the elements NegLUs and images that tell."""
    given = options(fractions=[50], gradients=["exact"], scope="elements", epochs=3)
    models = []

    def make_model(fraction, gradient):
        layer = mixlu_training.activation(given, fraction, gradient)
        models.append(dense_model(layer))
        return models[-1]

    images = np.random.default_rng(1).standard_normal((600, 3)).astype("float32")
    labels = np.arange(600) % 4
    data = IMAGES, LABELS
    (run,) = mixlu_training.train_all(given, make_model, data, (images, labels))
    lists = run.training_errors, run.test_errors, run.drawn_test_errors
    assert [len(errors) for errors in lists] == [3] * 3
    weights = models[0].layers[0].get_weights()
    x = images @ weights[0] + weights[1]
    expected = 0.5 * np.maximum(x, 0) + 0.5 * np.minimum(x, 0)
    wrong = 100 * np.mean(expected.argmax(-1) != labels)
    assert run.test_error == run.test_errors[-1] == pytest.approx(wrong, abs=0.4)
    drawn = mixlu_training.sharing_layers(models[0], draw=True)
    outputs = drawn.predict(images, verbose=0)
    np.testing.assert_allclose(
        np.minimum(abs(outputs - np.maximum(x, 0)), abs(outputs - np.minimum(x, 0))),
        0,
        atol=1e-5,
    )
    assert (outputs != drawn.predict(images, verbose=0)).any()
    # In between the weights were others.
    assert len(set(run.test_errors)) > 1


def test_runs_cover_shares_gradients_and_seeds_and_repeat_by_seed():
    given = options(seeds=[3, 4])
    asked = []

    def make_model(fraction, gradient):
        asked.append((fraction, gradient))
        return dense_model(mixlu_training.activation(given, fraction, gradient))

    data = IMAGES, LABELS
    runs = mixlu_training.train_all(given, make_model, data, (IMAGES[:4], LABELS[:4]))
    once = [(0, "either"), (50, "exact"), (50, "published")]
    assert asked == once + once
    assert [(r.seed, r.fraction, r.gradient) for r in runs] == [
        (seed, *setting) for seed in (3, 4) for setting in once
    ]
    assert all(len(r.loss) == 2 for r in runs)
    assert all(r.train_error * 8 % 100 == 0 for r in runs)
    assert all(r.test_error * 4 % 100 == 0 for r in runs)
    again = mixlu_training.train_all(given, make_model, data, data)
    for first, second in zip(runs, again, strict=True):
        np.testing.assert_allclose(first.loss, second.loss, rtol=1e-5)
    assert runs[0].loss != runs[3].loss


def test_run_that_is_no_number_ends_early_and_counts_as_diverged(tmp_path):
    given = options(fractions=[0], epochs=5, output=tmp_path)
    data = IMAGES, LABELS
    (lost,) = mixlu_training.train_all(
        given, lambda *_: dense_model(keras.layers.ReLU(), np.inf), data, data
    )
    assert lost.diverged
    assert len(lost.loss) == 1
    records.write_results(given, (r.record() for r in (lost, run())))
    text = (tmp_path / "results.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    first, second = json.loads(text)["runs"]
    assert (first["loss"], first["diverged"]) == ([None], True)
    assert (second["loss"], second["diverged"]) == ([1.0, 0.5], False)


def test_run_that_guesses_counts_as_diverged():
    assert run(errors=(88.7, 88.7)).diverged
    assert run(loss=math.nan).diverged
    assert not run(errors=(40.0, 95.0)).diverged


def test_table_has_means_of_what_did_not_diverge_beside_the_thesis():
    runs = [
        run(5, "exact", (1.0, 3.0)),
        run(0, errors=(0.5, 1.5)),
        run(5, "exact", (90.0, 90.0), seed=1),
        run(5, "exact", (2.0, 5.0), seed=2),
        run(7, "published", (90.5, 90.25)),
    ]
    table = mixlu_report.results_table(runs, THESIS)
    rows = [[cell.strip() for cell in r.split("|")[1:-1]] for r in table.splitlines()]
    assert rows[0][2:4] == ["training error %", "test error %"]
    assert rows[2:] == [
        ["0", "either", "0.500", "1.500", "1.000", "0 of 1", "3", "0.00", "0.92"],
        ["5", "exact", "1.500 ± 0.707", "4.000 ± 1.414", "2.500 ± 0.707", "1 of 3",
         "3", "0.48", "1.26"],
        ["7", "published", "90.500", "90.250", "-0.250", "1 of 1", "3", "-", "-"],
    ]  # fmt: skip


def test_table_of_accuracies():
    thesis = mixlu_training.Thesis("accuracy", {0: (88.64, 79.81)})
    table = mixlu_report.results_table([run(errors=(10.0, 20.5))], thesis)
    assert "test accuracy %" in table
    for figure in ("90.000", "79.500", "10.500", "88.64", "79.81"):
        assert f" {figure} " in table


@pytest.mark.parametrize(
    ("slope", "change"), [(-0.2, "narrows"), (0.2, "widens"), (0.0, "does not change")]
)
def test_verdict_on_the_gap_follows_its_slope(slope, change):

    def runs_with(noise):
        """Gaps on a line and beside it: the slope's error is .1225 noise."""
        return [
            run(f, "exact" if f else "either", (1 + f, 3 + f + slope * f + n))
            for f in (0, 5, 10)
            for n in (noise, -noise)
        ]

    # A slope of 4 and 2.5 times its error; the two runs more have no say.
    runs = [
        *runs_with(0.4),
        run(10, "exact", (90.0, 190.0)),
        run(10, "published", (1.0, 50.0)),
    ]
    verdict = mixlu_report.gap_verdict(runs, "exact")
    assert f"the gap {change}" in verdict
    assert "over 6 runs" in verdict
    assert "training error +1.000 ± 0.000" in verdict
    unclear = mixlu_report.gap_verdict(runs_with(0.65), "exact")
    assert "does not change clearly" in unclear


def test_changes_are_those_that_the_thesis_derives():
    """Its table 7 at 1 and 4 percent, and runs by hand; test errors are drawn ones."""
    thesis = mixlu_training.Thesis(
        "error", {0: (0.0, 0.92), 1: (0.12, 0.95), 3: (0.34, 1.22), 4: (0.36, 1.14)}
    )
    runs = [
        run(0, errors=(0.0, 1.0)),
        run(1, "exact", (1.0, 1.0)),
        run(1, "exact", (2.0, 4.0), seed=1),
        run(1, "published", (50.0, 60.0)),
        run(2, "exact", (1.5, 3.0)),
        run(4, "exact", (3.5, 2.0)),
    ]
    table = mixlu_report.change_table(runs, "exact", thesis)
    rows = [[cell.strip() for cell in r.split("|")[1:-1]] for r in table.splitlines()]
    assert rows[2:] == [
        ["0", "1.25", "0.00", "0.00", "-", "0.92", "0.00", "0.00", "-"],
        ["1", "1.25", "1.50", "1.50", "1.00", "0.83", "0.03", "0.12", "0.25"],
        ["2", "1.75", "0.50", "0.00", "-", "-", "-", "-", "-"],
        ["4", "-1.25", "-1.00", "2.00", "-0.50", "0.78", "-0.08", "0.02", "-4.00"],
    ]


def test_course_has_every_share_by_epoch_with_elements_drawn(tmp_path, figures_of):
    ended = run(2, "exact")
    ended.drawn_test_errors, ended.training_errors = [90.0], [91.0]
    runs = [run(0, errors=(1.0, 2.0)), run(0, errors=(1.0, 3.0), seed=1), ended]
    table = mixlu_report.course_table(runs, "exact")
    rows = [[cell.strip() for cell in r.split("|")[1:-1]] for r in table.splitlines()]
    assert rows[0] == ["epoch", "0% NegLU", "2% NegLU"]
    assert rows[2:] == [["1", "7.00", "90.00"], ["2", "3.00", "-"]]
    drawn = figures_of(mixlu_report)
    mixlu_report.plot_course(runs, tmp_path / "course.png", "title")
    none, some = drawn[0].axes
    assert [axes.get_title() for axes in (none, some)] == [
        "0% NegLU", "2% NegLU, exact gradient",
    ]  # fmt: skip
    assert [list(line.get_ydata()) for line in none.lines] == [
        [9.0, 1.25], [7.0, 2.5], [9.0, 1.25], [7.0, 3.5],
    ]  # fmt: skip
    assert [list(line.get_ydata()) for line in some.lines] == [[91.0], [90.0]]


def test_slope_and_its_error_are_those_of_least_squares():
    x, y = np.array([0.0, 1, 2, 3, 5]), np.array([0.0, 2, 1, 4, 4])
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)
    np.testing.assert_allclose(
        mixlu_report.slope_with_error(x, y),
        (coefficients[0], np.sqrt(covariance[0, 0])),
    )


def test_verdict_needs_six_runs_at_two_shares():
    few = [run(f, "exact") for f in (1, 2, 3, 4, 5)]
    assert "too few runs" in mixlu_report.gap_verdict(few, "exact")
    one_share = [run(1, "exact")] * 6
    assert "too few runs" in mixlu_report.gap_verdict(one_share, "exact")


@pytest.mark.parametrize(
    ("exact", "published", "verdict"),
    [
        (1.0, 90.0, "it is the published gradient's fault"),
        (90.0, 90.0, "not the published gradient's fault alone"),
        (1.0, 1.0, "none to explain"),
        (90.0, 1.0, "it is the exact gradient"),
        (1.0, None, "cannot tell"),
    ],
)
def test_verdict_on_divergence_at_the_largest_share(exact, published, verdict):
    runs = [run(0), run(5, "published", (90.0, 90.0)), run(10, "exact", (exact, 2.0))]
    if published is not None:
        runs.append(run(10, "published", (published, 2.0)))
    assert verdict in mixlu_report.divergence_verdict(runs)


def test_picture_has_a_panel_for_each_gradient(tmp_path, figures_of):
    drawn = figures_of(mixlu_report)
    runs = [
        run(0, errors=(1.0, 2.0)),
        run(0, errors=(2.0, 4.0), seed=1),
        run(5, "exact", (3.0, 4.0)),
        run(5, "published", (90.0, 90.0)),
    ]
    mixlu_report.plot_errors(runs, tmp_path / "e.png", THESIS, "title")
    exact, published = drawn[0].axes
    assert exact.get_title() == "gradient: exact"
    lines = {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()))
        for line in exact.lines
    }
    assert lines["train, here"] == ([0, 5], [1.5, 3.0])
    assert lines["test, here"] == ([0, 5], [3.0, 4.0])
    assert lines["test, thesis"] == ([0, 5], [0.92, 1.26])
    assert lines["diverged, thesis (off the scale)"][0] == [10]
    # Above the panel, where it is no figure.
    assert min(lines["diverged, thesis (off the scale)"][1]) > 1
    assert "diverged, here (off the scale)" not in lines
    lines = {line.get_label(): list(line.get_xdata()) for line in published.lines}
    assert lines["train, here"] == [0]
    assert lines["diverged, here (off the scale)"] == [5]
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")


def test_defaults_come_from_the_preset():
    parser = mixlu_training.option_parser("", "name")
    presets = {"quick": {"fractions": [0, 5], "scope": "elements"}, "paper": {}}
    given = command_line.parse(parser, presets, ["--fractions", "0", "2.5"])
    assert (given.fractions, given.scope) == ([0, 2.5], "elements")
