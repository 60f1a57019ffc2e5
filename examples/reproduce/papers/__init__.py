"""The tables and figures of the five papers, a module for each paper."""

from examples.reproduce.papers import (
    activation,
    bistability,
    modulation,
    parameterization,
    rectification,
)

CATALOG = (
    *bistability.TABLES,
    *modulation.TABLES,
    *activation.TABLES,
    *rectification.TABLES,
    *parameterization.TABLES,
)
