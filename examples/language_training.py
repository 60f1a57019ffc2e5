"""Language models of recurrent layers: the options, the network, the training.

A script states its presets and the figures of its paper; this module trains
every cell with every seed. It is imported by the scripts beside it and runs
nothing by itself.

As with AWD-LSTM (Merity, Keskar, Socher 2017), a text is cut into parallel
streams, read window after window with the state carried over, and the gradient
ends at a window's edge. One matrix embeds the words and gives the logits, so
the last layer is as wide as a word's vector. Left out of AWD-LSTM: the switch
to averaged SGD, and the penalties on activations and on their changes.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

import keras_modact

if __package__:
    from examples import checkpoints, common, corpus
    from examples.language_layers import CarriedState, TiedEmbedding
    from examples.weight_drop import WeightDrop
else:
    import checkpoints
    import common
    import corpus
    from language_layers import CarriedState, TiedEmbedding
    from weight_drop import WeightDrop

CELLS = {
    "lstm": ("LSTM", keras.layers.LSTM),
    "modulated": ("modulated LSTM", keras_modact.ModulatedLSTM),
}
"""The layers by their name on the command line, with their name in print."""

REFERENCE = "lstm"
"""The cell whose number of parameters the others are given."""

OPTIMIZERS = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD}

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
            kept | {"diverged": self.diverged},
        )


def option_parser(description: str | None, output: str) -> argparse.ArgumentParser:
    """The options of every language model; their defaults come from the preset."""
    parser = common.option_parser(description, output)
    add = parser.add_argument
    corpus.add_data_dir(parser)
    add("--corpus", choices=corpus.CORPORA)
    add("--level", choices=("words", "characters"), default="words")
    add("--vocabulary", type=common.positive, help="its largest size")
    add("--cells", nargs="+", choices=CELLS, help="which recurrent layers")
    add("--equal", choices=("parameters", "width"), help="what the cells share")
    add("--embedding-units", type=common.positive, help="and those of the last layer")
    add("--units", type=common.positive, help="units of the LSTM's other layers")
    add("--layers", type=common.positive, help="number of recurrent layers, at least 2")
    add("--initial-weights", choices=("keras", "published"))
    add("--word-dropout", type=float, help="share of the vocabulary, a batch")
    add("--embedding-dropout", type=float, help="on the word vectors' features")
    add("--hidden-dropout", type=float, help="between the layers")
    add("--output-dropout", type=float, help="on the last layer")
    add("--weight-drop", type=float, help="on the recurrent matrices")
    add("--optimizer", choices=OPTIMIZERS)
    add("--learning-rate", type=float, help="of a full window")
    add("--decay-epochs", nargs="*", type=int, help="the rate falls by 10 after these")
    add("--weight-decay", type=float)
    add("--clip-norm", type=float, help="largest norm of the gradient; 0: none")
    add("--window", type=common.positive, help="steps the gradient goes back, mostly")
    add(
        "--random-windows",
        action=argparse.BooleanOptionalAction,
        help="windows whose lengths differ",
    )
    add(
        "--window-multiple",
        type=common.positive,
        help="what random lengths are rounded to: each is compiled anew on JAX and "
        "TensorFlow",
    )
    add("--resume", action="store_true", help="go on from the checkpoints in --output")
    return parser


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuses, before anything is read, options that cannot be."""
    if options.layers < 2:
        parser.error("--layers must be at least 2: the last is as wide as a word")
    for name, value in vars(options).items():
        is_rate = name == "weight_drop" or name.endswith("_dropout")
        if is_rate and not 0 <= value < 1:
            parser.error(f"--{name.replace('_', '-')} must be in [0, 1): {value}")


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
    vocabulary = corpus.make_vocabulary(tokens["train"], options.vocabulary)
    numbers = (corpus.encode(tokens[split], vocabulary) for split in corpus.SPLITS)
    return Data(*numbers, len(vocabulary))


def recurrent_layers(
    options: argparse.Namespace, cell: str, units: int
) -> list[keras.layers.Layer]:
    """The layers of a network, the last one as wide as a word's vector."""
    layers = []
    for index in range(options.layers):
        width = units if index < options.layers - 1 else options.embedding_units
        arguments: dict[str, Any] = {}
        if options.initial_weights == "published":
            draw = keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
            which = ("kernel", "recurrent", "bias")
            arguments = {f"{name}_initializer": draw.clone() for name in which}
            arguments["unit_forget_bias"] = False
        layer = CELLS[cell][1](
            width,
            return_sequences=True,
            return_state=True,
            name=f"layer_{index + 1}",
            **arguments,
        )
        layers.append(layer)
    return layers


def count_parameters(options: argparse.Namespace, cell: str, units: int) -> int:
    """How many numbers the recurrent layers of a network hold."""
    features, total = options.embedding_units, 0
    for layer in recurrent_layers(options, cell, units):
        layer.build((None, None, features))
        features = layer.cell.units
        total += layer.count_params()
    return total


def units_of(options: argparse.Namespace, cell: str) -> int:
    """A cell's width: that of the options, or one that gives as many parameters."""
    if options.equal == "width" or cell == REFERENCE:
        return options.units

    def excess(units: int) -> int:
        return count_parameters(options, cell, units) - target

    target = count_parameters(options, REFERENCE, options.units)
    widths = range(1, 2 * options.units)
    enough = bisect.bisect_left(widths, 0, key=excess)
    near = widths[max(0, enough - 1) : enough + 1]
    return min(near, key=lambda units: abs(excess(units)))


