"""What the examples on cells share: presets, optimizer, results, pictures."""

import argparse
import json

import keras
import numpy as np
import pytest

from examples.bistability import cell_comparison
from examples.shared import command_line, records


def run(cell="nbrc", rate=1e-3, seed=0, test=(0.5, 0.25), seconds=2.0):
    return cell_comparison.Run(cell, rate, seed, seconds, [0.75, 0.5], list(test), None)


def parser():
    return cell_comparison.option_parser("what it shows", "name")


PRESETS = {"quick": {"epochs": 2, "units": 8}, "paper": {"epochs": 50, "units": 128}}


def test_options_come_from_the_preset_unless_given():
    options = command_line.parse(
        parser(), PRESETS, ["--preset", "paper", "--units", "16"]
    )
    assert (options.epochs, options.units) == (50, 16)
    options = command_line.parse(parser(), PRESETS, [])
    assert (options.epochs, options.units) == (2, 8)


def test_options_refuse_a_number_below_one(capsys):
    with pytest.raises(SystemExit):
        command_line.parse(parser(), PRESETS, ["--epochs", "0"])
    assert "must be at least 1, received 0" in capsys.readouterr().err


@pytest.mark.parametrize("cell", cell_comparison.CELLS)
def test_stack_has_equal_layers_of_the_cell(cell):
    inputs = keras.Input((5, 3))
    options = argparse.Namespace(units=4, layers=3, recurrent_start="orthogonal")
    model = keras.Model(inputs, cell_comparison.recurrent_stack(inputs, options, cell))
    layers = [layer for layer in model.layers if layer.name.startswith("layer_")]
    assert [layer.name for layer in layers] == ["layer_1", "layer_2", "layer_3"]
    made = cell_comparison.CELLS[cell][1](4)
    assert {type(layer) for layer in layers} == {type(made)}
    assert model.output_shape == (None, 4)
    sequences = cell_comparison.recurrent_stack(
        inputs, options, cell, return_sequences=True
    )
    assert sequences.shape == (None, 5, 4)


@pytest.mark.parametrize("start", ["orthogonal", "glorot_uniform"])
def test_recurrent_start_is_that_of_nbrc(start):
    options = argparse.Namespace(units=4, layers=2, recurrent_start=start)
    inputs = keras.Input((5, 3))
    cell_comparison.recurrent_stack(inputs, options, "brc")
    model = keras.Model(
        inputs, cell_comparison.recurrent_stack(inputs, options, "nbrc")
    )
    recurrent = model.get_layer("layer_2").cell.recurrent_kernel
    block = keras.ops.convert_to_numpy(recurrent)[:, :4]
    distance = np.abs(block @ block.T - np.eye(4)).max()
    assert (distance < 1e-5) == (start == "orthogonal")


def fitted_weight(skip_non_finite, values):
    """The weight of y = w x after one epoch, one update for each value of x."""
    inputs = keras.Input((1,))
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(cell_comparison.adam(0.1, skip_non_finite), "mean_squared_error")
    x = np.array(values, "float32")[:, None]
    model.fit(x, np.zeros_like(x), batch_size=1, shuffle=False, verbose=0)
    return float(keras.ops.convert_to_numpy(model.trainable_variables[0])[0, 0])


def test_update_with_gradients_that_are_not_finite_is_skipped():
    skipped = fitted_weight(True, [1.0, np.nan, 2.0])
    assert skipped == pytest.approx(fitted_weight(False, [1.0, 2.0]), abs=1e-6)
    assert skipped < 0.9
    assert np.isnan(fitted_weight(False, [1.0, np.nan, 2.0]))


def test_runs_cover_cells_rates_and_seeds_and_repeat_by_seed(tiny):
    given = ["--cells", "gru", "brc", "--learning-rates", "0.1", "0.01"]
    options = command_line.parse(
        parser(), {"quick": {}}, [*tiny, *given, "--seeds", "3", "3"]
    )
    data = np.ones((12, 1), "float32"), np.ones((12, 1), "float32")

    def make_model(cell):
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    runs = cell_comparison.train_all(options, lambda seed: (data, data), make_model)
    settings = [(run.seed, run.cell, run.learning_rate) for run in runs]
    once = [(3, "gru", 0.1), (3, "gru", 0.01), (3, "brc", 0.1), (3, "brc", 0.01)]
    assert settings == once + once
    assert all(len(run.test) == len(run.train_loss) == 2 for run in runs)
    for first, second in zip(runs[:4], runs[4:], strict=True):
        np.testing.assert_allclose(first.test, second.test, rtol=1e-5)
    assert runs[0].test != runs[1].test


def test_table_shows_the_last_epoch_with_mean_and_spread_over_seeds():
    runs = [
        run("nbrc", test=(9.0, 0.2), seconds=2),
        run("nbrc", seed=1, test=(9.0, 0.4), seconds=4),
        run("gru", test=(9.0, 0.95)),
        run("gru", rate=1e-2, test=(9.0, 0.5)),
    ]
    table = cell_comparison.results_table(
        runs, "test MSE", "paper (T = 5)", {"nbrc": ".002"}
    )
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()
    ]
    assert cells[0] == [
        "cell", "learning rate", "test MSE", "train loss", "seconds", "paper (T = 5)",
    ]  # fmt: skip
    assert cells[2:] == [
        ["nBRC", "0.001", "0.300 ± 0.141", "0.500 ± 0.000", "3", ".002"],
        ["GRU", "0.001", "0.950", "0.500", "2", "-"],
        ["GRU", "0.01", "0.500", "0.500", "2", "-"],
    ]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_results_hold_settings_environment_and_runs_but_no_folder(tmp_path):
    options = command_line.parse(parser(), PRESETS, ["--output", str(tmp_path / "new")])
    records.write_results(options, [run(test=(0.5, 0.25)).record()])
    text = (tmp_path / "new" / "results.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    results = json.loads(text)
    assert results["settings"]["units"] == 8
    assert results["environment"]["backend"] == keras.backend.backend()
    assert results["environment"]["keras"] == keras.__version__
    assert results["environment"]["backend_version"][0].isdigit()
    assert results["runs"] == [
        {
            "cell": "nbrc",
            "learning_rate": 1e-3,
            "seed": 0,
            "seconds": 2.0,
            "train_loss": [0.75, 0.5],
            "test_mse": [0.5, 0.25],
        }
    ]


def test_picture_has_a_line_for_each_cell_and_rate(tmp_path, figures_of):
    drawn = figures_of(cell_comparison)
    runs = [
        run("nbrc", test=(0.5, 0.25)),
        run("nbrc", seed=1, test=(0.75, 0.5)),
        run("gru", rate=1e-2, test=(1.0, 1.0)),
    ]
    cell_comparison.plot_errors(
        runs, tmp_path / "e.png", "title", "error", chance=("guess", 1.0)
    )
    (axes,) = drawn[0].axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines == {
        "nBRC, rate 0.001": [0.625, 0.375],
        "GRU, rate 0.01": [1.0, 1.0],
        "guess": [1.0, 1.0],
    }
    assert axes.get_yscale() == "log"
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")


def test_comparison_cells_have_the_sizes_of_the_paper():
    """The counts of the published networks on one input and with one output."""
    options = argparse.Namespace(**cell_comparison.PAPER_PRESET)
    counts = {}
    for cell in ("goru", "lmu"):
        inputs = keras.Input((5, 1))
        last = cell_comparison.recurrent_stack(inputs, options, cell)
        model = keras.Model(inputs, keras.layers.Dense(1)(last))
        counts[cell] = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert counts == {"goru": 116_865, "lmu": 115_842}
