"""Verdicts, by hand and by scipy; pages; the papers' tables as they are."""

import argparse
import json
import pathlib

import numpy as np
import pytest
from scipy import stats

import keras_modact
from examples.modulation import nodes
from examples.reproduce import figures, report, store, verdicts
from examples.reproduce.__main__ import main
from examples.reproduce.catalog import Table
from examples.reproduce.papers import CATALOG
from tests.examples.reproduce import experiment

VALUES = [0.5, 0.625, 0.75]


def test_figures_are_read_as_printed():
    assert verdicts.figure_of(".082 ± .027") == (0.082, 0.027)
    assert verdicts.figure_of("58.47") == (58.47, None)
    assert verdicts.digits_of("1.002 ± .009") == 3
    assert verdicts.digits_of("10") == 0


@pytest.mark.parametrize(
    ("values", "printed", "verdict"),
    [
        ([], ".5 ± .1", "not run"),
        ([0.5], ".5 ± .1", "one run"),
        ([0.5, None], ".5 ± .1", "1 of 2 diverged"),
        ([0.0001, 0.0002], ".000 ± .000", "agrees to the digits printed"),
        ([0.02, 0.02], ".010 ± .000", "higher; neither spreads"),
    ],
)
def test_verdict_in_words(values, printed, verdict):
    assert verdicts.beside_paper(values, printed, 3) == verdict


@pytest.mark.parametrize(("mean", "word"), [(0.61, "agrees"), (0.95, "lower")])
def test_verdict_is_welch_s_with_the_corrected_g(mean, word):
    p = stats.ttest_ind_from_stats(
        np.mean(VALUES), np.std(VALUES, ddof=1), 3, mean, 0.1, 3, equal_var=False
    ).pvalue
    pooled = np.sqrt((np.var(VALUES, ddof=1) + 0.1**2) / 2)
    # Gamma(2) / (sqrt(2) Gamma(1.5)), of four degrees of freedom.
    g = (np.mean(VALUES) - mean) / pooled / (np.sqrt(2) * 0.5 * np.sqrt(np.pi))
    found = verdicts.beside_paper(VALUES, f"{mean} ± .1", 3)
    assert found == f"{word}: p = {p:.2g}, g = {g:.2f}"


def test_without_a_deviation_the_interval_decides():
    low, high = stats.t.interval(0.95, 2, 0.625, 0.125 / np.sqrt(3))
    inside = verdicts.beside_paper(VALUES, ".70", None)
    assert inside == f"agrees: 95% interval {low:.2f} to {high:.2f}"
    assert verdicts.beside_paper(VALUES, ".10", None).startswith("higher: 95%")


def test_counts_agree_to_half_a_digit_or_not():
    assert verdicts.exactly([], "1.25") == "not run"
    assert verdicts.exactly([1.2549], "1.25") == "agrees to the digits printed"
    assert verdicts.exactly([1.256], "1.25") == "differs by +0.006"


def test_difference_of_cells_has_scipy_s_interval():
    other = [0.25, 0.5]
    test = stats.ttest_ind(VALUES, other, equal_var=False)
    low, high = test.confidence_interval(0.95)
    difference, interval, p, _ = verdicts.beside_each_other(VALUES, other, 3)
    assert difference == "+0.250"
    assert interval == f"{low:+.3f} to {high:+.3f}"
    assert p == f"{test.pvalue:.2g}"
    alone = verdicts.beside_each_other(VALUES, [0.25], 3)
    assert alone == ["+0.375", "one run", "-", "-"]


@pytest.mark.parametrize(
    ("numbers", "printed"),
    [
        ([12560.958, 26523.68], ["12,561", "26,524"]),
        ([119.997], ["120.0"]),
        ([0.312, 0.088], ["0.312", "0.088"]),
        ([0.0026, 0.0004], ["0.0026", "0.0004"]),
        ([0.0], ["0.000"]),
        ([float("nan"), 1.5], ["nan", "1.500"]),
    ],
)
def test_numbers_have_the_digits_that_count(numbers, printed):
    assert verdicts.in_print(3, *numbers) == printed


def test_table_leaves_out_what_says_nothing():
    def lines(*rows):
        return "\n".join(report.cell_table([list(row) for row in rows])).splitlines()

    none = ("a", "error", "-", "-", "0", "-", "-", "not run")
    lost = ("d", "error", ".5", "-", "0", "-", "-", "not run")
    run = ("b", "error", ".5", "0.4", "1", "3 s", "cpu", "one run")
    other = ("c", "error", ".5", "0.4", "1", "3 s", "gpu", "one run")
    assert lines(none)[2] == "| cell | measure |"
    assert lines(none, lost)[2:] == [
        *("| cell | measure | paper |", "| ---- | ------- | ----- |"),
        "| d    | error   | .5    |",
    ]
    assert lines(none, lost, run)[0] == "Every run on cpu:"
    assert "device" not in lines(none, lost, run)[2]
    assert len(lines(none, lost, run)) == 6
    assert "device" in lines(run, other)[0]