def build_model(
    options: argparse.Namespace, vocabulary: int, cell: str, units: int
) -> keras.Model:
    """The network: from tokens `(batch, time)` to logits of the tokens that follow."""
    embedding = TiedEmbedding(
        vocabulary,
        options.embedding_units,
        options.word_dropout,
        embeddings_initializer=keras.initializers.RandomUniform(-0.1, 0.1),
        name="embedding",
    )
    tokens = keras.Input(batch_shape=(options.batch_size, None), dtype="int32")
    outputs = embedding(tokens)
    # SpatialDropout1D draws one mask for all steps of a window.
    outputs = keras.layers.SpatialDropout1D(options.embedding_dropout)(outputs)
    for index, layer in enumerate(recurrent_layers(options, cell, units)):
        last = index == options.layers - 1
        rate = options.output_dropout if last else options.hidden_dropout
        dropped = WeightDrop(layer, options.weight_drop)
        outputs = CarriedState(dropped, name=f"carried_{index + 1}")(outputs)
        outputs = keras.layers.SpatialDropout1D(rate)(outputs)
    return keras.Model(tokens, embedding(outputs, reverse=True))


def compile_model(options: argparse.Namespace, model: keras.Model) -> None:
    """Gives a model its optimizer and its loss, nats a token."""
    optimizer = OPTIMIZERS[options.optimizer](
        options.learning_rate,
        global_clipnorm=options.clip_norm or None,
        weight_decay=options.weight_decay or None,
    )
    model.compile(
        optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )


def read_windows(
    model: keras.Model,
    step: Callable[[np.ndarray, np.ndarray], Any],
    streams: np.ndarray,
    lengths: Sequence[int],
    progress: keras.utils.Progbar | None = None,
) -> float:
    """Goes once through a text with a step a window; returns its nats a token."""
    for layer in model.layers:
        if isinstance(layer, CarriedState):
            layer.reset_state()
    total, done = 0.0, 0
    for tokens, targets in corpus.windows(streams, lengths):
        # Keras would average over the windows as if they had one length.
        model.reset_metrics()
        total += float(step(tokens, targets)) * targets.shape[1]
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
        return model.train_on_batch(tokens, targets)

    return read_windows(model, step, streams, lengths, progress)


def evaluate(
    options: argparse.Namespace, model: keras.Model, numbers: np.ndarray
) -> float:
    """Nats a token of a text, read in as many streams as in training."""
    streams = corpus.parallel_streams(numbers, options.batch_size)
    lengths = corpus.even_lengths(streams.shape[1] - 1, options.window)
    return read_windows(model, model.test_on_batch, streams, lengths)


def count(weights: Iterable[keras.Variable]) -> int:
    """How many numbers the weights hold."""
    return sum(int(np.prod(weight.shape)) for weight in weights)


def perplexity(nats: float) -> float:
    """e to the nats a token."""
    return math.exp(nats) if nats < 700 else math.inf


def resumable_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What must not change between a training and its resumption."""
    kept = {k: v for k, v in vars(options).items() if k not in FREE_ON_RESUME}
    return {**kept, "backend": keras.backend.backend()}


def resume(options: argparse.Namespace, path: Any, run: Run, model: Any) -> None:
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
    record = checkpoints.load(path, [*model.variables, *model.optimizer.variables])
    for name in COURSE:
        setattr(run, name, record[name])


def train_all(options: argparse.Namespace, data: Data) -> list[Run]:
    """Trains every cell with every seed."""
    runs: list[Run] = []
    total = len(options.seeds) * len(options.cells)
    for seed, cell in itertools.product(options.seeds, options.cells):
        number = f"{len(runs) + 1} of {total}"
        print(f"\nTraining {number}: {CELLS[cell][0]}, seed {seed}")
        runs.append(train(options, data, cell, seed))
    return runs


def train(options: argparse.Namespace, data: Data, cell: str, seed: int) -> Run:
    """Trains a cell's network, or what is left of it, and tests its best epoch."""
    units = units_of(options, cell)
    keras.utils.set_random_seed(seed)
    model = build_model(options, data.vocabulary, cell, units)
    compile_model(options, model)
    matrices = [
        layer.layer.layer.cell.recurrent_kernel
        for layer in model.layers
        if isinstance(layer, CarriedState)
    ]
    run = Run(
        cell=cell,
        units=units,
        seed=seed,
        parameters=count(model.trainable_weights),
        recurrent_weights=count(matrices),
        model=model,
    )
    folder = options.output / "checkpoints"
    last, best = (folder / f"{cell}_{seed}_{name}.npz" for name in ("last", "best"))
    if options.resume and last.exists():
        resume(options, last, run, model)
    streams = corpus.parallel_streams(data.train, options.batch_size)
    verbosity = common.fit_verbosity(options)
    for epoch in range(len(run.train_loss), options.epochs):
        if run.diverged:
            break
        began = time.perf_counter()
        progress = keras.utils.Progbar(
            streams.shape[1] - 1,
            verbose=1 if verbosity == "auto" else verbosity,
            stateful_metrics=["perplexity", "validation"],
            unit_name="word",
        )
        run.train_loss.append(
            train_epoch(options, model, streams, epoch, seed, progress)
        )
        run.validation_loss.append(evaluate(options, model, data.valid))
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
            checkpoints.save(best, model.trainable_variables)
        checkpoints.save(
            last,
            [*model.variables, *model.optimizer.variables],
            {name: getattr(run, name) for name in COURSE}
            | {"settings": resumable_settings(options)},
        )
    checkpoints.load(best, model.trainable_variables)
    run.test_loss = evaluate(options, model, data.test)
    return run
