"""The results as Markdown pages, from the committed files alone."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from examples.reproduce import verdicts
from examples.reproduce.catalog import Cell, Table
from examples.reproduce.store import Results, read
from examples.shared import tables

CELL_HEAD = ["cell", "measure", "paper", "here", "n", "time a run", "device", "verdict"]
COMPARISON_HEAD = [
    *("difference", "measure", "of means", "95% interval", "p (Welch)"),
    "Hedges' g, corrected",
]


def values_of(results: Results, cell: str, measure: str) -> list[float | None]:
    """What each run of a cell measured; of a curve the last."""
    found = []
    for result in results.of(cell):
        value = result["result"].get(measure)
        if value is None and result["curve"].get(measure):
            value = result["curve"][measure][-1]
        found.append(value)
    return found


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
                f"{len(results.current)} runs"
            )
        if results.stale:
            words.append(f"{len(results.stale)} stale ({results.preset})")
    return "; ".join(words) or "not run"


def cell_rows(table: Table, results: Results) -> Iterable[list[str]]:
    """A row for each cell and measure."""
    for cell in table.cells:
        runs = results.of(cell.name)
        for measure, title in table.measures.items():
            values = values_of(results, cell.name, measure)
            printed = cell.paper.get(measure, "")
            digits = max(3, verdicts.digits_of(printed))
            verdict = "no figure in the paper" if values else "not run"
            if cell.arguments is None:
                verdict = "no such layer here yet"
            elif printed and results.preset == "paper":
                verdict = verdicts.beside_paper(values, printed, table.paper_runs)
            elif printed and values:
                verdict = f"{results.preset} preset: not the paper's sizes"
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


def draw_curves(
    table: Table, source: Table, results: Results, folder: pathlib.Path
) -> pathlib.Path:
    """Draws a figure's curves by epoch: a panel a curve, a line for each cell."""
    figure = Figure(figsize=(1 + 4 * len(table.curves), 4), layout="constrained")
    panels = figure.subplots(1, len(table.curves), squeeze=False)[0]
    shown: list[Cell] = [cell for cell in source.runnable if results.of(cell.name)]
    for axes, name in zip(panels, table.curves, strict=True):
        for place, cell in enumerate(shown):
            curves = [
                [np.nan if x is None else x for x in run["curve"][name]]
                for run in results.of(cell.name)
                if run["curve"].get(name)
            ]
            if not curves:
                continue
            # A run that diverged is shorter than the others.
            least = min(map(len, curves))
            found = np.array([curve[:least] for curve in curves])
            epochs = np.arange(1, least + 1)
            color = f"C{place % 10}"
            dash = ("-", "--", ":", "-.")[place // 10 % 4]
            axes.plot(epochs, found.mean(axis=0), dash, color=color, label=cell.name)
            if len(found) > 1:
                low, high = found.min(axis=0), found.max(axis=0)
                axes.fill_between(epochs, low, high, color=color, alpha=0.2)
        axes.set(title=name.replace("_", " "), xlabel="epoch")
    panels[-1].legend(fontsize="small")
    path = folder / f"{table.id}-{results.preset}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path


def section(table: Table, every: Sequence[Results]) -> list[str]:
    """A table's part of its page."""
    lines = [f"## {table.id}", "", table.title, ""]
    if table.note:
        lines += [table.note, ""]
    # A table that nothing was run of is shown by its paper preset, with no runs.
    filled = [results for results in every if results.current] or list(every[:1])
    for results in filled if table.cells else ():
        lines += [f"Preset `{results.preset}`:", ""]
        lines += [tables.markdown_table([CELL_HEAD, *cell_rows(table, results)]), ""]
        compared = list(comparison_rows(table, results))
        if compared:
            lines += [tables.markdown_table([COMPARISON_HEAD, *compared]), ""]
    for results in every:
        if results.stale:
            names = sorted({result["cell"] for result in results.stale})
            lines += [
                f"Stale, and in no number above: {len(results.stale)} runs "
                f"(preset `{results.preset}`; {', '.join(names)}), whose settings are "
                "no longer the preset's.",
                "",
            ]
    if table.runnable:
        lines += [f"    python -m examples.reproduce {table.id}", ""]
    return lines


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
            state = f"drawn from the runs of {table.source}"
            source = by_id[table.source]
            for preset in source.presets:
                results = read(source, preset, folder)
                if results.current:
                    path = draw_curves(table, source, results, folder)
                    where = path.relative_to(folder).as_posix()
                    lines += [f"![{table.title} ({preset} preset)]({where})", ""]
        pages.setdefault(room, []).extend(lines)
        anchor = table.id.replace("/", "")
        rows.append([f"[{table.id}]({room}.md#{anchor})", table.title, state])
    folder.mkdir(parents=True, exist_ok=True)
    head = "This page is written by `python -m examples.reproduce --report`.\n\n"
    body = tables.markdown_table([["table or figure", "what it shows", "state"], *rows])
    texts = {"README": f"# The papers' tables and figures\n\n{head}{body}\n"}
    for room, lines in pages.items():
        body = "\n".join(lines).rstrip()
        texts[room] = f"# {room.capitalize()}\n\n{head}{body}\n"
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.md")
        paths[-1].write_text(text, encoding="utf-8")
    return paths
