"""Pictures of the adaptive activation: its curves, and its way in the (n, s) plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_modact.activation.gamma import gamma
from keras_modact.utils.plotting import BLUE, as_array, new_axes

_SHOWN = 40  # More curves than these, or more dots than ten times as many, hide.


def plot_gamma(
    gain: Any,
    saturation: Any,
    ax: Any = None,
    label: str | None = None,
    color: str = BLUE,
    limit: float = 2.0,
) -> Any:
    """Draws the curves of gamma(x; n, s), one for each pair.

    Args:
        gain: n, a number, or an array or weight with one for each neuron; of more
            than 40, some are drawn at random.
        saturation: s, of the same shape.
        ax: matplotlib axes to draw on. Defaults to new ones.
        label: The name of these curves in a legend.
        color: Their colour.
        limit: x is drawn from `-limit` to `limit`. Defaults to 2.

    Returns:
        The matplotlib axes.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.Gamma("heterogeneous")
    layer(np.ones((1, 8), "float32"))
    ax = keras_modact.activation.plotting.plot_gamma(layer.gain, layer.saturation)
    ax.figure.savefig("gamma.png")
    ```
    """
    ax = new_axes(ax)
    pairs = _pairs(gain, saturation, _SHOWN)
    x = np.linspace(-limit, limit, 201)
    curves = as_array(gamma(x[:, None], pairs[:, 0], pairs[:, 1]))
    style = {"linewidth": 0.7, "alpha": 0.6} if len(pairs) > 1 else {}
    lines = ax.plot(x, curves, color=color, **style)
    lines[0].set_label(label)
    ax.set(xlabel="x", ylabel="gamma(x; n, s)")
    if label is not None:
        ax.legend(loc="upper left")
    return ax


def plot_gamma_path(
    gains: Any,
    saturations: Any,
    ax: Any = None,
    label: str | None = None,
    color: str = BLUE,
) -> Any:
    """Draws the path of (n, s) in training, from a ring to a dot.

    A ring is where training starts, a dot where it ends, the line between them the
    mean over neurons; thin lines and small dots are the ways and ends of neurons.

    Args:
        gains: n at each epoch, `(epochs,)` or `(epochs, neurons)`.
        saturations: s at each epoch, of the same shape.
        ax: matplotlib axes to draw on. Defaults to new ones.
        label: The name of this way in a legend.
        color: Its colour.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If the shapes differ, or there is no epoch.

    Example:

    ```python
    import keras_modact

    gains, saturations = [5.0, 5.5, 5.7], [0.0, 0.1, 0.3]
    ax = keras_modact.activation.plotting.plot_gamma_path(gains, saturations)
    ax.figure.savefig("path.png")
    ```
    """
    n, s = as_array(gains), as_array(saturations)
    if n.shape != s.shape or n.ndim == 0 or not len(n):
        raise ValueError(
            "`gains` and `saturations` must have one shape, (epochs,) or (epochs, "
            f"neurons), received the shapes {n.shape} and {s.shape}. Pass for example "
            "the values of `layer.gain` after each epoch, stacked."
        )
    ax = new_axes(ax)
    n, s = n.reshape(len(n), -1), s.reshape(len(s), -1)
    way = n.mean(1), s.mean(1)
    ax.plot(*way, color=color, linewidth=1.5, label=label, zorder=3)
    if n.shape[1] > 1:
        units = _pairs(n[-1], s[-1], 10 * _SHOWN)
        ax.scatter(*units.T, s=10, color=color, alpha=0.5, linewidths=0)
        shown = slice(0, _SHOWN)
        thin = {"linewidth": 0.6, "alpha": 0.5, "zorder": 1}
        ax.plot(n[:, shown], s[:, shown], color=color, **thin)
    # Small, so that they leave a short way in sight.
    ends = {"s": 24, "color": color, "zorder": 4}
    ax.scatter(way[0][:1], way[1][:1], facecolors="white", **ends)
    ax.scatter(way[0][-1:], way[1][-1:], **ends)
    ax.set(xlabel="gain n", ylabel="saturation s")
    if label is not None:
        ax.legend()
    return ax


def _pairs(gain: Any, saturation: Any, most: int) -> np.ndarray:
    """(n, s) of each neuron as rows, some of them if they are more than `most`."""
    both = np.broadcast_arrays(as_array(gain), as_array(saturation))
    pairs = np.stack([values.ravel() for values in both], axis=-1)
    if len(pairs) <= most:
        return pairs
    return np.random.default_rng(0).permutation(pairs)[:most]
