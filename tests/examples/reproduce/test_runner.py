"""The runner: runs once each, whatever interrupts it; stale results; engines."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from examples.reproduce import engines, store
from examples.reproduce.__main__ import budget, handed_out, main
from examples.shared import records
from tests.examples.reproduce import experiment


@pytest.fixture
def traces(tmp_path, monkeypatch):
    """Where each start of a run leaves a file."""
    folder = tmp_path / "traces"
    folder.mkdir()
    monkeypatch.setenv("TRACES", str(folder))
    return folder


def starts(traces):
    """How often each run was begun."""
    counts = {}
    for path in traces.iterdir():
        name = path.name.rpartition("-")[0]
        counts[name] = counts.get(name, 0) + 1
    return counts


def files(results):
    return sorted(p.relative_to(results).as_posix() for p in results.rglob("*.*"))


ALL = [
    f"test/table-1/paper/{cell}/seed-{seed}.json" for cell in "ab" for seed in (0, 1)
]


def test_missing_runs_are_done_and_nothing_twice(traces, tmp_path, capsys):
    results = tmp_path / "results"
    table = experiment.table()
    given = ["--seeds", "1", "--results", str(results)]
    main([*given, "--budget", "0s"], [table])
    assert "longer than the budget has left" in capsys.readouterr().out
    assert files(results) == []
    assert main([*given, "--cells", "a"], [table]) == 0
    assert "budget" not in capsys.readouterr().out
    assert files(results) == ALL[:1]
    first = json.loads((results / ALL[0]).read_text(encoding="utf-8"))
    assert first["settings"] == {"cells": ["a"], "pause": 0.0, "seeds": [0]}
    assert first["curve"] == {"test_mse": [1.0, 0.25]}
    assert first["environment"]["keras"]
    assert "hostname" not in first["environment"]
    main(["--seeds", "2", "--results", str(results)], [table])
    assert files(results) == ALL
    assert starts(traces) == {"a-0": 1, "a-1": 1, "b-0": 1, "b-1": 1}
    main(["--seeds", "2", "--results", str(results)], [table])
    printed = capsys.readouterr().out
    assert "Nothing is missing." in printed
    assert "not for the runner's output" not in printed
    assert sum(starts(traces).values()) == 4


def test_killed_runner_goes_on_where_it_was(traces, tmp_path):
    """SIGKILL in the second run, b-0: one result is there, and the rest follows."""
    results = tmp_path / "results"
    script = (
        "from examples.reproduce.__main__ import main\n"
        "from tests.examples.reproduce import experiment\n"
        f"main(['--seeds', '2', '--results', {str(results)!r}], [experiment.table()])\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "KILLED": "b-0"},
        stdout=subprocess.PIPE,
    )
    assert killed.returncode == -signal.SIGKILL
    assert files(results) == ALL[:1]
    before = (results / ALL[0]).stat().st_mtime_ns
    main(["--seeds", "2", "--results", str(results)], [experiment.table()])
    assert files(results) == ALL
    assert (results / ALL[0]).stat().st_mtime_ns == before
    assert starts(traces) == {"a-0": 1, "b-0": 2, "a-1": 1, "b-1": 1}


def test_unfinished_file_is_no_result(tmp_path):
    """A write that is interrupted leaves nothing that counts."""
    path = tmp_path / "test" / "table-1" / "paper" / "a" / "seed-0.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write({"value": float("nan")}, path)
    assert list(path.parent.iterdir()) == []
    left = path.with_name(".0123.unfinished")
    left.write_text("{", encoding="utf-8")
    assert store.read(experiment.table(), "paper", tmp_path).current == []


def test_result_of_other_settings_is_stale(traces, tmp_path, capsys):
    results = tmp_path / "results"
    given = ["--seeds", "1", "--results", str(results)]
    main(given, [experiment.table()])
    changed = experiment.table(pause=0.001)
    found = store.read(changed, "paper", results)
    assert (len(found.current), len(found.stale)) == (0, 2)
    capsys.readouterr()
    main(["--list", *given], [changed])
    row = capsys.readouterr().out.splitlines()[-1].split("|")
    assert [cell.strip() for cell in row[4:6]] == ["0 / 2", "2"]
    main([*given, "--cells", "a"], [changed])
    found = store.read(changed, "paper", results)
    assert [result["cell"] for result in found.current] == ["a"]
    assert [result["cell"] for result in found.stale] == ["b"]
    assert starts(traces) == {"a-0": 2, "b-0": 1}


def test_cheapest_come_first_and_none_longer_than_the_time_left():
    cheap, dear = experiment.table().tasks("paper", 1)
    assert list(handed_out([(1.0, cheap), (9.0, dear)], None)) == [cheap, dear]
    assert list(handed_out([(1.0, cheap), (9.0, dear)], 5.0)) == [cheap]
    assert list(handed_out([(1.0, cheap)], 0.5)) == []
    assert [budget(text) for text in ("90s", "40m", "40", "1.5h")] == [
        90, 2400, 2400, 5400,
    ]  # fmt: skip


def test_cost_is_the_cell_s_own_then_the_table_s_then_a_guess(traces, tmp_path):
    table = experiment.table(minutes={"paper": 2})
    a, b = table.tasks("paper", 1)
    nothing = store.Results(table, "paper", [], [])
    assert store.expected_seconds(a, nothing) == (120, False)
    here = {"device": records.device_kind()}
    measured = [
        {"cell": "a", "seconds": seconds, "environment": environment}
        for seconds, environment in ((3.0, here), (5.0, here), (9.0, {"device": "GPU"}))
    ]
    some = store.Results(table, "paper", measured, [])
    assert store.expected_seconds(a, some) == (4, True)
    elsewhere = store.Results(table, "paper", measured[2:], [])
    assert store.expected_seconds(a, elsewhere) == (9, False)
    some = store.Results(table, "paper", measured[:2], [])
    assert store.expected_seconds(b, some) == (4, False)


def test_what_an_example_refuses_is_told_and_the_rest_is_done(
    traces, tmp_path, capsys, monkeypatch
):
    original = experiment.run

    def refuse(options):
        if options.cells == ["a"]:
            raise SystemExit("MNIST is missing")
        return original(options)

    monkeypatch.setattr(experiment, "run", refuse)
    given = ["--seeds", "1", "--results", str(tmp_path / "results")]
    assert main(given, [experiment.table()]) == 1
    assert "a/seed-0 cannot be run: MNIST is missing" in capsys.readouterr().out
    assert files(tmp_path / "results") == [ALL[2]]


def test_unknown_tables_are_refused():
    with pytest.raises(SystemExit, match="No table is called test/table-9"):
        main(["test/table-9"], [experiment.table()])


def test_joblib_runs_in_other_processes(traces, tmp_path):
    pytest.importorskip("joblib")
    given = ["--engine", "joblib", "--workers", "2", "--seeds", "2", "--results"]
    main([*given, str(tmp_path / "results")], [experiment.table(pause=0.1)])
    assert files(tmp_path / "results") == ALL
    assert set(starts(traces).values()) == {1}
    processes = {path.read_text(encoding="utf-8") for path in traces.iterdir()}
    assert str(os.getpid()) not in processes


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_runs_of_a_killed_worker_are_done_by_another(traces, tmp_path, monkeypatch):
    """Two workers, one of which is killed in the middle of a run."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("KILLED", "a-2")
    results = tmp_path / "results"
    table = experiment.table()
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None,
        local_directory=str(tmp_path),
    ) as cluster:  # fmt: skip
        given = ["--engine", "dask", "--scheduler", cluster.scheduler_address]
        main([*given, "--seeds", "4", "--results", str(results)], [table])
    found = store.read(table, "paper", results)
    names = {f"{cell}-{seed}": 1 for cell in "ab" for seed in range(4)}
    assert sorted(f"{r['cell']}-{r['seed']}" for r in found.current) == sorted(names)
    assert starts(traces) == {**names, "a-2": 2}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_with_several_threads_are_refused(tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        pytest.raises(SystemExit, match="--nthreads 1"),
    ):
        list(engines.with_dask([], cluster.scheduler_address))


def test_dask_needs_a_scheduler(capsys):
    with pytest.raises(SystemExit):
        main(["--engine", "dask"], [])
    assert "needs --scheduler" in capsys.readouterr().err


def test_results_lie_beside_the_examples():
    assert store.FOLDER.parent == pathlib.Path(engines.__file__).parents[1]
