"""Draws the site's pictures, `python -m docs.tools.pictures [NAME...]`.

Each is made by the package's own plotting functions, from the theory or from a small
network that is trained here in seconds, those of the site on JAX. They are
illustrations; results are drawn by `result_pictures`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

import keras
import matplotlib
import numpy as np

import keras_modact
from docs.tools.panels import FOLDER, WIDTH, panels, save
from docs.tools.result_pictures import draw_learned, draw_unit
from keras_modact.bistability import settled_states, warm_up
from keras_modact.bistability.plotting import (
    plot_attractors,
    plot_bifurcation,
    plot_response,
)
from keras_modact.modulation.plotting import plot_map
from keras_modact.utils.plotting import BLUE, VERMILION

matplotlib.use("Agg")
from matplotlib import pyplot


def bifurcation() -> None:
    figure, (above, below) = panels(2, 1, 5.6)
    plot_bifurcation(ax=above)
    pulses = [0.0] * 5 + [1.5] * 3 + [0.0] * 12 + [-1.5] * 3 + [0.0] * 12
    plot_response(pulses, ax=below)
    save(figure, "bifurcation")


def attractors() -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(640, 50, 1)).astype("float32")
    figure, axes = panels(1, 2, 4.2)
    for ax, cls in zip(axes, (keras.layers.GRU, keras_modact.NBRC), strict=True):
        layer = cls(64)
        layer(x[:2])
        states = {"before": settled_states(layer, x[:64], steps=1000, seed=0)}
        warm_up(layer, x, seed=0)
        states["after"] = settled_states(layer, x[:64], steps=1000, seed=0)
        plot_attractors(states, ax=ax)
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
        ax.legend(title="attractors", frameon=False, **below)
        ax.set_title(cls.__name__.replace("NBRC", "nBRC"))
    save(figure, "attractors")


def shapes(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy images of a disc or a square somewhere, and which one it is."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:24, :24]
    kinds = random.integers(0, 2, number)
    images = random.normal(scale=0.15, size=(number, 24, 24, 1))
    for image, kind in zip(images, kinds, strict=True):
        row, column = random.integers(7, 17, 2)
        down, right = abs(rows - row), abs(columns - column)
        inside = down**2 + right**2 <= 30 if kind else np.maximum(down, right) <= 4
        image[inside] += 1
    return images.astype("float32"), kinds


@functools.cache
def modulated_shapes() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A disc and a square, and what the modulators of a trained network say."""
    keras.utils.set_random_seed(3)
    x, y = shapes(1000)
    layers = [
        keras_modact.Modulated(
            keras.layers.Conv2D(8, 5, padding="same", activation="relu"), name=name
        )
        for name in ("first layer", "second layer")
    ]
    pool = keras.layers.GlobalAveragePooling2D()
    out = keras.layers.Dense(2, activation="softmax")
    model = keras.Sequential([keras.Input((24, 24, 1)), *layers, pool, out])
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-2), loss, jit_compile=False)
    model.fit(x, y, epochs=6, verbose=0)
    both = x[[int(np.argmax(y == 1)), int(np.argmax(y == 0))]]
    return both, keras_modact.modulation_signals(model, both)


def modulation_map() -> None:
    images, signals = modulated_shapes()
    figure, axes = panels(2, 3, 3.8)
    figure.get_layout_engine().set(wspace=0.08)
    for place, row in enumerate(axes):
        row[0].imshow(images[place, ..., 0], cmap="gray")
        row[0].set(xticks=[], yticks=[], title="" if place else "image")
        for ax, (name, signal) in zip(row[1:], signals.items(), strict=True):
            plot_map(signal[place], ax=ax, limits=(0, 1))
            ax.set_title("" if place else name)
    save(figure, "modulation_map")


def strip() -> None:
    """A picture for each of four papers, for the README."""
    figure = pyplot.figure(figsize=(WIDTH, 5.2), layout="constrained")
    bistable, modulated, adapted, spread = figure.subfigures(2, 2).flat
    for part, title in (
        (bistable, "Stable states of a bistable unit"),
        (modulated, "What a modulator says of an image"),
        (adapted, "Activations that were learned"),
        (spread, "A tanh unit with a modulated slope"),
    ):
        part.suptitle(title, fontsize="large")
    ax = bistable.subplots()
    plot_bifurcation(ax=ax)
    ax.get_legend().remove()
    ax.annotate("unstable", (1.9, 0), (1.5, 0.12), color="0.4")
    images, signals = modulated_shapes()
    left, right = modulated.subplots(1, 2)
    left.imshow(images[0, ..., 0], cmap="gray")
    left.set(xticks=[], yticks=[])
    plot_map(signals["first layer"][0], ax=right, limits=(0, 1))
    ax = adapted.subplots()
    for network, color in (("homogeneous", BLUE), ("heterogeneous", VERMILION)):
        draw_learned(ax, network, color)
    draw_unit(spread.subplots(), "modulated")
    save(figure, "strip")


DRAWN: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        bifurcation,
        attractors,
        modulation_map,
        strip,
    )
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWN:
        print(name)
        DRAWN[name]()
        pyplot.close("all")
