"""Whether a path computes what it should, before anything of it is timed.

The error of the outputs and of every gradient, against the float64 reference, is
at most twice that of a plain `keras.layers.RNN` over the same cell in float32, as
the median over several problems: how well a single one is solved is luck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from benchmarks import cases, peers, reference
from benchmarks.steps import Backend

TIMES_NAIVE = 2.0
# The gradient by a single gain is the remainder of a long sum: two backends that
# are equally right were 4 times apart there, and within 2.5 times elsewhere.
TIMES_NAIVE_OF_FEW, FEW = 6.0, 8
TIMES_WORST = 50.0
FLOOR = 4 * float(np.finfo("float32").eps)
"""Relative error that is nobody's fault, where the plain loop is lucky."""

Arrays = Mapping[str, np.ndarray]


def relative_errors(arrays: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The root mean square of the difference over that of the truth, by problem.

    Args:
        arrays: What was computed, with the problems on the first axis.
        true: What it should be.
    """
    axes = tuple(range(1, true.ndim))
    sizes = np.sqrt(np.sum(true**2, axis=axes))
    off = np.sqrt(np.sum((arrays.astype("float64") - true) ** 2, axis=axes))
    return off / np.maximum(sizes, np.finfo("float32").tiny)


def compare(computed: Arrays, naive: Arrays, true: Arrays) -> dict[str, Any]:
    """Compares outputs and gradients with the truth.

    The median of a quantity's errors over the problems is at most `TIMES_NAIVE`
    times, and the worst at most `TIMES_WORST` times that of the plain loop. Where
    a quantity has fewer than `FEW` numbers, `TIMES_NAIVE_OF_FEW` is allowed.

    Args:
        computed: From the path in question.
        naive: From `keras.layers.RNN` in float32.
        true: From the float64 reference.

    Returns:
        `passed`, and by quantity `error`, `naive`, `allowed`, the same of the
        worst as `worst_error`, `worst_naive`, `worst_allowed`, and `passed`.
    """
    quantities = {}
    for name, array in true.items():
        errors, plain = (relative_errors(a[name], array) for a in (computed, naive))
        error, usual = float(np.median(errors)), float(np.median(plain))
        worst, worst_usual = float(errors.max()), float(plain.max())
        few = array[0].size < FEW
        allowed = (TIMES_NAIVE_OF_FEW if few else TIMES_NAIVE) * usual + FLOOR
        worst_allowed = TIMES_WORST * worst_usual + FLOOR
        quantities[name] = {
            "error": error,
            "naive": usual,
            "allowed": allowed,
            "worst_error": worst,
            "worst_naive": worst_usual,
            "worst_allowed": worst_allowed,
            # A NaN is within no bound.
            "passed": error <= allowed and worst <= worst_allowed,
        }
    passed = all(quantity["passed"] for quantity in quantities.values())
    return {"passed": passed, "quantities": quantities}


def line(record: Mapping[str, Any]) -> str:
    """A record in words, with the worst of its quantities."""
    place = (
        f"{record['cell']} on the path '{record['path']}', input size "
        f"{record['features']}, {record['setting']} weights"
    )
    if "reason" in record:
        return f"FAILED: {place}: {record['reason']}"
    name, worst = max(
        record["quantities"].items(),
        key=lambda item: (not item[1]["passed"], item[1]["error"] / item[1]["allowed"]),
    )
    verdict = "right" if record["passed"] else "FAILED"
    return (
        f"{verdict}: {place}; {name}: error {worst['error']:.1e}, allowed "
        f"{worst['allowed']:.1e}; in the worst of {cases.DRAWS} problems "
        f"{worst['worst_error']:.1e}, allowed {worst['worst_allowed']:.1e}"
    )


class Checker:
    """Checks each path once, and keeps what was found.

    Args:
        backend: The backend in use.
        cells: Names of the cells to be checked.
        features: The grid's input sizes.
        say: Prints a line.

    Attributes:
        records: What was found, a dictionary for each path, input size and setting.
        failed: The cells of which a path failed.
    """

    def __init__(
        self,
        backend: Backend,
        cells: Iterable[str],
        features: Iterable[int],
        say: Callable[[str], None],
    ) -> None:
        self.backend = backend
        self.say = say
        self.true = reference.compute(cells, map(cases.case_features, features))
        self.naive: dict[reference.Problem, reference.Solved] = {}
        self.records: list[dict[str, Any]] = []
        self.failed: set[str] = set()
        self._found: dict[tuple[str, str, int], bool] = {}

    def passes(self, cell: str, path: str, features: int) -> bool:
        """Whether a path is right at every setting of the weights.

        Args:
            cell: The cell's name.
            path: `"auto"`, or the name of a path.
            features: Input size of the grid; a large one is checked at a smaller.
        """
        features = cases.case_features(features)
        key = cell, path, features
        if key not in self._found:
            records, taken = self.check(*key)
            for record in records:
                self.say(line(record))
            self.records += records
            right = all(record["passed"] for record in records)
            self._found[key] = self._found[cell, taken, features] = right
            if not right:
                self.failed.add(cell)
        return self._found[key]

    def check(
        self, cell: str, path: str, features: int
    ) -> tuple[list[dict[str, Any]], str]:
        """Solves the small problems of a cell by a path.

        Returns:
            A record for each setting, and the path that was taken.
        """
        problem = cell, features
        if problem not in self.naive:
            self.naive[problem] = self._solve(cell, "rnn", features)[0]
        about: dict[str, Any] = {"cell": cell, "path": path, "features": features}
        try:
            solved, layer = self._solve(cell, f"layer/{path}", features)
        except ValueError as error:
            reason = {"passed": False, "reason": str(error), "quantities": {}}
            return [{**about, "setting": s, **reason} for s in cases.SETTINGS], path
        about["path"] = peers.path(layer)
        naive, true = self.naive[problem], self.true[problem]
        records = [
            {**about, "setting": s, **compare(solved[s], naive[s], true[s])}
            for s in cases.SETTINGS
        ]
        return records, about["path"]

    def _solve(
        self, cell: str, peer: str, features: int
    ) -> tuple[reference.Solved, Any]:
        layer = peers.build(self.backend, cell, peer, cases.UNITS, features)
        return cases.solve(self.backend, cell, layer, features), layer