def test_page_has_every_cell_and_its_stale_runs_apart(tmp_path, monkeypatch):
    folder = tmp_path / "traces"
    folder.mkdir()
    monkeypatch.setenv("TRACES", str(folder))
    results = tmp_path / "results"
    table = experiment.table(cells="a b lost")
    figure = Table(
        "test/figure-1", "By epoch", curves=("test_mse",), source="test/table-1"
    )
    main(["--seeds", "2", "--results", str(results)], [table])
    stale = results / "test/table-1/paper/b/seed-1.json"
    changed = json.loads(stale.read_text(encoding="utf-8"))
    stale.write_text(
        json.dumps({**changed, "settings": {"pause": 9}}), encoding="utf-8"
    )
    report.write_pages([table, figure], results)
    page = (results / "test.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    by_cell = {row[0]: row for row in rows}
    # Seeds 0 and 1 have errors of .25 and .375, one of .5, and no numbers.
    assert by_cell["a"][3:5] == ["0.312 ± 0.088", "2"]
    assert by_cell["b"][3:5] == ["0.500", "1"]
    assert by_cell["b"][-1] == "one run"
    assert by_cell["lost"][3] == "no number"
    assert by_cell["lost"][-1] == "2 of 2 diverged"
    assert by_cell["a - b"][2:4] == ["-0.1875", "one run"]
    assert "Preset `paper`, half of the images:" in page
    assert "Stale, and in no number above: 1 run (preset `paper`; b)" in page
    assert "](test/figure-1-paper.png)" in page
    assert (results / "test" / "figure-1-paper.png").stat().st_size > 1000
    index = (results / "README.md").read_text(encoding="utf-8")
    assert "[test/table-1](test.md#testtable-1)" in index
    assert "paper: 3 of 3 cells, 5 runs; 1 stale (paper)" in index


def results_of(curves, **arguments):
    """Runs of two cells of a table with these curves."""
    table = experiment.table(**arguments)
    runs = [
        {"cell": cell, "seed": seed, "result": {"node": 3}, "curve": curve}
        for cell in "ab"
        for seed, curve in enumerate(curves)
    ]
    return table, store.Results(table, "paper", runs, [])


def test_a_page_says_once_what_was_not_run():
    table, results = results_of([{"test_mse": [0.5]}])
    of_a = [run for run in results.current if run["cell"] == "a"]
    for run in of_a:
        run |= {"seconds": 1.0, "environment": {"device": "cpu"}, "found": {}}
    every = [store.Results(table, preset, of_a, []) for preset in ("paper", "quick")]
    lines = [line for line in report.section(table, every) if line.startswith("| cell")]
    assert ["| b " in line for line in lines] == [True, False]
    assert all("| a " in line for line in lines)


def test_a_run_that_diverged_says_so_whatever_it_measured():
    table, results = results_of([{"test_mse": [0.3]}, {"test_mse": [0.2]}])
    for run in results.current:
        run |= {"seconds": 1.0, "environment": {"device": "cpu"}}
    flagged, unfinished = results.of("a")[0], results.of("b")[1]
    flagged["result"]["diverged"] = True
    unfinished["curve"] = {**unfinished["curve"], "loss": [0.7, None]}
    of_a, of_b = report.cell_rows(table, results)
    assert (of_a[3], of_a[-1]) == ("0.250 ± 0.071", "1 of 2 diverged")
    assert of_b[-1] == "1 of 2 diverged"
    unfinished["curve"]["loss"] = [0.7, 0.6]
    assert [*report.cell_rows(table, results)][1][-1].startswith("agrees")


def test_figures_show_the_cells_that_are_asked_for():
    curves = [{"test_mse": [3.0, 1.0], "loss": []}, {"test_mse": [2.0, 0.5, 0.1]}]
    source, results = results_of(curves)
    figure = Table("test/figure-1", "", source="test/table-1", only=("b",))
    (cell,) = figures.shown_cells(figure, source, results)
    drawn = figures.course_figure(["test_mse", "loss"], [cell], results)
    (line,) = drawn.axes[0].lines
    assert line.get_label() == "b"
    np.testing.assert_allclose(line.get_ydata(), [2.5, 0.75])
    assert not drawn.axes[1].lines
    assert figures.course_figure(["loss"], [cell], results) is None
    counted = figures.histogram_figure("test_mse", [cell], results).axes[0]
    assert sum(bar.get_height() for bar in counted.patches) == 2
    assert list(counted.lines[0].get_xdata()) == [0.25, 0.25]
    assert figures.histogram_figure("test_mse", [], results) is None


def test_node_is_drawn_from_the_first_run_that_has_one():
    curve = {f"node_{name}": [0.5, 1.0] for name in nodes.Nodes._fields}
    source, results = results_of([curve])
    drawn = figures.node_figure(source.cells, results)
    assert [axes.get_title() for axes in drawn.axes] == ["a, node 3", "b, node 3"]
    results.of("a")[0]["result"].clear()
    assert len(figures.node_figure(source.cells, results).axes) == 1


def test_gates_of_the_first_run_are_drawn_layer_by_layer():
    curve = {
        "bistable_share": [[0.5, 1.0, 0.0], [0.25, 0.5, 0.75]],
        "mean_update": [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]],
        "marked_steps": [1],
    }
    source, results = results_of([curve])
    share, update = figures.gates_figure(source.cells, results).axes
    first, second, mark = update.lines
    np.testing.assert_allclose(first.get_ydata(), curve["mean_update"][0])
    np.testing.assert_allclose(share.lines[1].get_ydata(), curve["bistable_share"][1])
    assert second.get_label() == "layer 2"
    assert list(mark.get_xdata()) == [1, 1]
    assert figures.gates_figure([], results) is None


