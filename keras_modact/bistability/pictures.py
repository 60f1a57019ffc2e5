"""The former name of `plotting`, where `ax` was called `axes`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from keras_modact.bistability import plotting


def _with_axes(plot: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plot)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if "axes" in kwargs:
            kwargs["ax"] = kwargs.pop("axes")
        return plot(*args, **kwargs)

    return renamed


plot_bifurcation = _with_axes(plotting.plot_bifurcation)
plot_gap = _with_axes(plotting.plot_gap)
plot_response = _with_axes(plotting.plot_response)
plot_gates = _with_axes(plotting.plot_gates)
