"""The results as Markdown pages, from the committed files alone."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from examples.reproduce import figures, verdicts
from examples.reproduce.catalog import Table
from examples.reproduce.store import Results, read
from examples.shared import tables

CELL_HEAD = ["cell", "measure", "paper", "here", "n", "time a run", "device", "verdict"]
DEVICE = CELL_HEAD.index("device")
PAPERS = {
    "bistability": "Bistable cells",
    "modulation": "Modulators",
    "parameterization": "Adaptive parameterization",
    "activation": "Adaptive activation",
    "rectification": "Negative rectifiers",
}
WRITTEN = "This page is written by `python -m examples.reproduce --report`."
LEGEND = """\
`paper` is the figure that the paper prints, `here` the mean over n runs with different
seeds and, from two runs on, its standard deviation. A preset that is not `paper` has
other settings than the paper's, mostly smaller sizes, so there is no verdict on it. A
verdict is by Welch's t-test at 5% (p, and g for Hedges' corrected effect size) where
the paper gives a deviation, else by the 95% interval of the mean; with few runs
"agrees" says little."""
COMPARISON_HEAD = [
    *("difference", "measure", "of means", "95% interval", "p (Welch)"),
    "Hedges' g, corrected",
]


def values_of(results: Results, cell: str, measure: str) -> list[float | None]:
    """What each run of a cell measured, if it did; of a curve the last."""
    found = []
    for run in results.of(cell):
        if measure in run["result"]:
            found.append(run["result"][measure])
        elif measure in run["curve"]:
            found.append(next(reversed(run["curve"][measure]), None))
    return found


def diverged(run: dict[str, Any]) -> bool:
    """Whether a run says so, or a curve of it ends in no number."""
    ends = [curve[-1] for curve in run["curve"].values() if curve]
    return run["result"].get("diverged", False) or None in ends


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def state_of(table: Table, every: Sequence[Results]) -> str:
    """How far a table is, in a few words."""
    if not table.cells:
        return table.note
    words = []
    for results in every:
        cells = len({result["cell"] for result in results.current})
        if results.current:
            words.append(
                f"{results.preset}: {cells} of {len(table.cells)} cells, "
                f"{tables.count(results.current, 'run')}"
            )
        if results.stale:
            words.append(f"{len(results.stale)} stale ({results.preset})")
    return "; ".join(words) or "not run"


def cell_rows(
    table: Table, results: Results, every: bool = True
) -> Iterable[list[str]]:
    """A row for each cell and measure, of every cell or of those that have runs."""
    for cell in table.cells:
        runs = results.of(cell.name)
        if not (runs or every):
            continue
        for measure, title in table.measures.items():
            values = values_of(results, cell.name, measure)
            printed = cell.paper.get(measure, "")
            digits = max(3, verdicts.digits_of(printed))
            verdict = "no figure in the paper" if values else "not run"
            if cell.arguments is None:
                verdict = "no such layer here yet"
            elif runs and not values:
                verdict = "nothing to measure"
            elif table.exact:
                verdict = verdicts.exactly(values, printed)
            elif printed and results.preset == "paper":
                verdict = verdicts.beside_paper(values, printed, table.paper_runs)
            elif printed and values:
                verdict = "other settings"
            lost = sum(map(diverged, runs))
            if lost:
                verdict = f"{lost} of {len(runs)} diverged"
            yield [
                cell.name,
                title,
                printed or "-",
                verdicts.shown(values, digits),
                str(len(values)),
                duration(float(np.mean([r["seconds"] for r in runs]))) if runs else "-",
                ", ".join(sorted({r["environment"]["device"] for r in runs})) or "-",
                verdict,
            ]


def comparison_rows(table: Table, results: Results) -> Iterable[list[str]]:
    """The difference of each cell to those of its group that it is compared with."""
    names = {cell.name: cell for cell in table.cells}
    for reference in table.reference:
        others = [
            cell
            for cell in table.runnable
            if cell.group == names[reference].group and cell.name not in table.reference
        ]
        for other in others:
            for measure, title in table.measures.items():
                compared = [
                    values_of(results, name, measure)
                    for name in (reference, other.name)
                ]
                first, second = compared
                if first and second:
                    yield [
                        f"{reference} - {other.name}",
                        title,
                        *verdicts.beside_each_other(first, second, digits=4),
                    ]


def course_rows(table: Table, results: Results) -> list[list[str]]:
    """The first curve of cells by epoch, means over runs, beside the paper's."""
    name = table.curves[0]
    head, columns = ["epoch"], []
    for cell, paper in table.by_epoch.items():
        curves = [run["curve"][name] for run in results.of(cell)]
        head += [f"{cell}: paper", f"here, n = {len(curves)}"]
        shown = [
            verdicts.shown([curve[epoch] for curve in curves if epoch < len(curve)], 2)
            for epoch in range(len(paper))
        ]
        columns += [[f"{x:.2f}" for x in paper], shown]
    rows = zip(*columns, strict=True)
    return [head, *([str(epoch), *row] for epoch, row in enumerate(rows, 1))]


