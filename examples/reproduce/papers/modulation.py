"""Sha, Schwarcz, Hong 2019: tables 2, 4, 5, 7 and 8, figures 4, 5 and 7."""

from __future__ import annotations

from examples.modulation import cifar10_report, names, sst2
from examples.modulation.text_classification import MODELS
from examples.modulation.text_classification_report import Published
from examples.parameterization.language_model import PUBLISHED
from examples.reproduce.catalog import Cell, Table

CIFAR10_MEASURES = {
    "training_accuracy": "training accuracy",
    "validation_accuracy": "validation accuracy",
    "test_accuracy": "test accuracy",
}
ACCURACY = {"test_accuracy": "test accuracy, last epoch"}
REGIMES = {
    "mean loss": "--loss-reduction mean --first-state zeros",
    "summed loss": "--loss-reduction sum --first-state normal",
}
READ_OUTS = {
    "masked": "--read-out masked --padding full",
    "padded": "--read-out padded --padding full",
    "padded by batch": "--read-out padded --padding template",
}


def as_printed(published: Published) -> str:
    """Mean and deviation, as the paper prints them."""
    return f"{published.mean:.5f} ± {published.std:.5f}"


TABLES = (
    Table(
        id="modulation/table-2",
        title="CIFAR-10: a CNN and two DenseNets, plain and modulated",
        example="examples.modulation.cifar10",
        measures=CIFAR10_MEASURES,
        cells=tuple(
            Cell(
                model,
                f"--models {model}",
                {
                    measure: f"{figure:.3f}"
                    for measure, figure in zip(CIFAR10_MEASURES, figures, strict=True)
                },
                model.removeprefix("modulated-"),
            )
            for model, figures in cifar10_report.PAPER.items()
        ),
        minutes={"paper": 3000, "quick": 10},
        reference=tuple(m for m in cifar10_report.PAPER if m.startswith("modulated-")),
    ),
    Table(
        id="modulation/table-4-names",
        title="Names: from which of 18 languages a name comes",
        example="examples.modulation.names",
        measures=ACCURACY,
        cells=tuple(
            Cell(
                f"{regime}, {title}",
                f"--models {model} --read-out masked {given}",
                {"test_accuracy": as_printed(names.PAPER[model])},
                regime,
            )
            for regime, given in REGIMES.items()
            for model, title in MODELS.items()
        ),
        seeds=5,
        minutes={"paper": 8, "quick": 2},
        paper_runs=30,
        reference=tuple(f"{regime}, modulated" for regime in REGIMES),
        note="The paper leaves open how the loss is reduced and where states start: "
        "a batch's mean and zeros, or, as the likely template has it, its sum and a "
        "draw from N(0, 1).",
    ),
    Table(
        id="modulation/table-4-sst2",
        title="SST-2: for or against a film",
        example="examples.modulation.sst2",
        measures=ACCURACY,
        cells=tuple(
            Cell(
                f"{read_out}, {title}",
                f"--models {model} {given}",
                {"test_accuracy": as_printed(sst2.PAPER[model])},
                read_out,
            )
            for read_out, given in READ_OUTS.items()
            for model, title in MODELS.items()
        ),
        seeds=10,
        minutes={"paper": 240, "quick": 2},
        paper_runs=100,
        reference=tuple(f"{read_out}, modulated" for read_out in READ_OUTS),
    ),
    Table(
        id="modulation/table-7",
        title="Penn Treebank: AWD-LSTM, modulated or not",
        example="examples.parameterization.language_model",
        measures={"test_perplexity": "test perplexity"},
        cells=tuple(
            Cell(row.cell, f"--cells {row.cell}", {"test_perplexity": row.test})
            for row in PUBLISHED
            if row.paper == "Sha 2019"
        ),
        seeds=2,
        presets={
            "paper": "--preset paper --resume",
            "quick": "--preset quick --resume",
        },
        minutes={"paper": 30_000, "quick": 5},
        reference=("modulated",),
        note="The paper's test, n = 2: T = 1.842, 1.9 degrees of freedom, Hedges' g "
        "= 1.853. The quick preset reads WikiText-2.",
    ),
    Table(
        id="modulation/figure-4",
        title="Accuracy of the CNN by epoch, plain and modulated",
        curves=("training_accuracy", "validation_accuracy"),
        source="modulation/table-2",
    ),
    Table(
        id="modulation/figure-5",
        title="Accuracy of the DenseNets by epoch, plain and modulated",
        curves=("training_accuracy", "validation_accuracy"),
        source="modulation/table-2",
    ),
    Table(
        id="modulation/figure-7",
        title="Validation loss on Penn Treebank by epoch",
        curves=("validation_loss",),
        source="modulation/table-7",
    ),
    Table(
        id="modulation/table-5",
        title="What one node makes of its input",
        note="`python -m examples.modulation.names` draws it, activations.png.",
    ),
    Table(
        id="modulation/table-8",
        title="Histograms of the test accuracies over runs",
        note="Drawn by `python -m examples.modulation.names`, histograms.png.",
    ),
)
