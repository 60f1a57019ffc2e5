"""The example of the warm-up: a tiny run of every start."""

import json

import pytest

from examples.bistability import warm_up


@pytest.mark.every_backend
def test_run_of_every_start(tiny, tmp_path, capsys):
    options = "--time-steps 5 --warm-steps 2 --hold 3 --settle-steps 20"
    runs = warm_up.main(
        [*tiny, *options.split(), "--starts", "plain", "warm", "double",
         "--cells", "gru", "--output", str(tmp_path)]
    )  # fmt: skip
    plain, warm, double = (run.model for run in runs)
    # The same start but for the warm-up, and two halves.
    assert [layer.name for layer in plain.layers[1:3]] == [
        "layer_1_warm",
        "layer_2_warm",
    ]
    assert double.get_layer("layer_2_plain").units == 2
    assert warm.count_params() == plain.count_params() > double.count_params()
    printed = capsys.readouterr().out
    assert printed.count("Attractors of 12:") == 2
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [run["start"] for run in results["runs"]] == ["plain", "warm", "double"]
    for run in results["runs"]:
        assert f"{run['test_mse'][-1]:.2g}" in printed
    for picture in ("test_error.png", "attractors.png"):
        assert (tmp_path / picture).stat().st_size > 5_000
