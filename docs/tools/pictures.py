"""Draws the site's pictures, `python -m docs.tools.pictures [NAME...]`.

Each is made by the package's own plotting functions, from the theory or from a small
network that is trained here in seconds. They are illustrations; results are drawn by
`result_pictures`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable

import keras
import matplotlib
import numpy as np
from keras import ops

import keras_modact
from docs.tools.panels import FOLDER, WIDTH, panels
from keras_modact.activation.plotting import plot_gamma, plot_gamma_path
from keras_modact.bistability import settled_states, warm_up
from keras_modact.bistability.plotting import (
    plot_attractors,
    plot_bifurcation,
    plot_gates,
    plot_response,
)
from keras_modact.modulation.plotting import plot_map, plot_unit
from keras_modact.utils.plotting import BLUE, GREEN, VERMILION

matplotlib.use("Agg")
from matplotlib import pyplot


def fitted(
    model: keras.Model, x: np.ndarray, y: np.ndarray, epochs: int, **kwargs: object
) -> keras.Model:
    rate = kwargs.pop("rate", 1e-2)
    loss = kwargs.pop("loss", "mse")
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(x, y, epochs=epochs, verbose=0, **kwargs)
    return model


def bifurcation() -> None:
    figure, (left, right) = panels(1, 2, 3.4)
    plot_bifurcation(ax=left)
    pulses = [0.0] * 5 + [1.5] * 3 + [0.0] * 12 + [-1.5] * 3 + [0.0] * 12
    plot_response(pulses, ax=right)
    figure.savefig(FOLDER / "bifurcation.png", dpi=110)


def recall() -> tuple[keras.Model, np.ndarray]:
    """A network of two layers that gives back the first number of 40."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((40, 1)),
            keras_modact.NBRC(32, return_sequences=True),
            keras_modact.NBRC(32),
            keras.layers.Dense(1),
        ]
    )
    x = np.random.default_rng(0).normal(size=(6000, 40, 1)).astype("float32")
    fitted(model, x, x[:, 0], epochs=5, batch_size=50)
    found = model.evaluate(x[:500], x[:500, 0], verbose=0)
    print(f"recall after 40 steps: mean squared error {found:.3f}")
    return model, x[:200]


def gates() -> None:
    model, x = recall()
    figure, axes = panels(2, 1, 4.4, sharex=True)
    below = keras_modact.bistability.trace_gates(model.layers[0], x)
    above = keras_modact.bistability.trace_gates(model.layers[1], below.states)
    plot_gates({"first layer": below, "second layer": above}, ax=axes)
    figure.savefig(FOLDER / "gates.png", dpi=110)


def attractors() -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(640, 50, 1)).astype("float32")
    figure, axes = panels(1, 2, 3.8)
    for ax, cls in zip(axes, (keras.layers.GRU, keras_modact.NBRC), strict=True):
        layer = cls(64)
        layer(x[:2])
        states = {"before": settled_states(layer, x[:64], steps=1000, seed=0)}
        warm_up(layer, x, seed=0)
        states["after"] = settled_states(layer, x[:64], steps=1000, seed=0)
        plot_attractors(states, ax=ax)
        ax.set_title(cls.__name__.replace("NBRC", "nBRC"))
    figure.savefig(FOLDER / "attractors.png", dpi=110)


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
    keras.utils.set_random_seed(0)
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
    model = fitted(model, x, y, 6, loss="sparse_categorical_crossentropy")
    both = x[[int(np.argmax(y == 1)), int(np.argmax(y == 0))]]
    return both, keras_modact.modulation_signals(model, both)


def modulation_map() -> None:
    images, signals = modulated_shapes()
    figure, axes = panels(2, 3, 4.6)
    for place, row in enumerate(axes):
        row[0].imshow(images[place, ..., 0], cmap="gray")
        row[0].set(xticks=[], yticks=[], title="" if place else "image")
        for ax, (name, signal) in zip(row[1:], signals.items(), strict=True):
            plot_map(signal[place], ax=ax, limits=(0, 1))
            ax.set_title("" if place else name)
    figure.savefig(FOLDER / "modulation_map.png", dpi=110)


