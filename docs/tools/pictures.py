"""Draws the site's pictures, `python -m docs.tools.pictures [NAME...]`.

Each is made by the package's own plotting functions, from the equations or from a
warm-up of a few seconds, those of the site on JAX. They are illustrations; results are
drawn by `result_pictures`, and the strip shows both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import keras
import matplotlib
import numpy as np

import keras_modact
from docs.tools.panels import FOLDER, WIDTH, panels, save
from docs.tools.result_pictures import draw_learned, draw_unit, results
from examples.modulation import shapes
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
    kept = results("modulation/shapes", "quick").of("modulated")[0]["curve"]
    left, right = modulated.subplots(1, 2)
    left.imshow(kept[shapes.IMAGES][0], cmap="gray")
    left.set(xticks=[], yticks=[])
    plot_map(kept[shapes.SIGNALS][0][0], ax=right, limits=(0, 1))
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
        strip,
    )
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or DRAWN:
        print(name)
        DRAWN[name]()
        pyplot.close("all")
