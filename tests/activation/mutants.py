"""The mutants of the adaptive activation."""

from __future__ import annotations

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "gamma adds the saturation with the wrong sign",
        "activation",
        "1 - saturation) + sigmoid * saturation",
        "1 - saturation) - sigmoid * saturation",
        ("test_gamma",),
    ),
    Mutant(
        "softplus is not divided by the gain",
        "activation",
        "linear + rest / gain",
        "linear + rest",
        ("test_gamma",),
    ),
    Mutant(
        "gamma overflows where the product of gain and input does",
        "activation",
        "linear = ops.where(u > 0, passed, ops.zeros_like(passed))",
        "linear = ops.where(u > 0, u / gain, ops.zeros_like(passed))",
        ("test_gamma",),
    ),
    Mutant(
        "gamma's gain gets a NaN where the input is infinite",
        "activation",
        "finite = numerics.finite(wide)",
        "finite = wide",
        ("test_gamma",),
    ),
    Mutant(
        "gamma of whole numbers",
        "activation",
        "x = numerics.as_float(ops.convert_to_tensor(x))",
        "x = ops.convert_to_tensor(x)",
        ("test_gamma",),
    ),
    Mutant(
        "gain and saturation are cast to the compute dtype",
        "activation",
        "                autocast=False,\n",
        "",
        ("test_dtypes", "test_cells", "test_gamma_layer"),
    ),
    Mutant(
        "the static mode trains",
        "activation",
        'trainable=self.mode != "static"',
        "trainable=True",
        ("test_layer_table",),
    ),
    Mutant(
        "one gain for all in the heterogeneous mode",
        "activation",
        'if self.mode == "heterogeneous" else ()',
        'if self.mode == "homogeneous" else ()',
        ("test_layer_table",),
    ),
    Mutant(
        "the config forgets the mode",
        "activation",
        'return {"mode": self.mode, **',
        "return {**",
        ("test_serialization",),
    ),
    Mutant(
        "ARUN's supervisor does not read a",
        "activation",
        "driven += a[..., None] *",
        "driven += 0 * a[..., None] *",
        ("test_cells",),
    ),
    Mutant(
        "ARUN's supervisor has no bias",
        "activation",
        "            driven += numerics.weight_like(self.supervisor_bias, a)\n",
        "            pass\n",
        ("test_cells",),
    ),
    Mutant(
        "ARUN adapts by the state before",
        "activation",
        "        g = self._supervise(a, g)\n        gain, saturation = "
        "self.adaptation(g)\n",
        "        gain, saturation = self.adaptation(g)\n        g = "
        "self._supervise(a, g)\n",
        ("test_cells",),
    ),
    Mutant(
        "ARUN's gain starts too low",
        "activation",
        "RandomUniform(5.0, 7.0)",
        "RandomUniform(4.0, 6.0)",
        ("test_cells",),
    ),
    Mutant(
        "Henaff turns one way only",
        "activation",
        "- ops.diag(beside, k=1)",
        "+ ops.diag(beside, k=1)",
        ("test_henaff",),
    ),
    Mutant(
        "Henaff draws other angles",
        "activation",
        "RandomUniform(-np.pi, 0.0, seed=seed)",
        "RandomUniform(-np.pi, np.pi, seed=seed)",
        ("test_henaff",),
    ),
    Mutant(
        "Gamma ignores the shared axes",
        "activation",
        "[1 if axis in shared else shape[axis]",
        "[shape[axis]",
        ("test_layer_table",),
    ),
    Mutant(
        "Gamma passes no mask on",
        "activation",
        "self.supports_masking = True",
        "self.supports_masking = False",
        ("test_masks",),
    ),
]
