"""A language model whose cells modulate or adapt: do they guess better than an LSTM?

Two papers give an LSTM something more and measure its perplexity on Penn Treebank,
where less is better. A modulated one has a fifth gate (Sha, Schwarcz, Hong 2019,
appendices 6 and 7): 58.47 with and 58.71 without, at one width and so not at one
number of parameters. An adaptive one has a policy that scales its matrices at every
step (Flennerhag, Yin, Keane, Elliot 2018, section 5.3): 56.5, 58.0 if the policy has
no memory, and 68.9 without. Here the quick preset gives all cells as many
parameters, on WikiText-2, and takes a quarter of an hour at most on two cores;
--preset paper has the first paper's widths, --preset adaptive-paper the second's.
The corpus is read from a folder named by --data-dir or TEXT_DATA_DIR, which holds
wikitext-2/wiki.train.tokens and so on, or ptb.train.txt and so on:

    export KERAS_BACKEND=jax TEXT_DATA_DIR=DATA
    python -m examples.parameterization.language_model
    python -m examples.parameterization.language_model --level characters
    python -m examples.parameterization.language_model --resume --epochs 20
    python -m examples.parameterization.language_model --preset adaptive-paper

An interrupted training goes on with --resume as if nothing had happened.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import keras

from examples.parameterization import (
    language_options,
    language_report,
    language_training,
)
from examples.shared import command_line, corpus, records

# Perplexities on Penn Treebank by the papers' tables 7, the mean of two runs, and 2.
PAPERS = {
    "Sha 2019, test": {"lstm": "58.71", "modulated": "58.47"},
    "Flennerhag 2018, validation / test": {
        "lstm": "71.7 / 68.9",
        "adaptive": "58.7 / 56.5",
        "adaptive-static": "60.2 / 58.0",
    },
}

PRESETS = {
    # Minutes on two cores. So many tokens are full windows and no rest, all of one
    # length: any other one is compiled anew on JAX and TensorFlow.
    "quick": {
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
        "beta_1": 0.9,
        "epsilon": 1e-7,
        "decay_epochs": [3],
        "weight_decay": 0.0,
        "clip_norm": 1.0,
        "window": 40,
        "random_windows": False,
        "window_multiple": 20,
        "batch_size": 20,
        "epochs": 4,
        "seeds": [0],
    },
    # The paper names AWD-LSTM, the 500 epochs and the two runs; the rest is what
    # AWD-LSTM's authors give for Penn Treebank with the code that they published.
    "paper": {
        "corpus": "ptb",
        "vocabulary": 10_000,
        "samples": None,
        "test_samples": None,
        "cells": ["lstm", "modulated"],
        "equal": "width",
        "embedding_units": 400,
        "units": 1150,
        "layers": 3,
        "policy_units": 100,
        "around_one": False,
        "initial_weights": "published",
        "embedding_range": 0.1,
        "word_dropout": 0.1,
        "embedding_dropout": 0.4,
        "hidden_dropout": 0.25,
        "policy_dropout": 0.1,
        "output_dropout": 0.4,
        "weight_drop": 0.5,
        "optimizer": "sgd",
        "learning_rate": 30.0,
        "beta_1": 0.9,
        "epsilon": 1e-7,
        "decay_epochs": [],
        "weight_decay": 1.2e-6,
        "clip_norm": 0.25,
        "window": 70,
        "random_windows": True,
        "window_multiple": 1,
        "batch_size": 20,
        "epochs": 500,
        "seeds": [0, 1],
    },
    # The settings of the adaptive cells by the paper and its authors' code. Its LSTM
    # has 20 M parameters, --units 1600, and dropouts smaller by a quarter; here it
    # has weight drop in place of the dropout on h.
    "adaptive-paper": {
        "corpus": "ptb",
        "vocabulary": 10_000,
        "samples": None,
        "test_samples": None,
        "cells": ["lstm", "adaptive", "adaptive-static"],
        "equal": "width",
        "embedding_units": 400,
        "units": 1150,
        "layers": 2,
        "policy_units": 100,
        "around_one": False,
        "initial_weights": "published",
        "embedding_range": 0.1,
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
        "window": 70,
        "random_windows": True,
        "window_multiple": 1,
        "batch_size": 20,
        "epochs": 190,
        "seeds": [0],
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
    papers = PAPERS if options.level == "words" else {}
    print(language_report.results_table(options, runs, papers))
    if options.level == "words":
        print(
            "The papers' figures are perplexities on Penn Treebank, with a vocabulary\n"
            "of 10,000: Sha's after 500 epochs with three layers, two of 1,150 units,\n"
            "of either cell, Flennerhag's after 190 with two layers, 17 M parameters\n"
            "if adaptive, 20 M in an LSTM. Perplexities compare only on the same text\n"
            "with the same vocabulary."
        )
    language_report.plot_course(
        options, runs, options.output / "course.png", f"Language model, {title}"
    )
    print(f"See {options.output}/results.json and {options.output}/course.png")


if __name__ == "__main__":
    main()
