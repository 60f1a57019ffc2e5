"""Sha, Schwarcz, Hong 2019: tables 1 to 8, figures 1 to 7."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

from examples.modulation import cifar10_report, names, shapes, sst2
from examples.modulation.parameter_counts import COUNTS
from examples.modulation.text_classification import MODELS
from examples.modulation.text_classification_report import Published
from examples.parameterization.language_presets import PUBLISHED
from examples.reproduce import figures
from examples.reproduce.catalog import PRESETS, Cell, Table

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


def counts(networks: Iterable[str]) -> Iterator[Cell]:
    """The cells of a table of parameters."""
    for name in networks:
        printed = {COUNTS[name].unit: COUNTS[name].paper}
        yield Cell(name, f"--networks {name}", printed)


def table_of_counts(
    number: int, title: str, unit: str, networks: Iterable[str]
) -> Table:
    """A table of parameters, in "thousands" or "millions"."""
    return Table(
        id=f"modulation/table-{number}",
        title=title,
        example="examples.modulation.parameter_counts",
        measures={unit: f"parameters, {unit}"},
        cells=tuple(counts(networks)),
        seeds=1,
        presets={"paper": ""},
        minutes={"paper": 0.1},
        exact=True,
    )


def cifar10_table(id: str, networks: str, models: Sequence[str], quick: str) -> Table:
    """A part of Table 2, and what its quick preset is."""
    return Table(
        id=id,
        title=f"CIFAR-10: {networks}, plain and modulated",
        example="examples.modulation.cifar10",
        measures=CIFAR10_MEASURES,
        cells=tuple(
            Cell(
                model,
                f"--models {model}",
                {
                    measure: f"{figure:.3f}"
                    for measure, figure in zip(
                        CIFAR10_MEASURES, cifar10_report.PAPER[model], strict=True
                    )
                },
                model.removeprefix("modulated-"),
            )
            for model in models
        ),
        presets={**PRESETS, "quick": quick},
        minutes={"paper": 3000, "quick": 10},
        reference=tuple(model for model in models if model.startswith("modulated-")),
    )


CNNS = [model for model in cifar10_report.PAPER if "cnn" in model]
DENSENETS = [model for model in cifar10_report.PAPER if "densenet" in model]
OF_CELLS = [name for name in COUNTS if name.startswith(("names-", "sst2-"))]
SHOWN_NODES = ("control-2", "modulated")
ON_TEXTS = {"names": "Names", "sst2": "SST-2"}

TABLES = (
    table_of_counts(
        1,
        "Parameters of the CNN and the DenseNets, without batch normalization",
        "millions",
        cifar10_report.PAPER,
    ),
    cifar10_table("modulation/table-2", "a CNN", CNNS, "--preset quick"),
    # A step of a DenseNet takes ten times as long as one of the CNN.
    cifar10_table(
        "modulation/table-2-densenets",
        "two DenseNets",
        DENSENETS,
        "--preset quick --epochs 3",
    ),
    table_of_counts(
        3, "Recurrent weights of the LSTMs on texts", "thousands", OF_CELLS
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
    *(
        Table(
            id=f"modulation/table-5-{task}",
            title=f"What one node makes of its input, by its context: {title}",
            source=f"modulation/table-4-{task}",
            only=tuple(f"{group}, {MODELS[model]}" for model in SHOWN_NODES),
            picture=figures.node_figure,
            note="Dots are what happened at symbols of the test set; the curve through "
            "a dot is what the node would make of another input in that context. "
            f"`python -m examples.modulation.{task}` draws it too, activations.png.",
        )
        for (task, title), group in zip(
            ON_TEXTS.items(), ("mean loss", "masked"), strict=True
        )
    ),
    table_of_counts(
        6,
        "Recurrent weights of AWD-LSTM's wide layers, modulated or not",
        "millions",
        ("awd-lstm-modulated", "awd-lstm"),
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
    *(
        Table(
            id=f"modulation/table-8-{task}",
            title=f"Histograms of the test accuracies over runs: {title}",
            source=f"modulation/table-4-{task}",
            picture=functools.partial(figures.histogram_figure, "test_accuracy"),
        )
        for task, title in ON_TEXTS.items()
    ),
    *(
        Table(
            id=f"modulation/figure-{number}",
            title=f"Drawing of {what}",
            note=f"No measurement; it is built by `{layer}`.",
        )
        for number, what, layer in (
            (1, "a modulated layer of a CNN", "keras_modact.Modulated"),
            (2, "a modulated dense block", "examples.modulation.modulated_cnn"),
            (3, "the modulated LSTM cell", "keras_modact.ModulatedLSTM"),
            (6, "the three controls", "examples.modulation.text_classification"),
        )
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
        source="modulation/table-2-densenets",
    ),
    Table(
        id="modulation/figure-7",
        title="Validation loss of AWD-LSTM by epoch, modulated or not",
        note="The paper's is of Penn Treebank; the quick preset reads WikiText-2.",
        curves=("validation_loss",),
        source="modulation/table-7",
    ),
    Table(
        id="modulation/shapes",
        title="Discs and squares: what modulated convolutions say over an image",
        example="examples.modulation.shapes",
        measures={"test_accuracy": "test accuracy"},
        cells=tuple(Cell(model, f"--models {model}") for model in shapes.MODELS),
        presets={"quick": "--preset quick"},
        minutes={"quick": 0.2},
        reference=("modulated",),
        source="modulation/shapes",
        only=("modulated",),
        picture=figures.map_figure,
        note="No table of the paper, whose images may not be shown here: synthetic "
        "ones, and the signals over two of them in the first run.",
    ),
)
