"""Flennerhag, Yin, Keane, Elliot 2018: tables 1 and 2, figures 2 and 3."""

from __future__ import annotations

from examples.parameterization import mnist_report
from examples.parameterization.language_model import PAPERS
from examples.parameterization.tail_regression import MODELS
from examples.reproduce.catalog import Cell, Table

ACCURACIES = {"train_accuracy": "training accuracy", "test": "test accuracy"}
PERPLEXITIES = {
    "validation_perplexity": "validation perplexity",
    "test_perplexity": "test perplexity",
}

TABLES = (
    Table(
        id="parameterization/figure-2",
        title="Tail regression: squared error in the tail and elsewhere",
        example="examples.parameterization.tail_regression",
        measures={"tail_mse": "tail MSE", "rest_mse": "MSE elsewhere"},
        cells=tuple(Cell(model, f"--models {model}") for model in MODELS),
        seeds=20,
        minutes={"paper": 1, "quick": 1},
        reference=("adaptive",),
        note="The paper has a picture and no figures.",
    ),
    Table(
        id="parameterization/table-1",
        title="MNIST: logistic regression, feed-forward, and adapted singular values",
        example="examples.parameterization.mnist",
        measures=ACCURACIES,
        cells=tuple(
            Cell(
                f"{title} {size}{start}",
                f"--models {model}{option}",
                {
                    measure: f"{figure / 100:.4f}"
                    for measure, figure in zip(ACCURACIES, figures, strict=True)
                },
            )
            for model, (title, size, *figures) in mnist_report.PAPER.items()
            for start, option in (("", ""), (", around one", " --around-one"))
            if not option or model.startswith("sva")
        ),
        minutes={"paper": 15, "quick": 2},
        reference=("3-layer feed-forward 100K",),
    ),
    Table(
        id="parameterization/table-2",
        title="Penn Treebank: LSTM and adaptive LSTM",
        example="examples.parameterization.language_model",
        measures=PERPLEXITIES,
        cells=tuple(
            Cell(
                cell,
                f"--cells {cell}",
                dict(zip(PERPLEXITIES, figures.split(" / "), strict=True)),
            )
            for cell, figures in PAPERS["Flennerhag 2018, validation / test"].items()
        ),
        seeds=1,
        presets={
            "paper": "--preset adaptive-paper --resume",
            "quick": "--preset quick --resume",
        },
        minutes={"paper": 20_000, "quick": 5},
        reference=("adaptive",),
        note="The quick preset reads WikiText-2.",
    ),
    Table(
        id="parameterization/figure-3",
        title="Validation loss on Penn Treebank by epoch",
        curves=("validation_loss",),
        source="parameterization/table-2",
    ),
)
