"""What the examples on the modulated LSTM share: the four models and their runs.

An example states its data, its optimizer and the paper's figures; this module
trains every model with every seed and read-out (Sha, Schwarcz, Hong 2019,
section 3.2).
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

import keras_modact
from examples.modulation import nodes
from examples.shared import command_line
from examples.shared.command_line import positive
from examples.shared.texts import PADDING

MODELS = {
    "modulated": "modulated",
    "control-1": "control 1: wider",
    "control-2": "control 2: same width",
    "control-3": "control 3: extra input gate",
}
"""The models by their name on the command line, with their name in print."""

READ_OUTS = ("masked", "padded")
PADDINGS = ("full", "template")
LOSS_REDUCTIONS = {"mean": "sum_over_batch_size", "sum": "sum"}
POOL = 100
"""How many batches are sorted by length at a time, for `--padding template`."""


@dataclass
class Run:
    """One training: its settings, its course by epoch, and the trained network."""

    model: str
    read_out: str
    seed: int
    seconds: float
    train_loss: list[float]
    train_accuracy: list[float]
    dev_accuracy: list[float]
    """Empty where there is no dev set."""
    test_accuracy: list[float]
    network: keras.Model = field(repr=False)
    node: nodes.Node | None = None
    """What the node that varies most makes of symbols of the test set."""

    @property
    def best_epoch(self) -> int:
        """The first epoch, from 0, of the highest accuracy on the dev set."""
        return int(np.argmax(self.dev_accuracy))

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it."""
        kept = {k: v for k, v in vars(self).items() if k not in ("network", "node")}
        return kept | (self.node.record() if self.node else {})


class Data(NamedTuple):
    """Texts and classes by split, and how many symbols there are."""

    splits: dict[str, tuple[np.ndarray, np.ndarray]]
    symbols: int


def option_parser(
    description: str | None, output: str, presets: Iterable[str]
) -> argparse.ArgumentParser:
    """The options of both examples; their defaults come from the preset."""
    parser = command_line.option_parser(description, output, presets)
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    add(
        "--read-out",
        nargs="+",
        choices=READ_OUTS,
        help="masked: the state after a text's last symbol; padded: the state after "
        "the padding behind it, which is read like any symbol",
    )
    add(
        "--padding",
        choices=PADDINGS,
        default="full",
        help="full: every text to the longest of all; template: as torchtext's "
        "BucketIterator, batches of like length in training, each padded to its own "
        "longest, and the test set to the longest of all",
    )
    add(
        "--first-state",
        choices=("zeros", "normal"),
        default="zeros",
        help="normal: h and c are drawn from N(0, 1) for every text, at test too",
    )
    add(
        "--loss-reduction",
        choices=LOSS_REDUCTIONS,
        default="mean",
        help="over a batch; sum makes a batch's gradient as many times as large",
    )
    add("--units", type=positive, help="units of the LSTM")
    add("--wide-units", type=positive, help="units of control 1")
    add("--embedding", type=positive, help="features of each symbol")
    add("--learning-rate", type=float)
    return parser


def recurrent_layer(
    model: str, units: int, wide_units: int, modulator_activation: str
) -> keras.layers.RNN:
    """The LSTM of one of `MODELS`, with the published initial values."""
    width = wide_units if model == "control-1" else units
    arguments: dict[str, Any] = {
        **{
            name: uniform(width)
            for name in (
                "kernel_initializer",
                "recurrent_initializer",
                "bias_initializer",
            )
        },
        "unit_forget_bias": False,
        "name": "lstm",
    }
    if model == "modulated":
        return keras_modact.ModulatedLSTM(width, modulator_activation, **arguments)
    if model == "control-3":
        # A second input gate is a gate, whatever the modulator is.
        return keras_modact.ModulatedLSTM(
            width, "sigmoid", modulates="output", **arguments
        )
    return keras.layers.LSTM(width, **arguments)


def uniform(width: int) -> keras.initializers.Initializer:
    """U(-1/sqrt(width), 1/sqrt(width)), drawn for one weight only.

    Keras' initializers draw the same numbers each time, so no two weights share one.
    """
    bound = width**-0.5
    return keras.initializers.RandomUniform(-bound, bound)


def build_model(
    options: argparse.Namespace,
    model: str,
    read_out: str,
    symbols: int,
    classes: int,
    modulator_activation: str,
    dropout: float = 0.0,
) -> keras.Model:
    """Embedding, LSTM, softmax on its last state."""
    texts = keras.Input((None,), dtype="int32")
    embedding = keras.layers.Embedding(
        symbols,
        options.embedding,
        # PyTorch's initial values, as those of the LSTM. Keras' own are 70 times
        # smaller, and tanhshrink makes next to nothing of such inputs.
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        mask_zero=read_out == "masked",
        name="embedding",
    )
    lstm = recurrent_layer(
        model, options.units, options.wide_units, modulator_activation
    )
    states = None
    if options.first_state == "normal":
        states = NormalStates(lstm.cell.units, name="first_state")(texts)
    mask = {}
    if (read_out, options.padding) == ("padded", "template"):
        mask["mask"] = WithinBatch()(texts)
    outputs = lstm(embedding(texts), initial_state=states, **mask)
    last = keras.layers.Dropout(dropout)(outputs)
    answer = keras.layers.Dense(
        classes,
        activation="softmax",
        kernel_initializer=uniform(lstm.cell.units),
        bias_initializer=uniform(lstm.cell.units),
    )
    return keras.Model(texts, answer(last))


