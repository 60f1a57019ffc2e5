"""The mutants of all rooms."""

from __future__ import annotations

from tests.activation import mutants as activation
from tests.baselines import mutants as baselines
from tests.bistability import mutants as bistability
from tests.modulation import mutants as modulation
from tests.mutants import shared
from tests.parameterization import mutants as parameterization
from tests.rectification import mutants as rectification

MUTANTS = [
    *bistability.MUTANTS,
    *activation.MUTANTS,
    *rectification.MUTANTS,
    *modulation.MUTANTS,
    *parameterization.MUTANTS,
    *baselines.MUTANTS,
    *shared.MUTANTS,
]