def cell_table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table of cells, without rows and columns that say nothing."""
    rows = [row for row in rows if row[2] != "-" or row[-1] != "not run"] or rows
    if {row[-1] for row in rows} == {"not run"}:
        rows = [row[:3] for row in rows]
        wide = 3 if {row[2] for row in rows} != {"-"} else 2
        shown = [CELL_HEAD[:wide], *(row[:wide] for row in rows)]
        return ["Not run yet:", "", tables.markdown_table(shown)]
    devices = {row[DEVICE] for row in rows} - {"-"}
    if len(devices) > 1:
        return [tables.markdown_table([CELL_HEAD, *rows])]
    shown = [[*row[:DEVICE], *row[DEVICE + 1 :]] for row in [CELL_HEAD, *rows]]
    said = [f"Every run on {device}:" for device in devices]
    return [*said, "", tables.markdown_table(shown)]


def heading(results: Results) -> list[str]:
    """The preset of the runs that follow, and the images if they found out which."""
    found = [run["found"] for run in results.current]
    images = {of["images"] for of in found if "images" in of}
    return [", ".join([f"Preset `{results.preset}`", *sorted(images)]) + ":", ""]


def section(table: Table, every: Sequence[Results]) -> list[str]:
    """A table's part of its page."""
    lines = [f"## {table.id}", "", table.title, ""]
    if table.note:
        lines += [table.note, ""]
    # A table that nothing was run of is shown by its paper preset, with no runs.
    filled = [results for results in every if results.current] or list(every[:1])
    for results in filled if table.cells else ():
        lines += heading(results)
        # What was not run at all is said once.
        rows = list(cell_rows(table, results, every=results is filled[0]))
        lines += [*cell_table(rows), ""]
        compared = list(comparison_rows(table, results))
        if compared:
            lines += [tables.markdown_table([COMPARISON_HEAD, *compared]), ""]
    for results in every:
        if results.stale:
            names = sorted({result["cell"] for result in results.stale})
            lines += [
                f"Stale, and in no number above: {tables.count(results.stale, 'run')} "
                f"(preset `{results.preset}`; {', '.join(names)}), whose settings are "
                "no longer the preset's.",
                "",
            ]
    if table.runnable:
        lines += [f"    python -m examples.reproduce {table.id}", ""]
    return lines


def picture(path: pathlib.Path | None, title: str, folder: pathlib.Path) -> list[str]:
    """The lines that show a picture, if there is one."""
    if path is None:
        return []
    return [f"![{title}]({path.relative_to(folder).as_posix()})", ""]


def write_pages(catalog: Sequence[Table], folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes a page for each paper and one that leads to them."""
    by_id = {table.id: table for table in catalog}
    rows: list[list[str]] = []
    pages: dict[str, list[str]] = {}
    for table in catalog:
        room = table.id.partition("/")[0]
        every = [read(table, preset, folder) for preset in table.presets]
        lines = section(table, every)
        state = state_of(table, every)
        if table.source is not None:
            if not table.cells:
                state = f"waits for runs of {table.source}"
            source = by_id[table.source]
            for preset in source.presets:
                results = read(source, preset, folder)
                if table.by_epoch and results.current:
                    lines += heading(results)
                    rows_of_epochs = course_rows(table, results)
                    lines += [tables.markdown_table(rows_of_epochs), ""]
                path = figures.draw(table, source, results, folder)
                if path is not None and not table.by_epoch and not table.cells:
                    lines += heading(results)
                lines += picture(path, f"{table.title} ({preset} preset)", folder)
                if path is not None and not table.cells:
                    state = f"drawn from the runs of {table.source}"
            if state.startswith("waits"):
                lines += [f"It {state}.", ""]
        if table.figure is not None:
            path = figures.save(table.figure(), folder / f"{table.id}.png")
            lines += picture(path, table.title, folder)
        pages.setdefault(room, []).extend(lines)
        anchor = table.id.replace("/", "")
        rows.append([f"[{table.id}]({room}.md#{anchor})", table.title, state])
    folder.mkdir(parents=True, exist_ok=True)
    body = tables.markdown_table([["table or figure", "what it shows", "state"], *rows])
    texts = {"README": f"# The papers' tables and figures\n\n{WRITTEN}\n\n{body}\n"}
    for room, lines in pages.items():
        body = "\n".join(lines).rstrip()
        title = f"Results: {PAPERS.get(room, room).lower()}"
        texts[room] = f"# {title}\n\n{LEGEND}\n\n{WRITTEN}\n\n{body}\n"
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.md")
        paths[-1].write_text(text, encoding="utf-8")
    return paths
