"""Docstrings in Keras' manner and whole signatures, for mkdocstrings.

Keras writes `Call arguments:`, `Input shape:` and the like, which the parser of
Google's style does not know; they are given to it in its own words, and equations as
LaTeX. Constructors that take their arguments by `**kwargs` show what
`inspect.signature` says of the class.
"""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import griffe

from docs.tools.equations import with_mathematics

RENAMED = {
    r"^Call arguments:$": "Other Parameters: Call arguments",
    r"^(Example|Reference|Input shape|Output shape):\n": r"**\1**\n\n",
}
INDENTED = re.compile(
    r"(^\*\*(?:Reference|Input shape|Output shape)\*\*\n\n)((?:    .*\n?|\n)+)",
    re.MULTILINE,
)


def dedented(found: re.Match[str]) -> str:
    """A section's text flush left, where it is no code."""
    return found[1] + re.sub("^    ", "", found[2], flags=re.MULTILINE)


class KerasSections(griffe.Extension):
    """Rewrites the headings and equations of every docstring of the package."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is None:
            return
        text = with_mathematics(obj.docstring.value)
        for pattern, replacement in RENAMED.items():
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        obj.docstring.value = INDENTED.sub(dedented, text + "\n").rstrip()

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Leaves out the type that says nothing, and defaults, which the text names."""
        for parameter in func.parameters:
            if str(parameter.annotation) in ("Any", "Tensor"):
                parameter.annotation = None
        if str(func.returns) in ("Any", "Tensor"):
            func.returns = None

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        found = getattr(importlib.import_module(cls.module.path), cls.name, None)
        if not hasattr(found, "full_signature"):
            return
        parameters = [
            griffe.Parameter(
                one.name,
                kind=griffe.ParameterKind(one.kind.description),
                default=None if one.default is one.empty else repr(one.default),
            )
            for one in inspect.signature(found).parameters.values()
        ]
        init = griffe.Function("__init__", parameters=griffe.Parameters(*parameters))
        cls.set_member("__init__", init)
