"""The equations of docstrings as LaTeX.

A docstring is read in a terminal as well, so it writes `c * h_(t-1) + (1 - c)`; the
site shows the same line as mathematics, and so the symbols and formulas in the text
that are written like it: `x_t`, `tau`, `x @ W * d_2`. `*` is the product element by
element, `@` the product of matrices, and three spaces part an equation from a remark
on it.
"""

from __future__ import annotations

import re

GREEK = ["gamma", "sigma", "tau", "pi", "theta", "epsilon", "lambda"]
FUNCTIONS = [
    "tanh",
    "min",
    "max",
    "log",
    "ln",
    "sin",
    "cos",
    "exp",
    "sqrt",
    "relu",
    "softplus",
    "conv",
    "sign",
    "sigmoid",
    "modReLU",
    "neglu",
    "tanhshrink",
    "VAA",
]
SYMBOLS = {
    **{name: rf"\{name} " for name in [*GREEK, "sum"]},
    **{name: rf"\mathrm{{{name}}}" for name in FUNCTIONS},
    "phi": r"\varphi ",
    "smooth_neglu": r"\text{smooth_neglu}",
    "Ad": r"\bar{A}",
    "Bd": r"\bar{B}",
    "*": r" \odot ",
    "@": r"\,",
    " . ": r" \cdot ",
    "...": r" \dots ",
    "||": r"\|",
    "{": r"\{",
    "}": r"\}",
    "'": r"{\prime}",
}
TOKEN = re.compile(
    r"""
    (?P<code>`[^`]+`|\w+=\w+|[a-z]{3,}_[a-z]{3,})
    |(?P<derivative>d\w*'?/d\w+)
    |(?P<script>[_^](\([^()]*\)|-?\w+)|(?<=VAA)\*)
    |(?P<number>\d+(\.\d+)?(e-?\d+)?)
    |(?P<name>[A-Za-z]{2,}([-'][A-Za-z]{2,}|'s\b)*|[A-Za-z]\d?)
    |(?P<sign>\.\.\.|[ ]\.[ ]|\|\||\S)
    """,
    re.VERBOSE,
)
# What stands for it in a terminal need not be explained here.
MATRIX_PRODUCT = re.compile(r"(?:,|,? and)\s+`@`\s+the\s+matrix\s+product")
SECTION = re.compile(r"^[A-Z][A-Za-z ]+:$", re.MULTILINE)
BLOCK = re.compile(r"(?<=\n\n)(?:    .*(?:\n|\Z))+")
SYMBOL = r"(?:pi|[A-Za-z0-9])'?[_^](?:\([^()]*\)|-?[A-Za-z0-9]{1,2})(?!\w)"
INSIDE = r"\((?:[^()`]|\([^()`]*\))*\)"
LETTER = r"(?:(?:Ad|Bd|pi|phi|tau|[A-Za-z]\d?'?)(?![\w'])|\d+(?:\.\d+)?\b)"
# A remark in parentheses is none of it.
ATOM = rf"(?!\([^()]*[a-z]{{3}} )(?:{SYMBOL}|\w*'?{INSIDE}|(?:ln )?{LETTER})"
TERM = rf"{ATOM}(?:\s+{ATOM})*"
IN_TEXT = re.compile(
    rf"""
    (?P<left>`[^`]*`|\$\$.*?\$\$)
    |(?<![\w.`"'/])(?<!\w-)(?P<formula>
        (?!a\s+[^-+/*@=<>]){TERM}(?:\s+(?:[-+/*@=<>]|\.\.\.)\s+{TERM})+
        |{SYMBOL}|(?:sigma|tau|phi){INSIDE}|(?:sigma|tau|phi|pi|Ad|Bd)(?!\w)
    )
    (?![\w`]|\.\w)
    """,
    re.VERBOSE | re.DOTALL,
)
"""Code and equations that are left as they are; a formula or a symbol in the text."""


def with_mathematics(docstring: str) -> str:
    """A docstring whose indented blocks, before its first section, are LaTeX."""
    found = SECTION.search(docstring)
    end = found.start() if found else len(docstring)
    above = MATRIX_PRODUCT.sub("", docstring[:end]).replace("`*`", r"$\odot$")
    above = BLOCK.sub(lambda one: display(one[0]), above)
    text, code, below = (above + docstring[end:]).partition("\nExample:\n")
    return IN_TEXT.sub(in_text, text) + code + below


