"""Maharaj 2015: tables 1 to 10, figures 1 to 13."""

from __future__ import annotations

from collections.abc import Iterator

from examples.rectification import mixlu_cifar10, mixlu_mnist
from examples.rectification.mixlu_training import Thesis
from examples.reproduce.catalog import Cell, Table
from examples.reproduce.figures import derivative_figure, rectifier_figure

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


# Test errors in percent after the first nine epochs.
TABLE_8 = {
    "0%": (2.07, 1.54, 1.46, 1.30, 1.18, 1.09, 1.13, 1.31, 1.03),
    "1%, published gradient": (2.22, 1.45, 1.52, 1.28, 1.12, 1.29, 1.28, 1.15, 1.09),
}
IN_WORDS = "No measurement: the thesis' chapters on biology and on networks."

TABLES = (
    Table(
        id="rectification/tables-1-to-5",
        title="Terms and interpretations: synapses, plasticity, signs of weights",
        note=IN_WORDS,
    ),
    Table(
        id="rectification/figures-1-to-7",
        title="Drawings of neurons, synapses and networks",
        note=IN_WORDS,
    ),
    Table(
        id="rectification/figure-8",
        title="Activation functions: sigmoid, tanh, ReLU, NegLU",
        figure=rectifier_figure,
        note="Drawn from the equations.",
    ),
    Table(
        id="rectification/figure-9",
        title="The derivative of NegLU",
        figure=derivative_figure,
        note="Drawn from the equations.",
    ),
    Table(
        id="rectification/figures-10-and-11",
        title="Images of MNIST and CIFAR-10",
        note="No measurement: examples of the data.",
    ),
    Table(
        id="rectification/table-6",
        title="MixLU-LeNet's errors on MNIST",
        note="The figures of table 7.",
    ),
    Table(
        id="rectification/table-7",
        title="MixLU-LeNet on MNIST, 0 to 10% NegLUs",
        example="examples.rectification.mixlu_mnist",
        measures=ERRORS,
        cells=tuple(cells(mixlu_mnist.THESIS)),
        seeds=1,
        minutes={"paper": 15, "quick": 1},
        reference=exact(mixlu_mnist.THESIS),
        note="The columns that the thesis derives from these the example prints.",
    ),
    Table(
        id="rectification/table-9",
        title="MixLU-LeNet5's accuracies on CIFAR-10",
        note="The figures of table 10.",
    ),
    Table(
        id="rectification/table-10",
        title="MixLU-LeNet5 on CIFAR-10, 0 to 3% NegLUs",
        example="examples.rectification.mixlu_cifar10",
        measures=ERRORS,
        cells=tuple(cells(mixlu_cifar10.THESIS)),
        seeds=1,
        minutes={"paper": 120, "quick": 2},
        reference=exact(mixlu_cifar10.THESIS),
        note="The thesis' accuracies are shown as errors; the columns that it derives "
        "from them the example prints.",
    ),
    Table(
        id="rectification/table-8",
        title="Test errors of MixLU-LeNet on MNIST, epoch by epoch",
        curves=("drawn_test_errors",),
        source="rectification/table-7",
        only=tuple(TABLE_8),
        by_epoch=TABLE_8,
    ),
    Table(
        id="rectification/figure-12",
        title="MixLU-LeNet's errors on MNIST by epoch",
        curves=("training_errors", "drawn_test_errors"),
        source="rectification/table-7",
        only=tuple(f"{percent}%, published gradient" for percent in range(1, 7)),
    ),
    Table(
        id="rectification/figure-13",
        title="MixLU-LeNet5's errors on CIFAR-10 by epoch",
        curves=("training_errors", "drawn_test_errors"),
        source="rectification/table-10",
        only=tuple(
            f"{percent:g}%" + (", published gradient" if percent else "")
            for percent in mixlu_cifar10.THESIS.figures
        ),
    ),
)
