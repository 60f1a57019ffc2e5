"""Maharaj 2015: tables 6 to 10, figures 12 and 13."""

from __future__ import annotations

from collections.abc import Iterator

from examples.rectification import mixlu_cifar10, mixlu_mnist
from examples.rectification.mixlu_training import Thesis
from examples.reproduce.catalog import Cell, Table

# As the thesis' program counts them.
PUBLISHED_ERRORS = {
    "training_errors": "training error %, while it trained",
    "drawn_test_errors": "test error %, elements drawn",
}
ERRORS = {
    **PUBLISHED_ERRORS,
    "train_error": "training error %, expected value",
    "test_error": "test error %, expected value",
}


def cells(thesis: Thesis) -> Iterator[Cell]:
    """Every percentage of NegLUs with both gradients; with none there is one."""
    for fraction, figures in thesis.figures.items():
        for gradient in ("published", "exact") if fraction else ("published",):
            name = f"{fraction:g}%" + (f", {gradient} gradient" if fraction else "")
            # The thesis' program has the published gradient.
            paper = {
                measure: f"{thesis.shown(figure):.2f}"
                for measure, figure in zip(PUBLISHED_ERRORS, figures, strict=True)
            }
            yield Cell(
                name,
                f"--fractions {fraction:g} --gradients {gradient}",
                paper if gradient == "published" else {},
                f"{fraction:g}%",
            )


def exact(thesis: Thesis) -> tuple[str, ...]:
    """The cells with the exact gradient."""
    return tuple(f"{f:g}%, exact gradient" for f in thesis.figures if f)


TABLES = (
    Table(
        id="rectification/table-7",
        title="MixLU-LeNet on MNIST, 0 to 10% NegLUs (tables 6 and 7)",
        example="examples.rectification.mixlu_mnist",
        measures=ERRORS,
        cells=tuple(cells(mixlu_mnist.THESIS)),
        seeds=1,
        minutes={"paper": 15, "quick": 1},
        reference=exact(mixlu_mnist.THESIS),
    ),
    Table(
        id="rectification/table-10",
        title="MixLU-LeNet5 on CIFAR-10, 0 to 3% NegLUs (tables 9 and 10)",
        example="examples.rectification.mixlu_cifar10",
        measures=ERRORS,
        cells=tuple(cells(mixlu_cifar10.THESIS)),
        seeds=1,
        minutes={"paper": 120, "quick": 2},
        reference=exact(mixlu_cifar10.THESIS),
        note="The thesis' accuracies are shown as errors.",
    ),
    Table(
        id="rectification/table-8",
        title="Test errors of MixLU-LeNet on MNIST, epoch by epoch",
        curves=("drawn_test_errors",),
        source="rectification/table-7",
    ),
    Table(
        id="rectification/figure-12",
        title="MixLU-LeNet's errors on MNIST by epoch",
        curves=("training_errors", "drawn_test_errors"),
        source="rectification/table-7",
    ),
    Table(
        id="rectification/figure-13",
        title="MixLU-LeNet5's errors on CIFAR-10 by epoch",
        curves=("training_errors", "drawn_test_errors"),
        source="rectification/table-10",
    ),
)
