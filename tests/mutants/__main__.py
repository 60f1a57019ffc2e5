"""Runs the mutants: see `tests.mutants`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import pytest

from tests.mutants import Mutant
from tests.mutants.table import MUTANTS

ROOT = Path(__file__).parents[2]
COPIED = ("keras_modact", "tests", "pyproject.toml")
LEFT_OUT = ("examples", "benchmarks", "mutants")


class Killer:
    """Notes the first test that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = f"{report.nodeid} (is not collected)"


def modules(tree: Path, mutant: Mutant) -> tuple[list[str], list[str]]:
    """The test modules that are tried first, and the others."""
    tests = tree / "tests"
    first: dict[str, int] = {}
    others: dict[str, bool] = {}
    for path in sorted(tests.glob("**/test_*.py")):
        folder = path.relative_to(tests).parts[0]
        name = str(path.relative_to(tree))
        is_of_a_paper = (tests / folder / "rows.py").exists()
        if folder in LEFT_OUT:
            continue
        if path.stem in mutant.first and (folder == mutant.folder or not is_of_a_paper):
            first[name] = mutant.first.index(path.stem)
        elif folder == mutant.folder:
            first[name] = len(mutant.first)
        else:
            others[name] = is_of_a_paper
    return sorted(first, key=first.__getitem__), sorted(others, key=others.__getitem__)


def killer(tree: Path, names: Sequence[str]) -> str:
    """The first test of these modules that fails, or nothing.

    In a process of its own, forked from this one, which has imported the backend:
    most mutants die in less time than that takes.
    """
    if not names:
        return ""
    answer = tree / "killer.txt"
    answer.unlink(missing_ok=True)
    process = os.fork()
    if process == 0:
        try:
            answer.write_text(run(tree, names), encoding="utf-8")
        finally:
            os._exit(0)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return f"a crash, signal {os.WTERMSIG(status)}"
    if not answer.exists():
        output = (tree / "output.txt").read_text(encoding="utf-8")
        raise RuntimeError(f"pytest did not run:\n{output}")
    return answer.read_text(encoding="utf-8")


def run(tree: Path, names: Sequence[str]) -> str:
    """What `killer` does in its process."""
    with (tree / "output.txt").open("w", encoding="utf-8") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.chdir(tree)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(tree), *(p for p in sys.path if Path(p) != ROOT)]
    for module in [m for m in sys.modules if m.split(".")[0] == "tests"]:
        del sys.modules[module]
    found = Killer()
    for name in names:
        # One at a time: the first often kills, and the others need not be collected.
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", name], [found])
        if found.name:
            return found.name
        if code not in (0, pytest.ExitCode.NO_TESTS_COLLECTED):
            return f"pytest's exit code {code} in {name}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants with one in their name")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("--check", action="store_true", help="only apply the mutants")
    parser.add_argument(
        "--quick", action="store_true", help="only the test modules tried first"
    )
    options = parser.parse_args()
    chosen = [
        mutant
        for mutant in MUTANTS
        if not options.words
        or any(w in f"{mutant.folder}: {mutant.name}" for w in options.words)
    ]
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        for name in COPIED:
            source = options.tree.resolve() / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, tree / name, ignore=ignored)
            else:
                shutil.copy(source, tree / name)
        # What cannot be applied is known before the first test runs.
        for mutant in chosen:
            path, text = mutant.apply(tree / "keras_modact")
            path.write_text(text, encoding="utf-8")
        if options.check:
            print(f"{len(chosen)} mutants can be applied")
            return
        for mutant in chosen:
            start = time.monotonic()
            path, text = mutant.apply(tree / "keras_modact")
            first, others = modules(tree, mutant)
            found = killer(tree, first)
            if not found and not options.quick:
                found = killer(tree, others)
            path.write_text(text, encoding="utf-8")
            survivors += not found
            fate = f"killed by {found}" if found else "SURVIVED"
            seconds = time.monotonic() - start
            title = f"{mutant.folder or 'shared'}: {mutant.name}"
            print(f"{title:<70} {fate} ({seconds:.0f} s)", flush=True)
    backend = keras.backend.backend()
    print(f"{len(chosen) - survivors} killed, {survivors} survived, on {backend}")
    sys.exit(survivors > 0)


if __name__ == "__main__":
    main()
