"""Training language models: windows, epochs, checkpoints.

A text is cut into parallel streams, which are read window after window with the
state carried over; the gradient ends at a window's edge. A network of its own, with
as many streams as its text is read in, evaluates the weights or their average.
"""

from __future__ import annotations

import argparse
import itertools
import math
import pathlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

from examples.parameterization.language_network import (
    CELLS,
    build_model,
    carried_layers,
    count,
    is_penalized,
    recurrent_weights,
    units_of,
)
from examples.parameterization.language_optimizers import (
    WeightAverage,
    make_optimizer,
)
from examples.shared import checkpoints, command_line, corpus

# What a training may be resumed with although it was begun with something else.
FREE_ON_RESUME = {
    *("cells", "data_dir", "epochs", "output", "preset", "resume", "seeds", "verbose")
}

# What a training needs of its past beside its variables.
COURSE = ("seconds", "train_loss", "validation_loss")


class Data(NamedTuple):
    """The splits as numbers, and how many tokens there are to choose from."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    vocabulary: int

    @property
    def unknown_share(self) -> float:
        """The share of `<unk>` in the test set."""
        return float(np.mean(self.test == corpus.UNKNOWN_NUMBER))


@dataclass
class Run:
    """One training: its settings, its course by epoch, and the trained model.

    Losses are nats a token. The test set's is that of the epoch that is best on
    the validation set.
    """

    cell: str
    units: int
    seed: int
    parameters: int
    recurrent_weights: int
    seconds: float = 0.0
    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    test_loss: float = math.nan
    model: keras.Model = field(default=None, repr=False)

    @property
    def diverged(self) -> bool:
        """Whether the training ended in a loss that is no number."""
        losses = (*self.train_loss[-1:], *self.validation_loss[-1:])
        return not all(map(math.isfinite, losses))

    @property
    def best_epoch(self) -> int:
        """The epoch, from 0, with the lowest validation loss."""
        finite = [x if math.isfinite(x) else math.inf for x in self.validation_loss]
        return int(np.argmin(finite))

    def record(self) -> dict[str, Any]:
        """Settings and course for `results.json`; a loss that is no number is None."""
        kept = {k: v for k, v in vars(self).items() if k != "model"}
        return keras.tree.map_structure(
            lambda v: None if isinstance(v, float) and not math.isfinite(v) else v,
            kept
            | {
                "diverged": self.diverged,
                "validation_perplexity": perplexity(
                    min(self.validation_loss, default=math.nan)
                ),
                "test_perplexity": perplexity(self.test_loss),
                "validation_bits": bits(min(self.validation_loss, default=math.nan)),
                "test_bits": bits(self.test_loss),
            },
        )


def read_data(options: argparse.Namespace) -> Data:
    """The corpus as the options ask for it; `--samples` are tokens."""
    paths = corpus.find_files(options.data_dir, options.corpus)
    tokens = {k: corpus.read_tokens(path, options.level) for k, path in paths.items()}
    for split, most in (
        ("train", options.samples),
        ("valid", options.test_samples),
        ("test", options.test_samples),
    ):
        tokens[split] = tokens[split][:most]
        name, streams = streams_of(options, split)
        if len(tokens[split]) < 2 * streams:
            raise SystemExit(
                f"The {split} split has {len(tokens[split])} tokens, too few for "
                f"--{name} {streams}: each stream needs two."
            )
    vocabulary = corpus.make_vocabulary(tokens["train"], options.vocabulary)
    train, valid, test = (corpus.encode(tokens[split], vocabulary) for split in paths)
    return Data(train, valid, test, len(vocabulary))


def streams_of(options: argparse.Namespace, split: str) -> tuple[str, int]:
    """In how many parallel streams a split is read, and the option that says so."""
    return {
        "train": ("batch-size", options.batch_size),
        "valid": ("validation-batch-size", options.validation_batch_size),
        "test": ("test-batch-size", options.test_batch_size),
    }[split]


def compile_model(options: argparse.Namespace, model: keras.Model) -> None:
    """Gives a model its optimizer and its loss, nats a token."""
    optimizer = make_optimizer(options)
    # A checkpoint holds its variables, which it would make at its first step only.
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # The loss tells nats a token as long as nothing is added to it.
    nats = keras.metrics.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=[nats] if is_penalized(options) else None)


def read_windows(
    model: keras.Model,
    step: Callable[[np.ndarray, np.ndarray], Any],
    streams: np.ndarray,
    lengths: Sequence[int],
    progress: keras.utils.Progbar | None = None,
) -> float:
    """Goes once through a text with a step a window; returns its nats a token."""
    for layer in carried_layers(model):
        layer.reset_state()
    total, done = 0.0, 0
    for tokens, targets in corpus.windows(streams, lengths):
        # Keras would average over the windows as if they had one length.
        model.reset_metrics()
        # A loss, or a loss and the nats a token in it.
        total += float(np.ravel(step(tokens, targets))[-1]) * targets.shape[1]
        done += targets.shape[1]
        if progress is not None:
            shown = perplexity(total / done)
            progress.update(done, [("perplexity", shown)], finalize=False)
    return total / done


def train_epoch(
    options: argparse.Namespace,
    model: keras.Model,
    streams: np.ndarray,
    epoch: int,
    seed: int,
    average: WeightAverage,
    progress: keras.utils.Progbar | None = None,
) -> float:
    """Trains for an epoch, counted from 0; returns the nats a token."""
    steps = streams.shape[1] - 1
    lengths = corpus.even_lengths(steps, options.window)
    if options.random_windows:
        lengths = corpus.random_lengths(
            steps,
            options.window,
            options.window_multiple,
            np.random.default_rng([seed, epoch]),
        )
    decays = sum(epoch >= decay for decay in options.decay_epochs)
    rate = options.learning_rate * 0.1**decays

    def step(tokens: np.ndarray, targets: np.ndarray) -> Any:
        # A short window must not count as much as a long one.
        model.optimizer.learning_rate = rate * tokens.shape[1] / options.window
        found = model.train_on_batch(tokens, targets)
        average.step()
        return found

    return read_windows(model, step, streams, lengths, progress)


def evaluate(
    options: argparse.Namespace, model: keras.Model, numbers: np.ndarray
) -> float:
    """Nats a token of a text, read in as many streams as the model's batch."""
    streams = corpus.parallel_streams(numbers, model.input_shape[0])
    lengths = corpus.even_lengths(streams.shape[1] - 1, options.window)
    return read_windows(model, model.test_on_batch, streams, lengths)


