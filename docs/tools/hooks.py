"""Hooks of MkDocs: pages that lie elsewhere, and mathematics as MathML.

The changelog, how to contribute and the results are pages of the site where they
lie in the repository. The notebook is run, and shown with its output. Formulas are
written `$...$` or `$$...$$`, as GitHub shows them too, and become MathML here, which
browsers draw without a script.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

from docs.tools.notebook import executed

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "examples" / "results"
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
UNTYPED = re.compile(r'(<li class="doc-section-item field-body">\s*)\u2013')
"""The dash between a type and what is said of it, where there is no type."""
CELL = re.compile(r"<td.*?</td>", re.DOTALL)
CODE = re.compile(r"<code>[^<]*</code>")
BLOCK = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages, and the pictures of the results, that lie elsewhere."""
    found = {
        "changelog.md": ROOT / "CHANGELOG.md",
        "contributing.md": ROOT / "CONTRIBUTING.md",
    }
    for kind in ("*.md", "*.png"):
        for path in sorted(RESULTS.rglob(kind)):
            found[f"results/{path.relative_to(RESULTS).as_posix()}"] = path
    for address, path in found.items():
        files.append(File.generated(config, address, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str | None:
    """Runs the notebook."""
    if page.file.src_uri != "notebook.md":
        return None
    shown, pictures = executed(markdown)
    for name, content in pictures.items():
        address = f"notebook/{name}"
        files.append(File.generated(config, address, content=content))
    return shown


def on_page_content(content: str, **_: Any) -> str:
    """Replaces what arithmatex has marked by MathML, and says where lines may break."""
    content = UNTYPED.sub(r"\1", content)
    content = CELL.sub(lambda found: CODE.sub(breakable, found[0]), content)
    content = content.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    content = INLINE.sub(lambda found: mathml(found[1], "inline"), content)
    return BLOCK.sub(lambda found: mathml(found[1], "block"), content)


def breakable(found: re.Match[str]) -> str:
    """A dotted name in a narrow column of a table may break after a dot."""
    return re.sub(r"(?<=\w)\.(?=[a-z])", ".<wbr>", found[0])


def mathml(formula: str, display: str) -> str:
    """A LaTeX formula as MathML; one in a block may be wider than a phone."""
    made = convert(html.unescape(formula).strip(), display=display)
    return f'<div class="formula">{made}</div>' if display == "block" else made
