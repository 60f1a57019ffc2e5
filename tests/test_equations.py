"""The site's equations are those of the docstrings."""

import pytest

from docs.tools.equations import with_mathematics


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "h_t = c * h_(t-1) + (1 - c) * tanh(x_t U + h' @ W)",
            r"h_{t} & = c \odot h_{t-1}+(1-c) \odot \mathrm{tanh}"
            r"(x_{t}U+h{\prime}\,W)",
        ),
        (
            "s   = tau(w_m . x)    one signal, bistable where a > 1",
            r"s & = \tau (w_{m} \cdot x) & & "
            r"\text{one signal, bistable where }a>1",
        ),
        (
            "d_j = [1 +] tau(z), or 1 where `adaptation` says a word",
            r"d_{j} & = [1+]\tau (z),\text{ or }1\text{ where }"
            r"\texttt{adaptation}\text{ says a word}",
        ),
        ("otherwise:   y = x", r"\texttt{otherwise:} & \quad y=x"),
    ],
)
def test_line_becomes_latex(written: str, expected: str) -> None:
    docstring = f"A layer.\n\n    {written}\n\nArgs:\n\n    code = left\n"
    found = with_mathematics(docstring)
    assert f"$$\\begin{{align*}} {expected} \\end{{align*}}$$" in found
    assert found.endswith("Args:\n\n    code = left\n")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("at a = 1 (appendix A of the paper)", "at $a=1$ (appendix A of the paper)"),
        ("`x_t` is x_t, or tau(z U_j)", r"`x_t` is $x_{t}$, or $\tau (zU_{j})$"),
        ("a part of x W +\n    h_(t-1) @ R", r"a part of $xW+h_{t-1}\,R$"),
        ("a cell-x_t of `a * b`", "a cell-x_t of `a * b`"),
    ],
)
def test_symbols_in_the_text_become_latex(written: str, expected: str) -> None:
    docstring = f"A layer.\n\n{written}.\n\nArgs:\n    x: {written}.\n\n"
    found = with_mathematics(docstring + "Example:\n    h_t = 1\n")
    assert found.count(f"{expected}.") == 2
    assert found.endswith("Example:\n    h_t = 1\n")


def test_matrix_becomes_latex() -> None:
    found = with_mathematics("Rotation.\n\n    [ cos t  -1 ]\n    [ 1   cos t ]\n")
    inside = r"\mathrm{cos}\,t & -1 \\ 1 & \mathrm{cos}\,t"
    assert rf"\begin{{pmatrix}} {inside} \end{{pmatrix}}" in found
