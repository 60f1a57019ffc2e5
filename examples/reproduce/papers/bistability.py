"""Vecoven, Ernst, Drion 2021: tables 1 to 5, figures 1 to 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from examples.bistability import copy_first_input, denoising, sequential_mnist
from examples.bistability.cell_comparison import CELLS, PAPER_CELLS
from examples.bistability.warm_up import STARTS
from examples.reproduce.catalog import PRESETS, Cell, Table
from examples.reproduce.figures import bistability_figure, gates_figure

# The paper's sizes, but for the epochs.
SHORT = {**PRESETS, "short": "--preset paper --epochs 5"}


def cells(
    group: str,
    arguments: str,
    weight: float = 1.0,
    **papers: Mapping[str, str],
) -> Iterator[Cell]:
    """The six cells of a line of a table; `papers` has their figures by measure."""
    for key in PAPER_CELLS:
        name = CELLS[key][0]
        yield Cell(
            f"{group}, {name}" if group else name,
            f"{arguments} --cells {key}",
            {measure: figures[key] for measure, figures in papers.items()},
            group,
            weight,
        )


def classes(
    variant: str, lines: int, group: str = "", more: str = ""
) -> Iterator[Cell]:
    """The cells of a line of a table on MNIST; `more` is added to their options."""
    counted = f" --black-lines {lines}" if lines else ""
    return cells(
        group,
        f"--variant {variant}{counted}{more}",
        1 + lines / 28,
        test_accuracy=sequential_mnist.PAPER[variant, lines],
        test_f1=sequential_mnist.PAPER_F1[variant, lines],
    )


COPY = "examples.bistability.copy_first_input"
DENOISING = "examples.bistability.denoising"
MNIST = "examples.bistability.sequential_mnist"
ACCURACIES = {"test_accuracy": "test accuracy", "test_f1": "macro F1"}

TABLES = (
    Table(
        id="bistability/table-1",
        title="Copy first input: test error after T steps",
        example=COPY,
        measures={"test_mse": "test MSE"},
        cells=tuple(
            cell
            for steps, figures in copy_first_input.PAPER.items()
            for cell in cells(
                f"T = {steps}", f"--time-steps {steps}", steps / 50, test_mse=figures
            )
        ),
        presets=SHORT,
        # At 50 steps.
        minutes={"paper": 8, "short": 0.8, "quick": 1},
        paper_runs=3,
        reference=tuple(f"T = {steps}, nBRC" for steps in copy_first_input.PAPER),
    ),
    Table(
        id="bistability/table-2",
        title="Denoising: five marked values, none of them in the last N steps",
        example=DENOISING,
        measures={"test_mse": "test MSE"},
        cells=tuple(
            cell
            for free, figures in denoising.PAPER.items()
            for cell in cells(f"N = {free}", f"--free-steps {free}", test_mse=figures)
        ),
        presets={**SHORT, "quick": "--preset quick --time-steps 400"},
        minutes={"paper": 240, "short": 24, "quick": 7},
        paper_runs=3,
        reference=tuple(f"N = {free}, nBRC" for free in denoising.PAPER),
    ),
    Table(
        id="bistability/table-3",
        title="Permuted sequential MNIST, pixel by pixel",
        example=MNIST,
        measures=ACCURACIES,
        cells=tuple(classes("pixel", 0)),
        presets={**SHORT, "quick": "--preset quick --epochs 2"},
        minutes={"paper": 900, "short": 90, "quick": 8},
        paper_runs=3,
        reference=("nBRC",),
    ),
    Table(
        id="bistability/table-4",
        title="Permuted MNIST line by line, and N black lines",
        example=MNIST,
        measures=ACCURACIES,
        cells=tuple(
            cell
            for lines, more, rows in (
                (72, "", ""),
                (472, "", ""),
                (72, " --permute rows", ", rows only"),
            )
            for cell in classes("line", lines, f"N = {lines}{rows}", more)
        ),
        note="The paper permutes pixels, its published code rows only: both are here.",
        presets=SHORT,
        # Of the 28 lines alone.
        minutes={"paper": 20, "short": 2, "quick": 0.7},
        paper_runs=3,
        reference=("N = 72, nBRC", "N = 472, nBRC", "N = 72, rows only, nBRC"),
    ),
    Table(
        id="bistability/table-5",
        title="Permuted MNIST line by line, and as many black lines as chance will",
        example=MNIST,
        measures=ACCURACIES,
        cells=tuple(classes("variable", 472)),
        presets={**SHORT, "quick": "--preset quick --epochs 2"},
        minutes={"paper": 40, "short": 4, "quick": 0.4},
        paper_runs=3,
        reference=("nBRC",),
    ),
    Table(
        id="bistability/constant-gates",
        title="Copy first input by a BRC whose a and c are learned constants",
        example=COPY,
        measures={"test_mse": "test MSE"},
        cells=tuple(
            Cell(
                f"T = {steps}, {name}",
                f"--time-steps {steps} --cells {key}",
                group=f"T = {steps}",
            )
            for steps in (5, 50)
            for key, name in (("brc-constant", "constant a and c"), ("brc", "BRC"))
        ),
        minutes={"paper": 10, "quick": 2},
        reference=("T = 5, constant a and c", "T = 50, constant a and c"),
        note="Section 4.1 reports in words that constants are not enough.",
    ),
    Table(
        id="bistability/learning-rates",
        title="Copy first input, T = 50, 2,000 batches: test error by learning rate",
        example=COPY,
        measures={"test_mse": "test MSE"},
        cells=tuple(
            Cell(
                f"{rate}, {CELLS[key][0]}",
                f"--time-steps 50 --cells {key} --learning-rates {rate}",
                group=rate,
            )
            for rate in ("1e-3", "5e-3", "1e-2")
            for key in ("brc", "nbrc", "gru")
        ),
        presets={"quick": PRESETS["quick"]},
        minutes={"quick": 1},
        reference=tuple(f"{rate}, nBRC" for rate in ("1e-3", "5e-3", "1e-2")),
        note="No table of the paper, which trains at 1e-3: what a comparison at one "
        "rate leaves open.",
    ),
    Table(
        id="bistability/warm-up",
        title="Copy first input, T = 50, by networks made multistable before training",
        example="examples.bistability.warm_up",
        measures={"test_mse": "test MSE"},
        cells=tuple(
            Cell(
                f"{CELLS[key][0]}, {start}",
                f"--cells {key} --starts {start}",
                group=CELLS[key][0],
            )
            for key in ("nbrc", "gru")
            for start in STARTS
        ),
        presets={"quick": PRESETS["quick"]},
        minutes={"quick": 1},
        reference=("nBRC, plain", "GRU, plain"),
        note="No table of the paper: what a warm-up does for cells, as they are made "
        '("plain"), warmed up ("warm"), and with layers of two halves of which one is '
        '("double").',
    ),
    Table(
        id="bistability/figure-1",
        title="Drawing of a neuron's feedback structure",
        note="No measurement.",
    ),
    Table(
        id="bistability/figure-2",
        title="Bifurcation diagram, h - F(h), and responses of a BRC",
        figure=bistability_figure,
        note="Drawn from the equations, without training, by "
        "`keras_modact.bistability.plotting`.",
    ),
    Table(
        id="bistability/figure-3",
        title="Test error of GRU and BRC by epoch, for several T",
        curves=("test_mse",),
        source="bistability/table-1",
        only=tuple(
            f"T = {steps}, {CELLS[key][0]}"
            for steps in copy_first_input.PAPER
            for key in ("gru", "brc")
        ),
        note="A line for each cell and T; "
        "`examples.bistability.copy_first_input --time-steps 5 50` draws a panel for "
        "each cell.",
    ),
    Table(
        id="bistability/figure-4",
        title="Share of bistable units and mean of c, four layers of 100, N = 0",
        example=DENOISING,
        measures={"test_mse": "test MSE"},
        cells=(Cell("nBRC", ""),),
        seeds=1,
        presets={
            "paper": "--preset figure-4",
            "short": "--preset figure-4 --epochs 5",
            "quick": "--preset quick --layers 4 --units 100 --free-steps 0 "
            "--cells nbrc --epochs 40",
        },
        minutes={"paper": 480, "short": 48, "quick": 9},
        source="bistability/figure-4",
        picture=gates_figure,
        note="Of one sample; grey lines are its marked steps.",
    ),
)
