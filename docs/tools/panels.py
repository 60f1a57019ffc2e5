"""Where the site's pictures lie, and how wide they are."""

from __future__ import annotations

from pathlib import Path

from matplotlib import pyplot

FOLDER = Path(__file__).parents[1] / "pictures"
WIDTH = 7.6  # inches, 836 pixels


def panels(rows: int, columns: int, height: float, **kwargs: object) -> tuple:
    return pyplot.subplots(
        rows, columns, figsize=(WIDTH, height), layout="constrained", **kwargs
    )
