"""The mutants of the comparison cells."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "GORU rotates the other way",
        "baselines",
        "arithmetic.multiply_add(sine, second, cosine * first, -1)",
        "arithmetic.multiply_add(sine, second, cosine * first)",
        ("test_goru",),
    ),
    Mutant(
        "GORU resets the drive",
        "baselines",
        "arithmetic.multiply_add(reset, self.rotate(read), drive)",
        "arithmetic.multiply_add(reset, drive, self.rotate(read))",
        ("test_goru",),
    ),
    Mutant(
        "the bias of modReLU lies outside",
        "baselines",
        "return ops.sign(v) * ops.relu(length)",
        "return ops.sign(v) * length",
        ("test_goru",),
    ),
    Mutant(
        "LMU writes into the memory of the step before",
        "baselines",
        "drive + numerics.matmul(m, self.memory_kernel)",
        "drive + numerics.matmul(states[1], self.memory_kernel)",
        ("test_lmu",),
    ),
    Mutant(
        "LMU's memory does not decay",
        "baselines",
        "numerics.matmul(m, self.memory_transition)",
        "m",
        ("test_lmu",),
    ),
]