class WithinBatch(keras.layers.Layer):
    """A mask that ends each text where the longest of its batch ends, in training.

    An LSTM then reads as much padding as if every batch had a length of its own,
    for which JAX and TensorFlow would compile it anew. At test nothing is masked.
    """

    def call(self, texts: Any, training: bool = False) -> Any:
        if not training:
            return ops.ones_like(texts, dtype="bool")
        within = ops.any(ops.not_equal(texts, PADDING), axis=0, keepdims=True)
        return ops.broadcast_to(within, ops.shape(texts))


def batches_by_length(
    lengths: np.ndarray, batch_size: int, generator: np.random.Generator
) -> np.ndarray:
    """An order of texts in which each batch has texts of like length, for an epoch.

    As torchtext's BucketIterator: texts are shuffled, every `POOL` batches of them
    sorted, and the batches shuffled.
    """
    order = generator.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for start in range(0, len(order), POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        full, rest = np.split(pool, [len(pool) // batch_size * batch_size])
        batches += [*generator.permutation(full.reshape(-1, batch_size)), rest]
    return np.concatenate(batches)


class NormalStates(keras.layers.Layer):
    """States h and c from N(0, 1) for each text, anew at each call, at test too.

    So does the template of that time, which calls its `init_hidden` every time.
    """

    def __init__(self, units: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, texts: Any) -> list[Any]:
        shape = (ops.shape(texts)[0], self.units)
        return [keras.random.normal(shape, seed=self.seed_generator) for _ in range(2)]

    def compute_output_shape(self, texts_shape: Any) -> list[Any]:
        return [(texts_shape[0], self.units)] * 2


def train_all(
    options: argparse.Namespace,
    make_model: Callable[[str, str], keras.Model],
    make_optimizer: Callable[[], keras.optimizers.Optimizer],
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> list[Run]:
    """Trains every model with every read-out, seed by seed.

    `make_model` takes a model's and a read-out's name; `splits` are texts and
    classes of "train", "test" and, where there is one, "dev".
    """
    settings = list(itertools.product(options.seeds, options.read_out, options.models))
    runs = []
    for number, (seed, read_out, model) in enumerate(settings, 1):
        print(
            f"\nTraining {number} of {len(settings)}: {MODELS[model]}, "
            f"{read_out} read-out, seed {seed}",
            flush=True,
        )
        keras.utils.set_random_seed(seed)
        network = make_model(model, read_out)
        loss = keras.losses.SparseCategoricalCrossentropy(
            reduction=LOSS_REDUCTIONS[options.loss_reduction]
        )
        network.compile(make_optimizer(), loss, metrics=["accuracy"])
        runs.append(train(options, network, splits, model, read_out, seed))
        print(
            f"{runs[-1].seconds:.0f} s, accuracy after the last epoch: "
            f"train {runs[-1].train_accuracy[-1]:.4f}, "
            f"test {runs[-1].test_accuracy[-1]:.4f}"
        )
    return runs


def train(
    options: argparse.Namespace,
    network: keras.Model,
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
    model: str,
    read_out: str,
    seed: int,
) -> Run:
    """Trains a network and looks at the dev and the test set after every epoch."""
    by_length = options.padding == "template"
    inputs, classes = splits["train"]
    lengths = np.count_nonzero(inputs != PADDING, axis=1)
    course: dict[str, list[float]] = {
        name: [] for name in ("loss", "accuracy", "dev", "test")
    }
    start = time.perf_counter()
    for epoch in range(options.epochs):
        order: Any = slice(None)
        if by_length:
            generator = np.random.default_rng([seed, epoch])
            order = batches_by_length(lengths, options.batch_size, generator)
        # Epoch by epoch, since fit looks at one other set only.
        history = network.fit(
            inputs[order],
            classes[order],
            shuffle=not by_length,
            batch_size=options.batch_size,
            initial_epoch=epoch,
            epochs=epoch + 1,
            verbose=command_line.fit_verbosity(options),
        ).history
        course["loss"] += history["loss"]
        course["accuracy"] += history["accuracy"]
        for split in [name for name in splits if name != "train"]:
            # No gradients are kept here, so larger batches fit and save time.
            _, accuracy = network.evaluate(*splits[split], batch_size=500, verbose=0)
            course[split].append(float(accuracy))
    return Run(
        model=model,
        read_out=read_out,
        seed=seed,
        seconds=time.perf_counter() - start,
        train_loss=course["loss"],
        train_accuracy=course["accuracy"],
        dev_accuracy=course["dev"],
        test_accuracy=course["test"],
        network=network,
        node=nodes.most_varied(network, splits["test"][0][:100]),
    )


def recurrent_weights(network: keras.Model) -> int:
    """How many weights read the state: what the paper's table 3 counts."""
    cell = network.get_layer("lstm").cell
    return int(np.prod(cell.recurrent_kernel.shape))
