"""The whole command on a tiny grid, and a wrong layer, which it must refuse."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from benchmarks import __main__, peers, speed, steps

ROOT = Path(__file__).parents[2]
# What differs by backend are the peers and the steps, which have tests of their own.
on_torch = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the same on each backend"
)


class Wrong(keras_modact.BRC):
    """A layer with the sign of its output flipped."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return -super().call(*args, **kwargs)


@on_torch
def test_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(tmp_path)]
    child = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert "right: BRC" in child.stdout
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))

    about = results["environment"]
    assert about["backend"] == keras.backend.backend()
    assert {"device", "cpu", "cores", "threads", "precision", "date"} <= about.keys()
    assert {"load_before", "load_after", "settings"} <= about.keys()
    assert results["failed"] == []
    assert results["options"]["rounds"] == 2
    assert str(tmp_path) not in json.dumps(results)

    checked = results["correctness"]
    assert {r["setting"] for r in checked} == {"contracting", "bistable"}
    for record in checked:
        assert record["passed"]
        assert record["path"] != "auto"
        assert set(record["quantities"]) == {
            "outputs",
            "gradient by inputs",
            "gradient by initial state 0",
            "gradient by kernel",
            "gradient by recurrent_kernel",
            "gradient by bias",
        }

    assert [r["step"] for r in results["speed"]] == ["forward", "train"]
    paths = {r["path"] for r in checked}
    for record in results["speed"]:
        assert list(record["peers"]) == ["layer", "rnn"]
        assert record["peers"]["layer"]["path"] in paths
        for peer in record["peers"].values():
            assert peer["count"] == 2
            assert 0 < peer["minimum_s"] <= peer["median_s"]
            assert peer["first_call_s"] > 0
        medians = [record["peers"][name]["median_s"] for name in ("rnn", "layer")]
        of_medians = record["ratios"]["rnn"]["of_medians"]
        assert of_medians == pytest.approx(medians[0] / medians[1])
        peer = record["peers"]["layer"]
        assert peer["distance"] * peer["bound_s"] == pytest.approx(peer["median_s"])
        assert peer["distance"] > 1

    (stream,) = results["streaming"]
    assert stream["batch"] == 1
    assert list(stream["peers"])[:3] == ["layer", "cell", "keras.GRU"]
    assert all(0 < peer["minimum_s"] < 1 for peer in stream["peers"].values())
    assert [r["peer"] for r in results["memory"]] == ["layer", "rnn"]
    assert all(record["bytes"] >= 0 for record in results["memory"])
    assert [r["axis"] for r in results["scaling"]] == ["time", "batch", "units"]
    assert "| BRC | train |" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "time.png").stat().st_size > 1000


@on_torch
def test_wrong_layer_is_refused_and_not_timed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    wrong = dataclasses.replace(peers.CELLS["BRC"], layer=Wrong)
    # The float64 reference comes from a child process, which has the true layer.
    monkeypatch.setitem(peers.CELLS, "BRC", wrong)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert __main__.main(["--quick", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "FAILED: BRC" in printed
    assert "FAILED, and not timed: BRC" in printed
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["failed"] == ["BRC"]
    assert results["speed"] == results["streaming"] == results["memory"] == []
    quantities = results["correctness"][0]["quantities"]
    assert quantities["outputs"]["error"] == pytest.approx(2.0, abs=1e-5)


def test_training_step_moves_all_weights_down_the_gradient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The loss of the second step is that at the weights w - rate * gradient."""
    monkeypatch.setattr(steps, "RATE", 0.5)
    draw = np.random.default_rng(0).normal
    inputs, targets = (draw(size=(4, 6, n)).astype("float32") for n in (2, 3))
    backend = steps.backend()
    layer = peers.build(backend, "BRC", "rnn", 3, 2)
    weights = layer.get_weights()

    def outputs_and_gradients(upstream: np.ndarray) -> list[np.ndarray]:
        arrays = (inputs, np.zeros((4, 3), "float32"), upstream)
        inputs_, state, upstream = map(keras.ops.convert_to_tensor, arrays)
        return backend.gradients(layer)(inputs_, [state], upstream)

    outputs = outputs_and_gradients(np.zeros_like(targets))[0]
    upstream = 2 * (outputs - targets) / outputs.size
    gradients = outputs_and_gradients(upstream)[3:]
    layer.set_weights([w - 0.5 * g for w, g in zip(weights, gradients, strict=True)])
    moved = outputs_and_gradients(upstream)[0]
    layer.set_weights(weights)
    tensors = map(keras.ops.convert_to_tensor, (inputs, targets))
    run = backend.train_step(layer, *tensors)
    expected = [np.mean((found - targets) ** 2) for found in (outputs, moved)]
    assert expected[1] < expected[0] - 0.01
    assert [run(), run()] == pytest.approx(expected, rel=1e-5)


def test_unknown_peer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no peer 'keras\.GUR'.*Allowed are"):
        peers.build(steps.backend(), "BRC", "keras.GUR", 3, 2)


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        ("keras.GUR", r"no peer 'keras\.GUR'"),
        ("layer/quick", "'adjoint'.*acceleration='quick'"),
        ("torch.GUR", "no recurrent layer"),
    ],
)
def test_the_command_refuses_an_unknown_peer(
    peer: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is measured."""
    with pytest.raises(SystemExit) as exit_:
        __main__.main(["--cells", "BRC", "--peers", "rnn", peer])
    assert exit_.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(rf"error: argument --peers {peer}: .*{reason}", printed.err)


def test_options_refuse_an_axis_of_one_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        __main__.parse(["--scale-time", "8", "8"])
    assert "--scale-time needs two sizes or more" in capsys.readouterr().err


@pytest.mark.parametrize("cell", peers.CELLS)
def test_every_peer_of_a_cell_trains(cell: str) -> None:
    backend = steps.backend()
    names = peers.names(backend, cell)
    assert names[:2] == ["layer", "rnn"]
    on_torch = keras.backend.backend() == "torch"
    assert any(name.startswith("torch.") for name in names) == on_torch
    sizes = peers.Sizes(batch=2, time=3, features=1, units=4)
    for name in names:
        layer = peers.build(backend, cell, name, sizes.units, sizes.features)
        run, taken = speed.ready(backend, layer, "train", speed.data(sizes))
        assert run() < taken["loss"] + 1e-6
        assert taken["first_call_s"] > 0
