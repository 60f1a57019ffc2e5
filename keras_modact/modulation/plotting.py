"""Pictures of modulators: their signals, maps of them, and what a unit makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_modact.utils.plotting import BLUE, as_array, new_axes


def plot_signals(signals: Mapping[str, Any], ax: Any = None) -> Any:
    """Draws the range of each layer's modulation signal over a batch.

    A box holds the middle half of the values, its line is the median, and the
    whiskers hold nine tenths.

    Args:
        signals: The signal of each layer, as `modulation_signals` returns them.
        ax: matplotlib axes to draw on. Defaults to new ones, as high as the names of
            the layers need.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If `signals` is no mapping, or an empty one.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    model = keras.Sequential([
        keras.Input((8, 8, 1)),
        keras_modact.Modulated(keras.layers.Conv2D(4, 3)),
    ])
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1))
    signals = keras_modact.modulation.modulation_signals(model, images)
    ax = keras_modact.modulation.plotting.plot_signals(signals)
    ax.figure.savefig("signals.png")
    ```
    """
    if not isinstance(signals, Mapping) or not signals:
        raise ValueError(
            "`signals` must map layers' names to their signals, received "
            f"{type(signals).__name__} with nothing to draw by name. Pass what "
            "`modulation_signals(model, inputs)` returns."
        )
    ax = new_axes(ax, figsize=(6.4, max(4.8, 1 + 0.22 * len(signals))))
    boxes = [as_array(signal).ravel() for signal in signals.values()]
    line = {"color": BLUE}
    ax.boxplot(
        boxes,
        orientation="horizontal",
        whis=(5, 95),
        showfliers=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops={"color": BLUE, "linewidth": 2},
    )
    ax.set_yticks(range(1, len(boxes) + 1), list(signals))
    # The first layer stands on top.
    ax.invert_yaxis()
    ax.set(xlabel="modulation signal s")
    return ax


def plot_map(signal: Any, ax: Any = None, limits: Any = None) -> Any:
    """Draws the modulation signal of a convolution over an image.

    Args:
        signal: `(height, width)` or `(height, width, 1)`, the signal for one image.
        ax: matplotlib axes to draw on. Defaults to new ones.
        limits: The lowest and the highest value of the scale. Defaults to those of
            the signal.

    Returns:
        The matplotlib axes; the scale stands beside them.

    Raises:
        ValueError: If the signal is that of several channels or images.
    """
    values = as_array(signal)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2:
        raise ValueError(
            "`signal` must be that of one image and one channel, (height, width), "
            f"received the shape {values.shape}. Pass for example `signal[0, ..., 0]`."
        )
    ax = new_axes(ax)
    low, high = limits if limits is not None else (None, None)
    image = ax.imshow(values, cmap="cividis", vmin=low, vmax=high)
    # As high as the map, whatever room its square pixels leave.
    scale = ax.inset_axes((1.04, 0, 0.06, 1))
    ax.figure.colorbar(image, cax=scale, label="modulation signal s")
    ax.set(xticks=[], yticks=[])
    return ax


def plot_unit(
    pre_activation: Any,
    output: Any,
    ax: Any = None,
    label: str | None = None,
    color: str = BLUE,
) -> Any:
    """Draws what a unit makes of its input: the activation, with its changing slope.

    Without a modulator the dots lie on one curve, that of the activation; a modulator
    spreads them, as the slope depends on the context (the paper's table 5).

    Args:
        pre_activation: The unit's weighted sum v for each sample or step.
        output: What it gives for them, of the same size.
        ax: matplotlib axes to draw on. Defaults to new ones.
        label: The name of these dots in a legend.
        color: Their colour.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If there are not as many outputs as sums.

    Example:

    ```python
    import numpy as np, keras, keras_modact

    layer = keras_modact.Modulated(keras.layers.Dense(4, activation="tanh"))
    x = np.random.default_rng(0).normal(size=(200, 3)).astype("float32")
    y = layer(x)
    v = x @ layer.layer.kernel + layer.layer.bias
    ax = keras_modact.modulation.plotting.plot_unit(v[:, 0], y[:, 0])
    ax.figure.savefig("unit.png")
    ```
    """
    x, y = as_array(pre_activation).ravel(), as_array(output).ravel()
    if x.shape != y.shape:
        raise ValueError(
            "`pre_activation` and `output` must be of one size, received "
            f"{x.size} and {y.size} numbers. Pass those of one unit."
        )
    ax = new_axes(ax)
    ax.scatter(x, y, s=6, alpha=0.5, linewidths=0, color=color, label=label)
    ax.set(xlabel="pre-activation v", ylabel="output y")
    if label is not None:
        ax.legend(loc="upper left", markerscale=2)
    return ax


def plot_over_time(signal: Any, ax: Any = None) -> Any:
    """Draws the modulation signal of a recurrent layer or a sequence over time.

    Args:
        signal: `(batch, time, channels)` or `(time, channels)`.
        ax: matplotlib axes to draw on. Defaults to new ones.

    Returns:
        The matplotlib axes, with the median over sequences and channels and bands
        that hold half and nine tenths of the values.
    """
    values = as_array(signal)
    steps = np.moveaxis(values, -2, 0).reshape(values.shape[-2], -1)
    low, quarter, median, three, high = np.quantile(
        steps, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1
    )
    ax = new_axes(ax)
    places = np.arange(len(steps))
    band = {"color": BLUE, "linewidth": 0}
    ax.fill_between(places, low, high, alpha=0.15, label="nine tenths", **band)
    ax.fill_between(places, quarter, three, alpha=0.3, label="half", **band)
    ax.plot(median, color=BLUE, label="median")
    ax.set(xlabel="time step", ylabel="modulation signal s")
    ax.legend()
    return ax
