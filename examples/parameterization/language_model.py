"""A language model whose cells modulate or adapt: do they guess better than an LSTM?

Two papers give an LSTM something more and measure its perplexity on Penn Treebank,
where less is better. A modulated one has a fifth gate (Sha, Schwarcz, Hong 2019,
appendices 6 and 7): 58.47 with and 58.71 without, at one width and so not at one
number of parameters. An adaptive one has a policy that scales its matrices at every
step (Flennerhag, Yin, Keane, Elliot 2018, section 5.3): 56.5, 58.0 if the policy has
no memory, and 68.9 without. Here the quick preset gives all cells as many
parameters, on WikiText-2, and takes a quarter of an hour at most on two cores;
--preset paper has the first paper's widths, the others the second's, a preset or
--units for each size. --preset gamma-paper and gamma-quick read characters with the
activation gamma (Geadah et al. 2020), beside tanh, ReLU, a GRU and an LSTM.
The corpus is read from a folder named by --data-dir or TEXT_DATA_DIR, which holds
wikitext-2/wiki.train.tokens and so on, or ptb.train.txt and so on:

    export KERAS_BACKEND=jax TEXT_DATA_DIR=DATA
    python -m examples.parameterization.language_model
    python -m examples.parameterization.language_model --level characters
    python -m examples.parameterization.language_model --preset gamma-quick
    python -m examples.parameterization.language_model --resume --epochs 20
    python -m examples.parameterization.language_model --preset adaptive-paper
    python -m examples.parameterization.language_model --preset adaptive-paper-lstm
    python -m examples.parameterization.language_model --preset adaptive-wikitext-2

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
from examples.parameterization.language_presets import (
    PRESETS,
    PUBLISHED,
    PUBLISHED_TEST,
)
from examples.shared import command_line, corpus, records, significance, tables


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