def in_text(found: re.Match[str]) -> str:
    """A formula or a symbol between words; code stays as it is."""
    if found["left"]:
        return found[0]
    return f"${latex(' '.join(found['formula'].split()))}$"


def display(block: str) -> str:
    """The lines of a block of equations, aligned at their first equals signs."""
    lines = [line.strip() for line in block.strip().split("\n")]
    if all(line.startswith("[ ") and line.endswith(" ]") for line in lines):
        rows = [re.split(r"\s{2,}", line[2:-2].strip()) for line in lines]
        inside = r" \\ ".join(" & ".join(map(latex, row)) for row in rows)
        return rf"$$\begin{{pmatrix}} {inside} \end{{pmatrix}}$$" + "\n"
    inside = r" \\ ".join(map(aligned, lines))
    return rf"$$\begin{{align*}} {inside} \end{{align*}}$$" + "\n"


def aligned(line: str) -> str:
    """Left side, right side and remarks; or a case, its equation and remarks."""
    case = re.match(r"(\w+(=\w+)?:)\s+", line)
    if case:
        first, line = rf"\texttt{{{case[1]}}}", line[case.end() :]
        equation, *remarks = re.split(r"\s{3,}", line)
        cells = [rf"{first} & \quad {latex(equation)}"]
    else:
        line = re.sub(r"^(\S+)\s+= ", r"\1 = ", line)
        equation, *remarks = re.split(r"\s{3,}", line)
        left, equals, right = equation.partition(" = ")
        cells = [f"{latex(left)} & {equals.strip()} {latex(right)}"]
    return " & & ".join(cells + [latex(remark) for remark in remarks])


def latex(text: str) -> str:
    """One formula, in which words of two letters and more stay words."""
    made = ""
    start = end = 0
    for token in TOKEN.finditer(text):
        if is_word(token) or (token[0] in ":," and token.start() == end):
            start = start if end else token.start()
            end = token.end()
            continue
        if end:
            made += words(text, start, end)
            end = 0
        # An element-wise product needs elements: this one is of numbers.
        scalar = token[0] == "*" and made.endswith("}") and made.rfind("texttt") > 0
        made += r" \cdot " if scalar else symbol(token)
    return (made + words(text, start, end)).strip()


def is_word(token: re.Match[str]) -> bool:
    """Whether this is no symbol; "a" is the article before a word, else a gate."""
    if token[0] == "a":
        after = re.match(r" ([a-z]{2,})\b", token.string[token.end() :])
        return after is not None and after[1] not in SYMBOLS
    letters = token["name"] and re.match("[A-Za-z]{2}", token[0])
    return bool(letters) and token[0] not in SYMBOLS


def words(text: str, start: int, end: int) -> str:
    """A run of words, with the spaces that part it from its neighbours."""
    if not end:
        return ""
    before, after = text[:start].endswith(" "), text[end:].startswith(" ")
    return rf"\text{{{' ' * before}{text[start:end]}{' ' * after}}}"


def symbol(token: re.Match[str]) -> str:
    found = token[0]
    if found in FUNCTIONS:
        before, after = token.string[: token.start()], token.string[token.end() :]
        factor, argument = re.search(r"[\w)] $", before), re.match(" [a-z]", after)
        return (r"\," if factor else "") + SYMBOLS[found] + (r"\," if argument else "")
    if found in SYMBOLS and not token["script"]:
        return SYMBOLS[found]
    if token["code"]:
        return rf"\texttt{{{found.strip('`')}}}"
    if token["derivative"]:
        above, below = (latex(part[1:]) for part in found.split("/"))
        return rf"\partial {above} / \partial {below}"
    if token["script"] == "*":
        return "^{*}"
    if token["script"]:
        inside = found[1:].removeprefix("(").removesuffix(")")
        return f"{found[0]}{{{script(inside)}}}"
    if token["number"] and "e" in found:
        head, power = found.split("e")
        return f"{'' if head == '1' else head} 10^{{{power}}}"
    if token["name"] and len(found) == 2 and found[1].isdigit():
        return f"{found[0]}_{{{found[1]}}}"
    return found


def script(inside: str) -> str:
    """What stands above or below: letters of their own, but for Greek ones."""
    return latex(inside) if re.search(r"\W", inside) else inside
