"""Tables and picture, from results that are made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

from benchmarks import report, steps, table

SIZES = {"batch": 100, "time": 784, "features": 1, "units": 128}


def peer(seconds: float, **more: Any) -> dict[str, Any]:
    return {
        "count": 7,
        "median_s": seconds,
        "minimum_s": 0.9 * seconds,
        "interquartile_s": 0.05 * seconds,
        "compile_s": 1.5,
        "first_call_s": 0.5,
        **more,
    }


def ratio(value: float) -> dict[str, float]:
    return {"of_medians": value, "by_round": value + 0.01}


def growth(axis: str, values: list[int]) -> dict[str, Any]:
    seconds = [1e-3 * value for value in values]
    peers = {n: {"seconds": seconds, "exponent": 1.0} for n in ("layer", "rnn")}
    return {"cell": "BRC", "axis": axis, **SIZES, "values": values, "peers": peers}


@pytest.fixture
def results() -> dict[str, Any]:
    train = {
        "cell": "BRC",
        "step": "train",
        **SIZES,
        "peers": {
            "layer": peer(0.125, path="adjoint", bound_s=0.05, distance=2.5),
            "rnn": peer(0.5),
            "keras.GRU": peer(12.0, count=2),
            "torch.GRU": peer(0.375, bound_s=0.25, distance=1.5),
        },
        "ratios": {
            "rnn": ratio(4.0),
            "keras.GRU": ratio(96.0),
            "torch.GRU": ratio(3.0),
        },
    }
    memory = [
        {"cell": "BRC", "peer": name, **SIZES, "time": time, "is_bound": False}
        | {"bytes": time * factor * 10**6}
        for name, factor in (("layer", 1), ("rnn", 5))
        for time in (196, 784)
    ]
    stream = {
        "cell": "BRC",
        **SIZES,
        "batch": 1,
        "peers": {
            "layer": peer(1.5e-3),
            "cell": peer(0.25e-3),
            "torch.GRUCell": peer(0.03e-3),
        },
        "ratios": {"cell": ratio(1 / 6), "torch.GRUCell": ratio(0.02)},
    }
    return {
        "environment": {"device": "CPU", "backend": "torch"},
        "speed": [{**train, "step": "forward"}, train],
        "streaming": [stream],
        "memory": memory,
        "scaling": [growth("time", [98, 784]), growth("units", [32, 512])],
    }


def test_write_gives_numbers_and_table(results: dict[str, Any], tmp_path: Path) -> None:
    report.write(tmp_path / "new", results)
    text = (tmp_path / "new/results.json").read_text(encoding="utf-8")
    assert json.loads(text) == results
    lines = (tmp_path / "new/table.md").read_text(encoding="utf-8").splitlines()
    assert (
        "| BRC | train | 784 | 1 | rnn |  | 500.00 | 450.00 | 25.00 | 7 | 1.50 "
        "| 0.50 | 4.00 | 4.01 |  |  |"
    ) in lines
    assert any("| layer | adjoint | 125.00 |" in line for line in lines)
    assert any(line.endswith("| 3.00 | 3.01 | 250.00 | 1.5 |") for line in lines)
    assert "| BRC | 1 | cell | 0.2500 | 0.2250 | 0.0125 | 7 | 0.17 |" in lines
    assert any("| keras.GRU |  | 12000.00 |" in line for line in lines)
    assert "| BRC | rnn |  | 784 | 1 | 3920 |" in lines
    assert "| BRC | layer | time | 98, 784 | 98.0, 784.0 | 1.00 |" in lines


def test_picture_has_a_line_for_each_peer_in_three_panels(
    results: dict[str, Any], tmp_path: Path
) -> None:
    figure = report.draw(results)
    time, memory, units = figure.axes
    assert [len(axes.lines) for axes in figure.axes] == [2, 2, 2]
    assert list(time.lines[0].get_xdata()) == [98, 784]
    assert list(memory.lines[1].get_ydata()) == [980.0, 3920.0]
    assert list(units.lines[0].get_ydata()) == [32.0, 512.0]
    figure.savefig(tmp_path / "time.png")


def test_picture_of_a_part_leaves_panels_empty(
    results: dict[str, Any], tmp_path: Path
) -> None:
    figure = report.draw({**results, "scaling": []})
    assert [len(axes.lines) for axes in figure.axes] == [0, 2, 0]
    figure.savefig(tmp_path / "time.png")


def test_readme_tables(
    results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Input sizes side by side, the fastest library layer, and memory."""
    wide = {**results["speed"][1], "features": 128, "ratios": {"torch.GRU": ratio(0.9)}}
    results["speed"].append(wide)
    other = {
        **results,
        "environment": {"device": "GPU", "backend": "tensorflow", "compiled": True},
    }
    for name, content in (("a", results), ("b", other)):
        report.write(tmp_path / name, content)
    table.main([str(tmp_path / name / "results.json") for name in "ab"])
    lines = capsys.readouterr().out.splitlines()
    same = (
        "`BRC` | 1 / 128 | adjoint | 4.0 /  | 3.0 / 0.9 `torch.nn.GRU` | 2.5 / 2.5 "
        "| 1.5 / 1.5 |"
    )
    assert f"| PyTorch | {same}" in lines
    assert f"| TensorFlow, GPU, XLA | {same}" in lines
    assert "| PyTorch | `BRC` | 784 | 784 | 3920 |" in lines
    streams = "| PyTorch | `BRC` | 1 | 1.500 | 0.250 | 0.030 `torch.GRUCell` |"
    assert streams in lines
    table.main([str(tmp_path / "a/results.json"), "--step", "forward"])
    lines = capsys.readouterr().out.splitlines()
    same = "| PyTorch | `BRC` | 1 | adjoint | 4.0 | 3.0 `torch.nn.GRU` | 2.5 | 1.5 |"
    assert same in lines


@pytest.mark.parametrize("content", [None, "{}", "no JSON"])
def test_what_are_no_results_is_said(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"results\.json .*python -m benchmarks"):
        table.main([str(path)])


def test_environment_names_versions_and_no_host() -> None:
    about = report.environment(steps.backend())
    assert about["backend"] == keras.backend.backend()
    assert about["keras"] == keras.__version__
    assert about["cores"] >= 1
    assert len(about["load_before"]) == 3
    text = json.dumps(about)
    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text
