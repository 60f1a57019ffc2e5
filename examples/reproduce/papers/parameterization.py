"""Flennerhag, Yin, Keane, Elliot 2018: tables 1 to 3, figures 1 to 3."""

from __future__ import annotations

from collections.abc import Iterator

from examples.parameterization import mnist_report
from examples.parameterization.language_presets import PUBLISHED
from examples.parameterization.tail_regression import MODELS
from examples.reproduce.catalog import Cell, Table

ACCURACIES = {"train_accuracy": "training accuracy", "test": "test accuracy"}
PERPLEXITIES = {
    "validation_perplexity": "validation perplexity",
    "test_perplexity": "test perplexity",
}
LANGUAGE_MODEL = "examples.parameterization.language_model"


def language_cells(corpus: str) -> Iterator[Cell]:
    """The paper's adaptive cells and its LSTM on a corpus, each of its own size."""
    for row in PUBLISHED:
        if (row.paper, row.corpus) == ("Flennerhag 2018", corpus):
            yield Cell(
                row.title,
                f"--preset {row.preset} --cells {row.cell} --units {row.units}",
                dict(zip(PERPLEXITIES, (row.validation, row.test), strict=True)),
            )


TABLES = (
    Table(
        id="parameterization/figure-1",
        title="Drawing of the adaptation policies: output, input, IO, singular values",
        note="No measurement; they are the `adaptation` of "
        "`keras_modact.AdaptiveDense`.",
    ),
    Table(
        id="parameterization/figure-2",
        title="Tail regression: squared error in the tail and elsewhere",
        example="examples.parameterization.tail_regression",
        measures={"tail_mse": "tail MSE", "rest_mse": "MSE elsewhere"},
        cells=tuple(Cell(model, f"--models {model}") for model in MODELS),
        seeds=20,
        minutes={"paper": 1, "quick": 1},
        reference=("adaptive",),
        note="The paper has a picture and no figures; ours is in the gallery.",
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
        reference=("3-layer feed-forward 100K", "logistic regression 8K"),
    ),
    Table(
        id="parameterization/table-2",
        title="Penn Treebank: LSTM and adaptive LSTM",
        example=LANGUAGE_MODEL,
        measures=PERPLEXITIES,
        cells=tuple(language_cells("ptb")),
        seeds=1,
        presets={"paper": "--resume"},
        minutes={"paper": 20_000},
        reference=("adaptive LSTM 17M",),
        note="The paper's AWD-LSTM (24M: 60.0 and 57.3) is the plain one of "
        "modulation/table-7; the rows that it takes from other papers are left out.",
    ),
    Table(
        id="parameterization/table-3",
        title="WikiText-2: adaptive LSTM",
        example=LANGUAGE_MODEL,
        measures=PERPLEXITIES,
        cells=tuple(language_cells("wikitext-2")),
        seeds=1,
        presets={"paper": "--resume"},
        minutes={"paper": 60_000},
    ),
    Table(
        id="parameterization/small-wikitext-2",
        title="Part of WikiText-2: small LSTM and adaptive LSTM, as many parameters",
        example=LANGUAGE_MODEL,
        measures=PERPLEXITIES,
        cells=tuple(
            Cell(cell, f"--cells {cell}")
            for cell in ("lstm", "adaptive", "adaptive-static")
        ),
        presets={"quick": "--preset quick --resume"},
        minutes={"quick": 5},
        reference=("adaptive",),
        note="No table of the paper: what tables 2 and 3 show in days, in minutes.",
    ),
    Table(
        id="parameterization/figure-3",
        title="Validation loss on Penn Treebank by epoch",
        curves=("validation_loss",),
        source="parameterization/table-2",
    ),
)