@functools.cache
def units() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What goes into a unit and what comes out, plain and modulated, after training."""
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(1500, 4)).astype("float32")
    # What two features say counts as much as a third one allows.
    allowed = 1 / (1 + np.exp(-4 * x[:, 2:3]))
    y = (np.tanh(2 * x[:, :1] - x[:, 1:2]) * allowed).astype("float32")
    found = {}
    for title in ("plain", "modulated"):
        dense = keras.layers.Dense(6, activation="tanh")
        layer = dense if title == "plain" else keras_modact.Modulated(dense)
        read_out = keras.layers.Dense(1)
        fitted(keras.Sequential([keras.Input((4,)), layer, read_out]), x, y, 15)
        v = ops.convert_to_numpy(x @ dense.kernel + dense.bias)
        outputs = ops.convert_to_numpy(layer(x))
        # The unit that the read-out hears most.
        one = int(np.abs(ops.convert_to_numpy(read_out.kernel)).argmax())
        found[title] = v[:600, one], outputs[:600, one]
    return found


def unit() -> None:
    figure, axes = panels(1, 2, 3.4, sharex=True, sharey=True)
    colors = {"plain": GREEN, "modulated": BLUE}
    for ax, (title, drawn) in zip(axes, units().items(), strict=True):
        plot_unit(*drawn, ax=ax, color=colors[title])
        ax.set_title(f"a {title} tanh unit")
    axes[1].set_ylabel("")
    figure.savefig(FOLDER / "unit.png", dpi=110)


STARTS = {(2.0, 0.0): BLUE, (5.0, 0.5): VERMILION, (8.0, 1.0): GREEN}


@functools.cache
def gamma_ways() -> dict[tuple[float, float], tuple[np.ndarray, np.ndarray]]:
    """n and s of each unit of a small network, epoch by epoch, from three starts."""
    x = np.random.default_rng(0).normal(size=(600, 3)).astype("float32")
    y = np.maximum(0, x[:, :1]) + 1 / (1 + np.exp(-6 * x[:, 1:2]))
    found = {}
    for start in STARTS:
        keras.utils.set_random_seed(0)
        layer = keras_modact.Gamma("heterogeneous", *start)
        way: list[list[np.ndarray]] = []

        def note(
            *_: object, layer: keras_modact.Gamma = layer, way: list = way
        ) -> None:
            way.append(
                [ops.convert_to_numpy(w).copy() for w in (layer.gain, layer.saturation)]
            )

        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(12), layer, keras.layers.Dense(1)]
        )
        note()
        each_epoch = keras.callbacks.LambdaCallback(on_epoch_end=note)
        fitted(model, x, y, 25, callbacks=[each_epoch])
        gains, saturations = np.moveaxis(np.array(way), 1, 0)
        found[start] = gains, saturations
    return found


def gamma_path() -> None:
    figure, (left, right) = panels(1, 2, 3.6)
    for start, (gains, saturations) in gamma_ways().items():
        color, label = STARTS[start], "from ({:g}, {:g})".format(*start)
        plot_gamma_path(gains, saturations, ax=left, label=label, color=color)
        plot_gamma(gains[-1], saturations[-1], ax=right, color=color)
    left.get_legend().remove()
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside upper center", ncols=3
    )
    figure.savefig(FOLDER / "gamma_path.png", dpi=110)


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
    for start, (gains, saturations) in gamma_ways().items():
        plot_gamma(gains[-1], saturations[-1], ax=ax, color=STARTS[start])
    plot_unit(*units()["modulated"], ax=spread.subplots())
    figure.savefig(FOLDER / "strip.png", dpi=110)


DRAWN: dict[str, Callable[[], None]] = {
    one.__name__: one
    for one in (
        bifurcation,
        gates,
        attractors,
        modulation_map,
        unit,
        gamma_path,
        strip,
    )
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWN:
        print(name)
        DRAWN[name]()
        pyplot.close("all")
