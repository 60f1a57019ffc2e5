"""Pictures of what an adaptive layer does with its inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_modact.utils.plotting import CYCLE, as_array, new_axes


def plot_singular_values(
    values: Any, by: Any = None, ax: Any = None, xlabel: str = "sample"
) -> Any:
    """Draws the adapted singular values over samples, a line for each.

    Args:
        values: `(samples, rank)`, for example `layer.adaptation(inputs)[1]` of an
            `AdaptiveDense` with `adaptation="sva"`.
        by: A number for each sample, `(samples,)`, such as its target, by which the
            samples are put in order. Defaults to their place.
        ax: matplotlib axes to draw on. Defaults to new ones.
        xlabel: What `by` is, with its unit. Defaults to `"sample"`.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: If `values` is no matrix, or `by` has another length.

    Example:

    ```python
    import numpy as np, keras_modact

    layer = keras_modact.AdaptiveDense(4, adaptation="sva", policy_units=8)
    inputs = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    layer(inputs)
    ax = keras_modact.parameterization.plotting.plot_singular_values(
        layer.adaptation(inputs)[1], by=inputs[:, 0], xlabel="first feature"
    )
    ax.figure.savefig("singular_values.png")
    ```
    """
    values = as_array(values)
    if values.ndim != 2:
        raise ValueError(
            "`values` must be (samples, rank), received the shape "
            f"{values.shape}. Pass for example `layer.adaptation(inputs)[1]`."
        )
    places = np.arange(len(values)) if by is None else as_array(by)
    if places.shape != values.shape[:1]:
        raise ValueError(
            f"`by` must have a number for each of {len(values)} samples, received the "
            f"shape {places.shape}."
        )
    ax = new_axes(ax)
    order = np.argsort(places, kind="stable")
    colors: Any = CYCLE
    if values.shape[1] > len(CYCLE):
        from matplotlib import colormaps

        colors = colormaps["cividis"](np.linspace(0, 1, values.shape[1]))
    for number, (column, color) in enumerate(zip(values.T, colors, strict=False), 1):
        ax.plot(places[order], column[order], color=color, label=f"{number}")
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlabel=xlabel, ylabel="adapted singular value d")
    if values.shape[1] <= len(CYCLE):
        ax.legend(title="value", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax
