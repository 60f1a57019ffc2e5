"""Runs the notebook when the site is built, and shows what it prints and draws."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import matplotlib

BLOCK = re.compile(r"```python\n(.*?)```\n", re.DOTALL)


@functools.cache
def executed(markdown: str) -> tuple[str, dict[str, bytes]]:
    """A page with the output of each code block below it, and its pictures by name."""
    matplotlib.use("Agg")
    pictures: dict[str, bytes] = {}
    names: dict[str, Any] = {"__name__": "__main__"}

    def with_output(found: re.Match[str]) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(found[1], "docs/notebook.md", "exec"), names)
        shown = found[0]
        if printed.getvalue():
            shown += f"\n```text\n{printed.getvalue()}```\n"
        for path in sorted(Path().glob("*.png")):
            pictures[path.name] = path.read_bytes()
            path.unlink()
            shown += f"\n![{path.stem}](notebook/{path.name})\n"
        return shown

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return BLOCK.sub(with_output, markdown), pictures
