"""Discs and squares: what modulated convolutions say over an image.

Small noisy images hold a disc or a square somewhere, drawn anew from each seed. A
network of two convolutions tells which, plain or modulated, and the signal of each
modulator is kept for one image of either kind. It is no experiment of the paper (Sha
et al. 2019), whose images may not be shown here, and the task is easy: it shows where
a modulator turns a layer up or down, and no more.

    export KERAS_BACKEND=jax
    python -m examples.modulation.shapes
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from matplotlib.figure import Figure

import keras_modact
from examples.modulation.modulated_cnn import with_modulator
from examples.shared import command_line, records, tables
from keras_modact.modulation.plotting import plot_map

SIZE = 24
MODELS = ("plain", "modulated")
IMAGES, SIGNALS = "images", "signals"
LAYERS = ("first layer", "second layer")

PRESET = {
    "batch_size": 32,
    "epochs": 8,
    "samples": 1000,
    "test_samples": 1000,
    "filters": 8,
    "learning_rate": 3e-3,
    "models": list(MODELS),
    "seeds": [0, 1, 2],
}


@dataclass
class Run:
    """One training, and what the modulators say over a disc and a square."""

    model: str
    seed: int
    parameters: int
    test_accuracy: float
    images: np.ndarray
    """`(2, height, width)`, empty of a plain network."""
    signals: np.ndarray
    """`(layers, 2, height, width)`, empty of a plain network."""

    def record(self) -> dict[str, Any]:
        """What JSON can hold of it, the arrays with two and three digits."""
        kept = {IMAGES: self.images.round(2), SIGNALS: self.signals.round(3)}
        lists = {name: array.astype(float).tolist() for name, array in kept.items()}
        return {**vars(self), **lists}


def make_images(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images `(number, height, width, 1)`, and 1 for a disc, 0 for a square."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    kinds = random.integers(0, 2, number)
    images = random.normal(scale=0.15, size=(number, SIZE, SIZE, 1))
    for image, kind in zip(images, kinds, strict=True):
        row, column = random.integers(7, SIZE - 7, 2)
        down, right = abs(rows - row), abs(columns - column)
        # Of about one area: 97 pixels and 81.
        inside = down**2 + right**2 <= 30 if kind else np.maximum(down, right) <= 4
        image[inside] += 1
    return images.astype("float32"), kinds


def build_model(options: argparse.Namespace, model: str) -> keras.Model:
    """Two convolutions, plain or modulated, and an average over the image; compiled."""
    layers: list[keras.layers.Layer] = [
        keras.layers.Conv2D(
            options.filters, 5, padding="same", activation="relu", name=name
        )
        for name in LAYERS
    ]
    if model == "modulated":
        layers = [with_modulator(layer) for layer in layers]
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            *layers,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    network.compile(
        keras.optimizers.Adam(options.learning_rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return network


def run(options: argparse.Namespace) -> list[Run]:
    """Trains every model with every seed; models of one seed see the same images."""
    runs = []
    for seed in options.seeds:
        x, y = make_images(options.samples + options.test_samples, seed)
        test_x, test_y = x[options.samples :], y[options.samples :]
        shown = test_x[[np.argmax(test_y == 1), np.argmax(test_y == 0)]]
        for model in options.models:
            keras.utils.set_random_seed(seed)
            network = build_model(options, model)
            network.fit(
                x[: options.samples],
                y[: options.samples],
                batch_size=options.batch_size,
                epochs=options.epochs,
                verbose=command_line.fit_verbosity(options),
            )
            _, accuracy = network.evaluate(test_x, test_y, verbose=0)
            # A plain network has nothing to show.
            images = signals = np.empty(0)
            if model == "modulated":
                found = keras_modact.modulation_signals(network, shown)
                images = shown[..., 0]
                signals = np.stack([found[name][..., 0] for name in LAYERS])
            runs.append(
                Run(
                    model,
                    seed,
                    network.count_params(),
                    float(accuracy),
                    images,
                    signals,
                )
            )
    return runs


def map_figure(kept: Mapping[str, Any]) -> Figure:
    """Draws a modulated network's record: two images, and the signals over them."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    figure.get_layout_engine().set(wspace=0.08)
    signals = np.moveaxis(np.array(kept[SIGNALS]), 0, 1)
    rows = zip(figure.subplots(2, 1 + len(LAYERS)), kept[IMAGES], signals, strict=True)
    for place, (row, image, of_image) in enumerate(rows):
        row[0].imshow(image, cmap="gray")
        row[0].set(xticks=[], yticks=[], title="" if place else "image")
        for ax, name, signal in zip(row[1:], LAYERS, of_image, strict=True):
            plot_map(signal, ax=ax, limits=(0, 1))
            ax.set_title("" if place else name)
    return figure


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = command_line.option_parser(__doc__, "shapes", ("quick",))
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, help="which networks")
    add("--filters", type=command_line.positive, help="of each convolution")
    add("--learning-rate", type=float, help="Adam's")
    return command_line.parse(parser, {"quick": PRESET}, argv)


def main(argv: Sequence[str] | None = None) -> list[Run]:
    """Runs the experiment that the command line asks for, and reports."""
    options = parse(argv)
    runs = run(options)
    kept = [one.record() for one in runs]
    records.write_results(options, kept)
    head = ["model", "seed", "parameters", "test accuracy"]
    rows = [
        [one.model, str(one.seed), str(one.parameters), f"{one.test_accuracy:.4f}"]
        for one in runs
    ]
    print(tables.markdown_table([head, *rows]))
    shown = next((one for one in kept if one[SIGNALS]), None)
    if shown is not None:
        map_figure(shown).savefig(options.output / "map.png", dpi=130)
    return runs


if __name__ == "__main__":
    main()
