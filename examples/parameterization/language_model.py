"""A language model whose cells modulate or adapt: do they guess better than an LSTM?

Two papers give an LSTM something more and measure its perplexity on Penn Treebank,
where less is better. A modulated one has a fifth gate (Sha, Schwarcz, Hong 2019,
appendices 6 and 7): 58.47 with and 58.71 without, at one width and so not at one
number of parameters. An adaptive one has a policy that scales its matrices at every
step (Flennerhag, Yin, Keane, Elliot 2018, section 5.3): 56.5, 58.0 if the policy has
no memory, and 68.9 without. Here the quick preset gives all cells as many
parameters, on WikiText-2, and takes a quarter of an hour at most on two cores;
--preset paper has the first paper's widths, the others the second's, a preset or
--units for each size. --preset gamma-paper reads characters with the activation gamma
(Geadah et al. 2020), beside a GRU and an LSTM.
The corpus is read from a folder named by --data-dir or TEXT_DATA_DIR, which holds
wikitext-2/wiki.train.tokens and so on, or ptb.train.txt and so on:

    export KERAS_BACKEND=jax TEXT_DATA_DIR=DATA
    python -m examples.parameterization.language_model
    python -m examples.parameterization.language_model --level characters
    python -m examples.parameterization.language_model --resume --epochs 20
    python -m examples.parameterization.language_model --preset adaptive-paper
    python -m examples.parameterization.language_model --preset adaptive-paper-lstm
    python -m examples.parameterization.language_model --preset adaptive-wikitext-2

An interrupted training goes on with --resume as if nothing had happened.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

import keras

from examples.parameterization import (
    language_options,
    language_report,
    language_training,
)
from examples.parameterization.language_network import CELLS
from examples.shared import command_line, corpus, records, significance, tables


class Published(NamedTuple):
    """A row of a paper's table: a cell of a size, and its perplexities."""

    paper: str
    corpus: str
    cell: str
    parameters: str
    validation: str
    test: str
    preset: str
    """That which has its size, and the number of `--units` with it."""
    units: int

    @property
    def title(self) -> str:
        """The cell and its size."""
        return f"{CELLS[self.cell].title} {self.parameters}"


# Sha 2019, table 7, the means of two runs; Flennerhag 2018, tables 2 and 3.
PUBLISHED = (
    Published("Sha 2019", "ptb", "lstm", "24M", "-", "58.71", "paper", 1150),
    Published("Sha 2019", "ptb", "modulated", "29M", "-", "58.47", "paper", 1150),
    *(
        Published("Flennerhag 2018", "ptb", cell, size, valid, test, preset, units)
        for cell, size, valid, test, preset, units in (
            ("lstm", "20M", "71.7", "68.9", "adaptive-paper-lstm", 1600),
            ("adaptive-static", "17M", "60.2", "58.0", "adaptive-paper", 1215),
            ("adaptive", "14M", "59.6", "57.2", "adaptive-paper", 915),
            ("adaptive", "17M", "58.7", "56.5", "adaptive-paper", 1150),
        )
    ),
    Published(
        "Flennerhag 2018", "wikitext-2", "adaptive", "32M", "67.7", "64.8",
        "adaptive-wikitext-2", 1500,
    ),
)  # fmt: skip

# Sha 2019, table 7: Welch's T, its degrees of freedom, and Hedges' g, of n = 2.
PUBLISHED_TEST = (1.842, 1.9, 1.853)

# What no preset of words on Penn Treebank or WikiText-2 leaves as it is.
COMMON = {
    "level": "words",
    "equal": "width",
    "policy_units": 100,
    "around_one": False,
    "initial_weights": "published",
    "embedding_range": 0.1,
    "decay_epochs": [],
    "epsilon": 1e-7,
    "beta_1": 0.9,
    "window": 70,
    "random_windows": True,
    "window_multiple": 1,
    "batch_size": 20,
    "validation_batch_size": 20,
    "test_batch_size": 20,
    "activation_penalty": 0.0,
    "change_penalty": 0.0,
    "average_patience": None,
    "samples": None,
    "test_samples": None,
    # Where authors' plots of gamma's gain and saturation start.
    "gain": 5.0,
    "saturation": 0.5,
    "seeds": [0],
}

