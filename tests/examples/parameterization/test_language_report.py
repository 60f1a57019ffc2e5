"""The table and the picture of the language model."""

import math

import numpy as np

from examples.parameterization import language_report
from examples.parameterization.language_training import Run
from tests.examples.parameterization.language import tiny


def test_picture_has_validation_and_training_of_every_run(tmp_path, figures_of):
    drawn = figures_of(language_report)
    runs = [
        Run(cell, 5, seed, 9, 3, 1.0, [math.log(8)] * 2, [math.log(n), math.log(4)])
        for cell, seed, n in (("lstm", 0, 5), ("lstm", 1, 6), ("modulated", 0, 7))
    ]
    path = tmp_path / "course.png"
    language_report.plot_course(tiny(), runs, path, "title")
    (axes,) = drawn[0].axes
    courses = [list(np.round(line.get_ydata(), 6)) for line in axes.lines]
    assert courses == [[5, 4], [8, 8], [6, 4], [8, 8], [7, 4], [8, 8]]
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "LSTM, validation", "LSTM, training",
        "modulated LSTM, validation", "modulated LSTM, training",
    ]  # fmt: skip


def test_table_has_the_best_epoch_of_every_seed():
    runs = [
        Run("lstm", 5, seed, 9000, 3, seconds, [1.0] * 2, list(map(math.log, losses)),
            math.log(test))
        for seed, seconds, losses, test in ((0, 2.0, (5, 4), 3), (1, 4.0, (6, 7), 5))
    ]  # fmt: skip
    table = language_report.results_table(tiny(), runs)
    head, _, row = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()
    )
    assert head == [
        "cell", "units", "parameters", "validation perplexity", "test perplexity",
        "best epoch", "seconds",
    ]  # fmt: skip
    assert row == [
        "LSTM", "5", "9,000", "5.000 ± 1.414", "4.000 ± 1.414", "2, 1", "3",
    ]  # fmt: skip
