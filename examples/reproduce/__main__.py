"""The papers' tables and figures: what is there, what is missing, one command for it.

    python -m examples.reproduce --list
    python -m examples.reproduce bistability/table-1 --seeds 3 --budget 40m
    python -m examples.reproduce bistability/table-1 --cells "T = 5"
    python -m examples.reproduce modulation --engine joblib --workers 2
    python -m examples.reproduce --engine dask --scheduler tcp://HOST:8786
    python -m examples.reproduce --report

A run that is finished has a file in examples/results, and is never done again
unless its preset changes; what is missing is run, cheapest first. Whatever kills
the runner, the same command goes on where it was. Data come from the folders that
TFDS_DATA_DIR and TEXT_DATA_DIR name.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import time
from collections.abc import Iterator, Sequence

import keras

from examples.reproduce import engines, report, store
from examples.reproduce.catalog import Table, Task
from examples.reproduce.papers import CATALOG
from examples.shared import tables
from examples.shared.command_line import positive


def budget(text: str) -> float:
    """Seconds from a time such as 90s, 40m, 2h or, in minutes, 40."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"must be like 90s, 40m or 2h, received {text}"
        )
    return float(match[1]) * {"s": 1, "m": 60, "": 60, "h": 3600}[match[2]]


def option_parser() -> argparse.ArgumentParser:
    """The runner's options."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("ids", nargs="*", help="tables, or whole papers such as modulation; else all")
    add("--list", action="store_true", help="show what is done and what it costs")
    add("--report", action="store_true", help="write the pages")
    add("--preset", default="paper", help="paper, or another of a table's own")
    add("--seeds", type=positive, help="runs wanted of each cell; else the table's")
    add("--cells", nargs="+", help="only cells whose name has one of these in it")
    add("--budget", type=budget, help="begin nothing that takes longer than is left")
    add("--engine", choices=("here", "joblib", "dask"), default="here")
    add("--workers", type=positive, default=2, help="processes, of joblib")
    add("--scheduler", help="address, of dask")
    add("--results", type=pathlib.Path, default=store.FOLDER, help="their folder")
    return parser


def chosen_tables(ids: Sequence[str], catalog: Sequence[Table]) -> list[Table]:
    """The tables of these ids or papers, all if there is none."""
    known = {table.id for table in catalog} | {t.id.partition("/")[0] for t in catalog}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise SystemExit(f"No table is called {unknown[0]}; --list shows their ids.")
    return [
        table
        for table in catalog
        if not ids or table.id in ids or table.id.partition("/")[0] in ids
    ]


def wanted_runs(
    options: argparse.Namespace, table: Table, results: store.Results
) -> tuple[list[Task], list[Task]]:
    """Every run that the options want of a table, and those that are missing."""
    wanted = [
        task
        for task in table.tasks(options.preset, options.seeds)
        if not options.cells or any(part in task.cell for part in options.cells)
    ]
    return wanted, store.missing(wanted, results)


def show(options: argparse.Namespace, catalog: Sequence[Table]) -> None:
    """Prints every table with its runs and what the missing ones cost."""
    head = ["id", "what it shows", "cells", "done / wanted", "stale", "a run"]
    rows = [[*head, "missing"]]
    for table in chosen_tables(options.ids, catalog):
        if not table.runnable:
            rows.append([table.id, table.title, "-", "-", "-", "-", "-"])
            continue
        results = store.read(table, options.preset, options.results)
        wanted, missing = wanted_runs(options, table, results)
        if not wanted:
            rows.append([table.id, table.title, "-", "no such preset", "-", "-", "-"])
            continue
        costs = [store.expected_seconds(task, results) for task in wanted]
        open_costs = [store.expected_seconds(task, results)[0] for task in missing]
        seconds = [cost for cost, _ in costs]
        measured = all(known for _, known in costs)
        low, high = report.duration(min(seconds)), report.duration(max(seconds))
        span = low if low == high else f"{low} to {high}"
        rows.append(
            [
                table.id,
                table.title,
                f"{len({task.cell for task in wanted})} of {len(table.cells)}",
                f"{len(wanted) - len(missing)} / {len(wanted)}",
                str(len(results.stale)),
                f"{span}, {'measured' if measured else 'estimated'}",
                report.duration(sum(open_costs)) if open_costs else "-",
            ]
        )
    print(tables.markdown_table(rows))


def handed_out(
    costs: Sequence[tuple[float, Task]], seconds: float | None
) -> Iterator[Task]:
    """The runs, cheapest first, as long as the time left is enough for one."""
    end = None if seconds is None else time.monotonic() + seconds
    for cost, task in costs:
        if end is not None and time.monotonic() + cost > end:
            return
        yield task


def run_missing(options: argparse.Namespace, catalog: Sequence[Table]) -> int:
    """Runs what is missing; returns how many runs could not be done."""
    costs = []
    for table in chosen_tables(options.ids, catalog):
        results = store.read(table, options.preset, options.results)
        for task in wanted_runs(options, table, results)[1]:
            costs.append((store.expected_seconds(task, results)[0], task))
    costs.sort(key=lambda pair: pair[0])
    if not costs:
        print("Nothing is missing.")
        return 0
    print(
        f"Missing: {tables.count(costs, 'run')}, "
        f"about {report.duration(sum(cost for cost, _ in costs))} one by one."
    )
    queue = handed_out(costs, options.budget)
    outcomes = {
        "here": lambda: engines.in_process(queue),
        "joblib": lambda: engines.with_joblib(queue, options.workers),
        "dask": lambda: engines.with_dask(queue, options.scheduler),
    }[options.engine]()
    progress = keras.utils.Progbar(len(costs), unit_name="run")
    done, failed = 0, []
    for task, result, reason in outcomes:
        if result is None:
            failed.append((task, reason))
            continue
        store.write(result, store.path_of(task, options.results))
        done += 1
        progress.update(done, finalize=False)
    print(f"\nDone: {done} of {tables.count(costs, 'run')}.")
    for task, reason in failed:
        print(f"{task.name} cannot be run: {reason}")
    begun = done + len(failed)
    if begun < len(costs):
        needed = report.duration(costs[begun][0])
        print(f"The next run takes about {needed}, longer than the budget has left.")
    return len(failed)


def main(argv: Sequence[str] | None = None, catalog: Sequence[Table] = CATALOG) -> int:
    """Lists, runs or reports, as the command line asks."""
    parser = option_parser()
    options = parser.parse_args(argv)
    if options.engine == "dask" and not options.scheduler:
        parser.error("--engine dask needs --scheduler, such as tcp://HOST:8786")
    if options.list:
        show(options, catalog)
        return 0
    if options.report:
        for page in report.write_pages(catalog, options.results):
            print(page)
        return 0
    return min(1, run_missing(options, catalog))


if __name__ == "__main__":
    raise SystemExit(main())