def test_plane_has_the_way_of_every_run_that_did_not_diverge():
    ways = [[[5.0, 0.0, 0.5, 0.0], [6.0, 0.1, 0.25, 0.1]], [[5.0, 0.0, 0.5, 0.0]]]
    curves = [{"path": way, "unit_n": [6.1], "unit_s": [0.2]} for way in ways]
    source, results = results_of(curves)
    for number, run in enumerate(results.current):
        run["result"]["diverged"] = number == 3
    plane, learned = figures.plane_figure(source.cells, results).axes
    assert [line.get_label() for line in plane.lines[::2]] == ["a", "b"]
    assert len(plane.lines) == 3
    np.testing.assert_allclose(plane.lines[0].get_xydata(), [[5, 0.5], [6, 0.25]])
    x, y = learned.lines[-1].get_data()
    np.testing.assert_allclose(y, keras_modact.gamma(x, 6.1, 0.2), rtol=1e-5)
    for run in results.current:
        run["result"]["diverged"] = True
    assert figures.plane_figure(source.cells, results) is None


def test_course_stands_beside_the_paper_s():
    _, results = results_of([{"test_mse": [3.0, 1.0]}, {"test_mse": [2.0]}])
    table = Table("test/table-8", "", curves=("test_mse",), by_epoch={"a": (2.5, 1.5)})
    assert report.course_rows(table, results) == [
        ["epoch", "a: paper", "here, n = 2"],
        ["1", "2.50", "2.50 ± 0.71"],
        ["2", "1.50", "1.00"],
    ]


def test_figures_from_equations_alone(tmp_path):
    for table in CATALOG:
        if table.figure is not None:
            path = figures.save(table.figure(), tmp_path / f"{table.id}.png")
            assert path.stat().st_size > 1000


def test_every_table_and_figure_of_the_papers_has_a_row():
    known = {table.id for table in CATALOG}
    parts = {table.id.rsplit("-", 1)[0] for table in CATALOG}
    wanted = {
        "bistability": (range(1, 6), range(1, 5)),
        "modulation": (range(1, 9), range(1, 8)),
        "parameterization": (range(1, 4), range(1, 4)),
        "rectification": (range(6, 11), (8, 9, 12, 13)),
    }
    for paper, numbers in wanted.items():
        for kind, found in zip(("table", "figure"), numbers, strict=True):
            for number in found:
                assert f"{paper}/{kind}-{number}" in known | parts
    assert {table.source for table in CATALOG if table.source} <= known


@pytest.mark.parametrize("table", CATALOG, ids=lambda table: table.id)
def test_every_cell_of_the_papers_is_one_run(table):
    """Each preset's command line is accepted, and leaves one of every list."""
    names = [cell.slug for cell in table.cells]
    assert len(set(names)) == len(names)
    assert set(table.reference) <= {cell.name for cell in table.cells}
    lists = ("cells", "models", "networks", "fractions", "gradients", "seeds")
    lists += ("learning_rates", "time_steps", "read_out", "gains", "saturations")
    for preset in table.presets:
        for task in table.tasks(preset, 1):
            options = task.options()
            assert isinstance(options, argparse.Namespace)
            several = {
                name: getattr(options, name)
                for name in lists
                if isinstance(getattr(options, name, None), list)
                and len(getattr(options, name)) != 1
            }
            # Names of rates that an option adapts, not of runs.
            assert several == {}, (task.name, several)
    for cell in table.cells:
        for printed in cell.paper.values():
            verdicts.figure_of(printed)


def test_committed_results_are_those_of_a_run_each():
    for path in store.FOLDER.rglob("seed-*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        assert path.name == f"seed-{result['seed']}.json"
        assert (
            pathlib.Path(result["table"], result["preset"])
            == path.relative_to(store.FOLDER).parents[1]
        )


def test_list_and_report_need_no_data(tmp_path, monkeypatch, capsys):
    for name in ("TFDS_DATA_DIR", "TEXT_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert main(["--list", "--results", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert all(table.id in printed for table in CATALOG)
    assert main(["--report", "--results", str(tmp_path)]) == 0
    papers = {table.id.partition("/")[0] for table in CATALOG}
    written = {path.name for path in tmp_path.glob("*.md")}
    assert written == {"README.md", *(f"{paper}.md" for paper in papers)}
