"""The docstrings of cells and layers, completed by what they have in common.

A class writes down what is its own. What it inherits is added when the class is made,
so that `help` and a documentation builder show the whole: the arguments in the order
of the signature, and the sections that hold for every cell or layer.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping

from keras_modact.recurrence.arguments import LayerArguments, declared

SECTIONS = (
    "Args",
    "Call arguments",
    "Input shape",
    "Output shape",
    "Raises",
    "Example",
    "Reference",
)
HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):$", re.MULTILINE)
ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)
KERAS = "`name`, `dtype` and `trainable`."


def complete(cls: type, *documented: type) -> None:
    """Adds to a docstring what the class shares with others.

    Args:
        cls: A class of cells or layers, with its own part as the docstring.
        *documented: Other classes that document arguments of it, as a layer's cell.
    """
    own = vars(cls).get("__doc__")
    if not own:
        return
    intro, sections = split(own)
    bases = [base for base in cls.__mro__[1:] if hasattr(base, "full_signature")]
    inherited = [split(base.__doc__ or "")[1] for base in (*documented, *bases)]
    entries: dict[str, str] = {}
    for found in reversed([sections, *inherited]):
        entries |= as_entries(found.get("Args", ""))
    sections["Args"] = arguments(inspect.signature(cls), entries)
    for template in [split(base.__doc__ or "")[1] for base in bases]:
        if "Call arguments" in template:
            calls = as_entries(template["Call arguments"])
            calls |= as_entries(sections.get("Call arguments", ""))
            sections["Call arguments"] = indented(calls.values())
        for name in ("Input shape", "Output shape", "Raises"):
            if name in template:
                sections.setdefault(name, template[name])
    parts = [f"{name}:{sections[name]}" for name in SECTIONS if name in sections]
    cls.__doc__ = "\n\n".join([intro, *parts]) + "\n"


INDENT = " " * 4


def split(doc: str) -> tuple[str, dict[str, str]]:
    """What comes before the sections of a docstring, and the sections by name."""
    intro, *rest = HEADING.split(inspect.cleandoc(doc))
    texts = (text.rstrip() for text in rest[1::2])
    return intro.strip(), dict(zip(rest[::2], texts, strict=True))


def as_entries(section: str) -> dict[str, str]:
    """The entries of a section, each whole, by the name that it begins with."""
    lines = textwrap.dedent(section.strip("\n"))
    entries = [entry.rstrip() for entry in ENTRY.split(lines) if entry.strip()]
    return {entry.partition(":")[0].strip("*"): entry for entry in entries}


def arguments(signature: inspect.Signature, entries: Mapping[str, str]) -> str:
    """The section on the arguments of a constructor.

    Args:
        signature: What the constructor takes.
        entries: What is written down of single arguments.
    """
    known = declared(LayerArguments)
    lines = []
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            lines.append(entries.get(name, f"**{name}: {KERAS}"))
            continue
        shared = f"{name}: {known[name].doc}" if name in known else ""
        entry = entries.get(name, shared)
        # The completed entry of a base class names the default of that class.
        if shared and re.fullmatch(
            rf"{re.escape(shared)} Defaults to `[^`]*`\.", " ".join(entry.split())
        ):
            entry = shared
        if entry:
            lines.append(with_default(entry, parameter))
    return indented(lines)


def indented(entries: Iterable[str]) -> str:
    """Entries as the text of a section."""
    return "".join("\n" + textwrap.indent(entry, INDENT) for entry in entries)


def with_default(entry: str, parameter: inspect.Parameter) -> str:
    """An entry that says what the default is, where it has one."""
    if "efaults" not in entry and parameter.default not in (parameter.empty, None):
        default = repr(parameter.default).replace("'", '"')
        entry = f"{entry} Defaults to `{default}`."
    text = " ".join(entry.split())
    return textwrap.fill(text, 80, subsequent_indent=INDENT, break_on_hyphens=False)
