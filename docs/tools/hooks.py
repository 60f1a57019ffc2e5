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
TITLE = re.compile(r'(?<=<span class="doc-section-title">)([\w ]+):(?=</span>)')
DEFAULT = re.compile(r",\s+default:\s+<code>[^<]*</code>\s*\)")
"""A default, which the text names as Keras' does."""
TWICE = re.compile(
    r'(<li class="doc-section-item field-body">\s*)'
    r"(<code>(?:<[^>]+>)?(\w+)(?:</\w+>)?</code>)"
    r'\s*\u2013\s*(<div class="doc-md-description">\s*<p>(?:An? )?)<code>\3</code>'
)
"""A type that the text begins with as well."""
CELL = re.compile(r"<td.*?</td>", re.DOTALL)
CODE = re.compile(r"<code>[^<]*</code>")
INLINE_CODE = re.compile(r"(?<!<span></span>)<code>[^<\n]*</code>")
SHORT = re.compile(r"(?<![^>\s])(?=[^<>\s]*[-\[(.])[^<>\s]{1,28}(?![^<\s])")
FUNCTION = r"<mi>(?:tanh|log|min|max)</mi>"
OPERATOR = re.compile(r"<mo>(min|max)</mo>")
"""What would have the space of an operator on both sides."""
NAMED = re.compile(rf"(</m[in]>|</msu[bp]>|&#x00029;</mo>)((?:<msub>)?{FUNCTION})")
"""A factor, and the function after it."""
ARGUMENT = re.compile(
    rf"((?:<msub>)?{FUNCTION}(?:<m[in]>\w+</m[in]></msub>)?)(<(?:m[in]|msu[bp])>)"
)
"""A function, and an argument without parentheses."""
THIN = '<mspace width="0.17em"/>'
SEMICOLON = '<mo separator="true" lspace="0" rspace="0.17em">;</mo>'
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
    content = TWICE.sub(r"\1\4\2", UNTYPED.sub(r"\1", content))
    content = TITLE.sub(title, DEFAULT.sub(")", content))
    content = CELL.sub(lambda found: CODE.sub(breakable, found[0]), content)
    content = INLINE_CODE.sub(unbroken, content)
    content = content.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    content = INLINE.sub(lambda found: mathml(found[1], "inline"), content)
    return BLOCK.sub(lambda found: mathml(found[1], "block"), content)


def title(found: re.Match[str]) -> str:
    """The name of a docstring's section, in Keras' words."""
    return "Arguments" if found[1] == "Parameters" else found[1]


def unbroken(found: re.Match[str]) -> str:
    """An option such as `--data-dir` stays on one line; a long name may be broken."""
    return SHORT.sub(r'<span class="whole">\g<0></span>', found[0])


def breakable(found: re.Match[str]) -> str:
    """A dotted name in a narrow column of a table may break after a dot."""
    return re.sub(r"(?<=\w)\.(?=[a-z])", ".<wbr>", found[0])


def mathml(formula: str, display: str) -> str:
    """A LaTeX formula as MathML; one in a block may be wider than a phone."""
    made = convert(html.unescape(formula).strip(), display=display)
    made = OPERATOR.sub(r"<mi>\1</mi>", made).replace("<mi>;</mi>", SEMICOLON)
    made = made.replace("&#x000AF;", "&#x0203E;")  # A bar as wide as its letter.
    made = NAMED.sub(rf"\1{THIN}\2", made)
    made = ARGUMENT.sub(rf"\1{THIN}\2", made)
    return f'<div class="formula">{made}</div>' if display == "block" else made
