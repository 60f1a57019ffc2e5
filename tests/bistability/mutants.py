"""The mutants of the bistable cells."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "the gates change places in the update",
        "bistability",
        "arithmetic.interpolate(candidate, h, update)",
        "arithmetic.interpolate(h, candidate, update)",
        ("test_cells",),
    ),
    Mutant(
        "the update reads the block of the feedback",
        "bistability",
        "arithmetic.multiply_add(read, of_update, update)",
        "arithmetic.multiply_add(read, of_update, feedback)",
        ("test_cells",),
    ),
    Mutant(
        "the candidate reads the block of the update",
        "bistability",
        "feedback, update, drive = self.gate_inputs(projected, h, recurrent_mask)",
        "feedback, drive, update = self.gate_inputs(projected, h, recurrent_mask)",
        ("test_cells",),
    ),
    Mutant(
        "the feedback gate ends at 1",
        "bistability",
        "arithmetic.sigmoid(2 * feedback)",
        "0.5 * arithmetic.sigmoid(2 * feedback)",
        ("test_cells",),
    ),
    Mutant(
        "the sigmoid of the feedback is too flat",
        "bistability",
        "arithmetic.sigmoid(2 * feedback)",
        "arithmetic.sigmoid(feedback)",
        ("test_cells",),
    ),
    Mutant(
        "the bias of the candidate is left out",
        "bistability",
        "        if self.use_candidate_bias:\n            return bias\n",
        "",
        ("test_cells",),
    ),
    Mutant(
        "BRC starts with zeros in place of ones",
        "bistability",
        '{"recurrent_initializer": "ones"}',
        '{"recurrent_initializer": "zeros"}',
        ("test_cells",),
    ),
    Mutant(
        "one block is drawn for the kernel of all gates",
        "bistability",
        '"kernel", blocks=3)',
        '"kernel")',
        ("test_cells",),
    ),
    Mutant(
        "the published gates leave out a factor 2",
        "bistability",
        "return 2 * half_feedback(feedback), arithmetic.sigmoid(update)",
        "return half_feedback(feedback), arithmetic.sigmoid(update)",
        ("test_cells",),
    ),
    Mutant(
        "the slope at a fixed point",
        "bistability",
        "feedback * (1 - points**2)",
        "feedback * (1 + points**2)",
        ("test_dynamics",),
    ),
    Mutant(
        "a fixed point counts as stable at slope 1",
        "bistability",
        "return np.abs(self.slopes) < 1",
        "return self.slopes <= 1.5",
        ("test_dynamics",),
    ),
    Mutant(
        "VAA* does not squash the states",
        "bistability",
        "_squared_distances(ops.tanh(_checked_states(states)))",
        "_squared_distances(_checked_states(states))",
        ("test_warm_up",),
    ),
    Mutant(
        "warming up goes away from its target",
        "bistability",
        "ops.square(vaa_star(_, states) - self.target)",
        "-ops.square(vaa_star(_, states) - self.target)",
        ("test_warm_up",),
    ),
    Mutant(
        "all sequences are held for as many steps in all",
        "bistability",
        "np.array(cuts)[:, None] + hold",
        "max(cuts) + hold",
        ("test_warm_up",),
    ),
    Mutant(
        "the copy that is warmed up keeps its penalties",
        "bistability",
        "            weight.regularizer = None\n",
        "            pass\n",
        ("test_warm_up",),
    ),
    Mutant(
        "the units that are not warmed up move",
        "bistability",
        "ops.where(self.chosen, value, self.start)",
        "value",
        ("test_warm_up",),
    ),
    Mutant(
        "a unit's slope leaves out that its feedback reads the state",
        "bistability",
        "(a + change * points)",
        "a",
        ("test_units",),
    ),
    Mutant(
        "a unit's gates read its own state twice",
        "bistability",
        "h @ kernel - h * w",
        "h @ kernel",
        ("test_units",),
    ),
]