def bits(nats: float) -> float:
    """Nats a token in bits."""
    return nats / math.log(2)


def perplexity(nats: float) -> float:
    """e to the nats a token."""
    return math.exp(nats) if nats < 700 else math.inf


def resumable_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What must not change between a training and its resumption."""
    kept = {k: v for k, v in vars(options).items() if k not in FREE_ON_RESUME}
    return {**kept, "backend": keras.backend.backend()}


def resume(
    options: argparse.Namespace,
    path: pathlib.Path,
    run: Run,
    variables: Sequence[keras.Variable],
) -> None:
    """Takes model, optimizer, chance and history from a checkpoint."""
    settings = resumable_settings(options)
    begun = checkpoints.read_record(path)["settings"]
    changed = [k for k in settings if settings[k] != begun.get(k)]
    if changed:
        raise SystemExit(
            f"{path} was begun with other settings: "
            + ", ".join(f"{k} {begun.get(k)}, now {settings[k]}" for k in changed)
            + ". Repeat those, or leave out --resume to begin anew."
        )
    record = checkpoints.load(path, variables)
    for name in COURSE:
        setattr(run, name, record[name])


def train_all(options: argparse.Namespace, data: Data) -> list[Run]:
    """Trains every cell with every seed."""
    runs: list[Run] = []
    # Before anything is trained, since it may refuse a cell.
    units = {cell: units_of(options, cell) for cell in options.cells}
    total = len(options.seeds) * len(options.cells)
    for seed, cell in itertools.product(options.seeds, options.cells):
        number = f"{len(runs) + 1} of {total}"
        print(f"\nTraining {number}: {CELLS[cell].title}, seed {seed}")
        runs.append(train(options, data, cell, units[cell], seed))
    return runs


def train(
    options: argparse.Namespace, data: Data, cell: str, units: int, seed: int
) -> Run:
    """Trains a cell's network, or what is left of it, and tests its best epoch."""
    keras.utils.set_random_seed(seed)
    model = build_model(options, data.vocabulary, cell, units)
    compile_model(options, model)
    run = Run(
        cell=cell,
        units=units,
        seed=seed,
        parameters=count(model.trainable_weights),
        recurrent_weights=recurrent_weights(model),
        model=model,
    )
    average = WeightAverage(model, options.average_patience)
    evaluators: dict[int, keras.Model] = {}
    for split in ("valid", "test"):
        _, size = streams_of(options, split)
        if size not in evaluators:
            evaluators[size] = build_model(options, data.vocabulary, cell, units, size)
            evaluators[size].compile(
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            )

    def evaluated(split: str, weights: Sequence[keras.Variable]) -> float:
        evaluator = evaluators[streams_of(options, split)[1]]
        for weight, value in zip(evaluator.trainable_variables, weights, strict=True):
            # A copy: on JAX the next training step takes the array away.
            weight.assign(keras.ops.copy(value))
        return evaluate(options, evaluator, getattr(data, split))

    everything = [*model.variables, *model.optimizer.variables, *average.variables]
    folder = options.output / "checkpoints"
    last, best = (folder / f"{cell}_{seed}_{name}.npz" for name in ("last", "best"))
    if options.resume and last.exists():
        resume(options, last, run, everything)
        average.end_epoch(run.validation_loss)
        average.begun = average.begun or int(average.steps) > 0
    streams = corpus.parallel_streams(data.train, options.batch_size)
    verbosity = command_line.fit_verbosity(options)
    for epoch in range(len(run.train_loss), options.epochs):
        if run.diverged:
            break
        began = time.perf_counter()
        progress = keras.utils.Progbar(
            streams.shape[1] - 1,
            verbose=1 if verbosity == "auto" else verbosity,
            stateful_metrics=["perplexity", "validation"],
            unit_name="step",
        )
        run.train_loss.append(
            train_epoch(options, model, streams, epoch, seed, average, progress)
        )
        run.validation_loss.append(evaluated("valid", average.best_weights()))
        average.end_epoch(run.validation_loss)
        run.seconds += time.perf_counter() - began
        progress.update(
            streams.shape[1] - 1,
            [
                ("perplexity", perplexity(run.train_loss[-1])),
                ("validation", perplexity(run.validation_loss[-1])),
            ],
            finalize=True,
        )
        if run.best_epoch == epoch:
            checkpoints.save(best, average.best_weights())
        checkpoints.save(
            last,
            everything,
            {name: getattr(run, name) for name in COURSE}
            | {"settings": resumable_settings(options)},
        )
    checkpoints.load(best, model.trainable_variables)
    run.test_loss = evaluated("test", model.trainable_variables)
    return run