# The settings of the adaptive cells by the paper and its authors' code, which has
# one mask for h and one for z.
ADAPTIVE = {
    **COMMON,
    "corpus": "ptb",
    "vocabulary": 10_000,
    "cells": ["adaptive"],
    "embedding_units": 400,
    "units": 1150,
    "layers": 2,
    "word_dropout": 0.16,
    "embedding_dropout": 0.6,
    "hidden_dropout": 0.25,
    "policy_dropout": 0.1,
    "output_dropout": 0.6,
    "weight_drop": 0.25,
    "optimizer": "adam",
    "learning_rate": 3e-3,
    "beta_1": 0.0,
    "epsilon": 1e-9,
    "decay_epochs": [100, 160],
    "weight_decay": 1e-6,
    "clip_norm": 5.0,
    "epochs": 190,
}

PRESETS = {
    # Minutes on two cores. So many tokens are full windows and no rest, all of one
    # length: any other one is compiled anew on JAX and TensorFlow.
    "quick": {
        **COMMON,
        "corpus": "wikitext-2",
        "vocabulary": 3000,
        "samples": 200_020,
        "test_samples": 40_020,
        "cells": ["lstm", "modulated", "adaptive"],
        "equal": "parameters",
        "embedding_units": 96,
        "units": 160,
        "layers": 2,
        "policy_units": 24,
        # After an epoch of a larger network a validation perplexity of 86, with 95
        # from the published start.
        "around_one": True,
        "initial_weights": "keras",
        # From .1, as published, 900 batches of that network taught no more
        # than how often each word occurs: 216, with 203 for that.
        "embedding_range": 0.5,
        "word_dropout": 0.0,
        "embedding_dropout": 0.1,
        "hidden_dropout": 0.1,
        "policy_dropout": 0.1,
        "output_dropout": 0.2,
        "weight_drop": 0.1,
        "optimizer": "adam",
        # What suits the LSTM: 70 after an epoch, 78 at half of it, 72 at its double.
        "learning_rate": 8e-3,
        "decay_epochs": [3],
        "weight_decay": 0.0,
        "clip_norm": 1.0,
        "window": 40,
        "random_windows": False,
        "window_multiple": 20,
        "epochs": 4,
    },
    # The paper names AWD-LSTM, the 500 epochs and the two runs; the rest is what
    # AWD-LSTM's authors give for Penn Treebank with the code that they published.
    "paper": {
        **COMMON,
        "corpus": "ptb",
        "vocabulary": 10_000,
        "cells": ["lstm", "modulated"],
        "embedding_units": 400,
        "units": 1150,
        "layers": 3,
        "word_dropout": 0.1,
        "embedding_dropout": 0.4,
        "hidden_dropout": 0.25,
        "policy_dropout": 0.1,
        "output_dropout": 0.4,
        "weight_drop": 0.5,
        "optimizer": "sgd",
        "learning_rate": 30.0,
        "weight_decay": 1.2e-6,
        "clip_norm": 0.25,
        "activation_penalty": 2.0,
        "change_penalty": 1.0,
        "average_patience": 5,
        "validation_batch_size": 10,
        "test_batch_size": 1,
        "epochs": 500,
        "seeds": [0, 1],
    },
    "adaptive-paper": ADAPTIVE,
    # "Dropout rates must be reduced by about 25%" for it, says the paper; weight
    # drop stands for the dropout on h.
    "adaptive-paper-lstm": {
        **ADAPTIVE,
        "cells": ["lstm"],
        "units": 1600,
        "word_dropout": 0.12,
        "embedding_dropout": 0.45,
        "hidden_dropout": 0.19,
        "output_dropout": 0.45,
        "weight_drop": 0.19,
    },
    "adaptive-wikitext-2": {
        **ADAPTIVE,
        "corpus": "wikitext-2",
        "vocabulary": 33_278,
        "units": 1500,
        "hidden_dropout": 0.3,
    },
    # Characters with gamma: sizes and rate of Geadah 2020's task. Its network has one
    # layer of 600 units, this one a second, as wide as a character's vector.
    "gamma-paper": {
        **COMMON,
        "corpus": "ptb",
        "level": "characters",
        "vocabulary": 100,
        "cells": ["gamma", "gru", "lstm"],
        "initial_weights": "keras",
        "embedding_units": 200,
        "units": 600,
        "layers": 2,
        "word_dropout": 0.0,
        "embedding_dropout": 0.0,
        "hidden_dropout": 0.0,
        "policy_dropout": 0.0,
        "output_dropout": 0.0,
        "weight_drop": 0.0,
        "optimizer": "adam",
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "clip_norm": 0.0,
        "window": 150,
        "random_windows": False,
        "batch_size": 128,
        "validation_batch_size": 128,
        "test_batch_size": 128,
        "epochs": 100,
    },
}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = language_options.option_parser(__doc__, "language_model", PRESETS)
    options = command_line.parse(parser, PRESETS, argv)
    language_options.check_options(parser, options)
    return options


