"""The copy-first-input benchmark: its samples, and a tiny run of the script."""

import json

import numpy as np
import pytest

from examples.bistability import cell_comparison, copy_first_input


def test_target_is_the_first_input():
    sequences, targets = copy_first_input.make_samples(
        4000, 7, np.random.default_rng(0)
    )
    assert sequences.shape == (4000, 7, 1)
    assert sequences.dtype == targets.dtype == np.float32
    np.testing.assert_array_equal(targets[:, 0], sequences[:, 0, 0])
    np.testing.assert_allclose(sequences.mean((0, 2)), 0, atol=0.06)
    np.testing.assert_allclose(sequences.std((0, 2)), 1, atol=0.06)


def test_paper_preset_has_the_numbers_of_the_paper():
    assert copy_first_input.PRESETS["paper"] == {
        "units": 128,
        "layers": 2,
        "learning_rates": [1e-3],
        "batch_size": 100,
        "epochs": 50,
        "seeds": [0, 1, 2],
        "cells": ["brc", "nbrc", "goru", "lstm", "gru", "lmu"],
        "recurrent_start": "glorot_uniform",
        "skip_non_finite": True,
        "time_steps": [5, 50, 300, 600],
        "samples": 40_000,
        "test_samples": 50_000,
    }


def test_quick_preset_gives_every_cell_the_same_rate():
    assert copy_first_input.PRESETS["quick"]["learning_rates"] == [5e-3]


@pytest.mark.parametrize(
    ("time_steps", "nearest"),
    [pytest.param(5, 5, marks=pytest.mark.every_backend), (40, 50)],
)
def test_run_prints_a_table_and_writes_results_and_picture(
    time_steps, nearest, tiny, tmp_path, capsys
):
    runs = copy_first_input.main(
        [*tiny, "--time-steps", str(time_steps), "--cells", "nbrc", "gru",
         "--output", str(tmp_path)]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert f"paper (T = {nearest})" in printed
    assert ("no figure for this T" in printed) == (nearest != time_steps)
    assert ".000 ± .000" in printed if nearest == 5 else ".997 ± .005" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["time_steps"] == [time_steps]
    assert [run["cell"] for run in results["runs"]] == ["nbrc", "gru"]
    for record, run in zip(results["runs"], runs, strict=True):
        assert record["test_mse"] == run.test
        assert np.isfinite(record["test_mse"]).all()
        assert f"| {run.test[-1]:.3f} " in printed
    assert (tmp_path / "test_error.png").stat().st_size > 1000


def test_several_lengths_share_a_picture(tmp_path, figures_of):
    """A panel for each cell, a line for each T: the mean over seeds."""
    drawn = figures_of(copy_first_input)

    def run(cell, seed, test):
        return cell_comparison.Run(cell, 1e-3, seed, 1.0, [1.0], test, None)

    runs = {
        5: [run("brc", 0, [0.5, 0.25]), run("brc", 1, [0.75, 0.5]),
            run("gru", 0, [0.5, 0.0])],
        50: [run("brc", 0, [1.0, 0.75]), run("gru", 0, [1.0, 1.0])],
    }  # fmt: skip
    copy_first_input.plot_lengths(runs, tmp_path / "lengths.png")
    brc, gru = drawn[0].axes
    lines = {line.get_label(): list(line.get_ydata()) for line in brc.lines[:2]}
    assert lines == {"T = 5": [0.625, 0.375], "T = 50": [1.0, 0.75]}
    assert [axes.get_title() for axes in (brc, gru)] == ["BRC", "GRU"]
    assert list(gru.lines[0].get_ydata()) == [0.5, 0.0]
    assert (tmp_path / "lengths.png").stat().st_size > 1000
