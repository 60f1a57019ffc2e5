"""The denoising benchmark: its samples, and a tiny run of the script."""

import json

import numpy as np
import pytest

from examples.bistability import denoising
from keras_modact.bistability import trace_gates


@pytest.mark.parametrize(
    ("flags", "steps", "trigger", "flag_at_end", "flag_elsewhere"),
    [
        ("paper", 20, 15, [0, -1, -1, -1, -1], -1),
        ("published", 24, 19, [-1, 0, 0, 0, 0], 0),
    ],
)
def test_samples(flags, steps, trigger, flag_at_end, flag_elsewhere):
    time_steps, free_steps = 20, 12
    sequences, targets = denoising.make_samples(
        3000, time_steps, free_steps, np.random.default_rng(0), flags
    )
    assert sequences.shape == (3000, steps, 2)
    assert targets.shape == (3000, 5)
    assert sequences.dtype == targets.dtype == np.float32
    flag, data = sequences[..., 0], sequences[..., 1]
    marked = flag == 1
    # Five distinct marks, all among the first T - N steps, each as likely.
    assert (marked.sum(axis=1) == 5).all()
    assert not marked[:, time_steps - free_steps :].any()
    np.testing.assert_allclose(marked[:, :8].mean(axis=0), 5 / 8, atol=0.05)
    # Boolean indexing reads row by row and in order of time.
    np.testing.assert_array_equal(targets, data[marked].reshape(-1, 5))
    assert (flag[:, :trigger][~marked[:, :trigger]] == flag_elsewhere).all()
    assert (flag[:, trigger:] == flag_at_end).all()
    assert (data[:, trigger:] == 0).all()
    assert (data[:, :trigger] != 0).all()
    np.testing.assert_allclose(data[:, :trigger].std(axis=0), 1, atol=0.06)


def test_least_free_steps_leave_every_step_before_the_trigger_a_candidate():
    sequences, _ = denoising.make_samples(500, 10, 5, np.random.default_rng(0))
    assert (sequences[:, :5, 0] == 1).all()


def test_paper_preset_has_the_numbers_of_the_paper():
    paper = denoising.PRESETS["paper"]
    sizes = ("time_steps", "free_steps", "samples", "test_samples", "units", "epochs")
    assert [paper[name] for name in sizes] == [400, 200, 40_000, 50_000, 128, 50]


def test_marks_come_before_the_answer_where_no_step_is_free():
    """The paper's fig. 4 has N = 0."""
    sequences, targets = denoising.make_samples(500, 12, 0, np.random.default_rng(0))
    marked = sequences[..., 0] == 1
    np.testing.assert_array_equal(marked.any(axis=0), np.arange(12) < 7)
    np.testing.assert_array_equal(targets, sequences[..., 1][marked].reshape(-1, 5))
    options = denoising.parse(["--preset", "figure-4"])
    chosen = (options.layers, options.units, options.free_steps, options.cells)
    assert chosen == (4, 100, 0, ["nbrc"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--time-steps 20 --free-steps 16", "between 0 and T - 5 = 15, received 16"),
        ("--time-steps 20 --free-steps -1", "at least 0, received -1"),
        ("--time-steps 9 --free-steps 0", "at least 10, so that 5 marks"),
    ],
)
def test_sizes_out_of_range_are_refused(given, told, tiny, tmp_path, capsys):
    options = [*given.split(), "--output"]
    with pytest.raises(SystemExit):
        denoising.main([*tiny, *options, str(tmp_path)])
    error = capsys.readouterr().err
    assert told in error


def test_run_prints_a_table_and_draws_errors_and_gates(tiny, tmp_path, capsys):
    options = "--time-steps 12 --free-steps 6 --cells brc gru --flags published"
    (brc, gru) = denoising.main([*tiny, *options.split(), "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "paper (T = 400, N = 200)" in printed
    assert "no figure for this T and N" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["settings"]["flags"] == "published"
    assert [run["test_mse"] for run in results["runs"]] == [brc.test, gru.test]
    assert brc.model.output_shape == (None, 5)
    # 12 steps and 4 more; what is kept of the gates is that of the trained model.
    parsed = denoising.parse([*tiny, *options.split()])
    generator = np.random.default_rng((parsed.seeds[0], 1))
    sample, _ = denoising.draw(parsed, 1, generator)
    below = trace_gates(brc.model.get_layer("layer_1"), sample)
    above = trace_gates(brc.model.get_layer("layer_2"), below.states)
    kept = results["runs"][0]
    assert kept["marked_steps"] == np.flatnonzero(sample[0, :, 0] == 1).tolist()
    for name in ("bistable_share", "mean_update"):
        layers = [getattr(below, name), getattr(above, name)]
        assert np.shape(kept[name]) == (2, 16)
        np.testing.assert_allclose(kept[name], layers, atol=1e-4)
    assert "mean_update" not in results["runs"][1]
    pictures = {path.name for path in tmp_path.glob("*.png")}
    assert pictures == {"test_error.png", "gates_brc.png"}