def run(options: argparse.Namespace) -> list[language_training.Run]:
    """Reads the corpus and trains, without a report."""
    return language_training.train_all(options, language_training.read_data(options))


def main(argv: Sequence[str] | None = None) -> list[language_training.Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    data = language_training.read_data(options)
    runs = language_training.train_all(options, data)
    records.write_results(options, (run.record() for run in runs))
    report(options, runs, data)
    return runs


def report(
    options: argparse.Namespace,
    runs: Sequence[language_training.Run],
    data: language_training.Data,
) -> None:
    """Prints the table and draws the picture."""
    title = f"{corpus.CORPORA[options.corpus].title}, {options.level}"
    print(f"\n{title}, {keras.backend.backend()}")
    print(
        f"{len(data.train):,} training tokens, vocabulary {data.vocabulary:,}; of the "
        f"test tokens {data.unknown_share:.1%} are {corpus.UNKNOWN}."
    )
    print(language_report.results_table(options, runs))
    if options.level == "words":
        print("\n" + published_table())
        print("Perplexities compare only on the same text with the same vocabulary.")
        print(modulation_test(runs))
    language_report.plot_course(
        options, runs, options.output / "course.png", f"Language model, {title}"
    )
    print(f"See {options.output}/results.json and {options.output}/course.png")


def published_table() -> str:
    """A Markdown table of the papers' perplexities, and how to have their sizes."""
    rows = [["paper", "corpus", "cell", "validation", "test", "to run it"]]
    for row in PUBLISHED:
        command = f"--preset {row.preset} --cells {row.cell} --units {row.units}"
        text = corpus.CORPORA[row.corpus].title
        rows.append([row.paper, text, row.title, row.validation, row.test, command])
    return tables.markdown_table(rows)


def modulation_test(runs: Sequence[language_training.Run]) -> str:
    """How far modulation lowers the test perplexity, tested as the paper does."""
    groups = [
        [
            language_training.perplexity(run.test_loss)
            for run in runs
            if run.cell == cell
        ]
        for cell in ("lstm", "modulated")
    ]
    paper = "paper, n = 2: T = {}, {} degrees of freedom, g = {}".format(
        *PUBLISHED_TEST
    )
    summaries = [significance.summarize(x) for x in groups if len(x) > 1]
    if len(summaries) < 2 or not any(summary.std for summary in summaries):
        return f"LSTM - modulated: two runs that differ are needed of each ({paper})."
    lstm, modulated = summaries
    t, freedom, p = significance.welch_test(lstm, modulated)
    g = significance.hedges_g(lstm, modulated)
    return (
        f"LSTM - modulated: T = {t:.3f}, {freedom:.1f} degrees of freedom, "
        f"p = {p:.3f}, g = {g:.3f} ({paper})."
    )


if __name__ == "__main__":
    main()
