"""How wide the site's pictures are, and where they are written."""

from __future__ import annotations

from pathlib import Path

from matplotlib import pyplot
from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[1] / "pictures"
WIDTH = 6.4
"""In inches: letters of 10 points are read at 700 pixels, and at a phone's 390."""


def panels(rows: int, columns: int, height: float, **kwargs: object) -> tuple:
    return pyplot.subplots(
        rows, columns, figsize=(WIDTH, height), layout="constrained", **kwargs
    )


def save(figure: Figure, name: str) -> None:
    """Writes a picture, 832 pixels wide if the figure has this width."""
    figure.savefig(FOLDER / f"{name}.png", dpi=130)
