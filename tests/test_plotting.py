"""Public pictures hold the data that they are to show, on the axes that are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.activation import plotting as activation
from keras_modact.modulation import plotting as modulation
from keras_modact.parameterization import plotting as parameterization

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def labels(ax: Any) -> tuple[str, str]:
    return ax.get_xlabel(), ax.get_ylabel()


def test_gamma_of_each_neuron() -> None:
    gain, saturation = np.array([1.0, 5.0, -2.0]), np.array([0.0, 0.5, 1.0])
    _, ax = pyplot.subplots()
    assert activation.plot_gamma(gain, saturation, ax, label="mine") is ax
    assert labels(ax) == ("x", "gamma(x; n, s)")
    for line, n, s in zip(ax.lines, gain, saturation, strict=True):
        x, y = line.get_xydata().T
        sigmoid = 1 / (1 + np.exp(-n * x))
        softplus = np.logaddexp(0, n * x)
        np.testing.assert_allclose(y, (1 - s) * softplus / n + s * sigmoid, atol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mine"]
    many = activation.plot_gamma(np.ones(100), np.zeros(100))
    assert len(many.lines) == 40


def test_gamma_path_from_ring_to_dot() -> None:
    gains = np.array([[4.0, 6.0], [5.0, 9.0]])
    saturations = np.array([[0.0, 0.2], [0.4, 0.8]])
    ax = activation.plot_gamma_path(gains, saturations)
    assert labels(ax) == ("gain n", "saturation s")
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[5, 0.1], [7, 0.6]])
    units, ring, dot = (drawn.get_offsets() for drawn in ax.collections)
    np.testing.assert_allclose(units, [[5, 0.4], [9, 0.8]])
    np.testing.assert_allclose(ring, [[5, 0.1]])
    np.testing.assert_allclose(dot, [[7, 0.6]])
    with pytest.raises(ValueError, match=r"must have one shape.*\(2, 2\) and \(1,\)"):
        activation.plot_gamma_path(gains, [1.0])


def test_singular_values_in_order() -> None:
    values, by = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=6)
    ax = parameterization.plot_singular_values(values, by, xlabel="target y")
    assert labels(ax) == ("target y", "adapted singular value d")
    order = np.argsort(by)
    for line, column in zip(ax.lines, values.T, strict=False):
        np.testing.assert_allclose(line.get_xydata().T, [by[order], column[order]])
    assert len(ax.get_legend().get_texts()) == 3
    with pytest.raises(ValueError, match="for each of 6 samples"):
        parameterization.plot_singular_values(values, by[:5])
    with pytest.raises(ValueError, match=r"\(samples, rank\), received.*\(6,\)"):
        parameterization.plot_singular_values(by)


def test_signals_of_each_layer() -> None:
    signals = {"first": np.arange(101.0), "second": np.ones((2, 3))}
    _, ax = pyplot.subplots()
    assert modulation.plot_signals(signals, ax) is ax
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(signals)
    assert ax.get_xlabel() == "modulation signal s"
    low = min(line.get_xdata().min() for line in ax.lines[:6])
    assert (low, ax.lines[5].get_xdata()[0]) == (5.0, 50.0)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    many = modulation.plot_signals({f"layer {n}": np.ones(2) for n in range(50)})
    assert many.figure.get_figheight() > 10
    with pytest.raises(ValueError, match="must map layers' names"):
        modulation.plot_signals({})


def test_map_is_the_signal() -> None:
    signal = RANDOM.random((4, 5, 1))
    ax = modulation.plot_map(signal, limits=(0, 1))
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), signal[..., 0])
    assert image.get_clim() == (0, 1)
    assert ax.child_axes[0].get_ylabel() == "modulation signal s"
    with pytest.raises(ValueError, match="one image and one channel"):
        modulation.plot_map(RANDOM.random((2, 4, 5, 1)))


def test_unit_has_a_dot_for_each_sample() -> None:
    v, y = RANDOM.normal(size=(2, 7))
    ax = modulation.plot_unit(v, y, label="modulated")
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), np.stack([v, y], 1))
    assert labels(ax) == ("pre-activation v", "output y")
    with pytest.raises(ValueError, match="7 and 6 numbers"):
        modulation.plot_unit(v, y[:6])


def test_signal_over_time() -> None:
    signal = RANDOM.random((3, 6, 2))
    ax = modulation.plot_over_time(signal)
    (median,) = ax.lines
    np.testing.assert_allclose(median.get_ydata(), np.median(signal, axis=(0, 2)))
    assert labels(ax) == ("time step", "modulation signal s")


def test_signals_of_a_model_with_a_model_inside() -> None:
    inner = keras.Sequential(
        [keras.Input((4, 4, 2)), keras_modact.Modulated(keras.layers.Conv2D(3, 3))],
        name="inner",
    )
    shared = keras_modact.Modulated(keras.layers.Dense(3), modulator="channelwise")
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.GlobalAveragePooling2D()(inner(inputs))
    first = shared(x)
    model = keras.Model(inputs, shared(first))
    images = RANDOM.normal(size=(5, 4, 4, 2)).astype("float32")
    signals = keras_modact.modulation_signals(model, images)
    conv = inner.layers[0]
    assert list(signals) == [conv.name, shared.name, f"{shared.name}_1"]
    expected = keras.ops.convert_to_numpy(conv.modulation(images))
    np.testing.assert_allclose(signals[conv.name], expected, rtol=1e-6)
    again = keras.Model(inputs, first).predict(images, verbose=0)
    expected = keras.ops.convert_to_numpy(shared.modulation(again))
    np.testing.assert_allclose(signals[f"{shared.name}_1"], expected, rtol=1e-5)
    # The layers are as they were.
    assert "modulation" not in vars(shared)
    plain = keras.Sequential([keras.Input((4, 4, 2)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="has no `Modulated` layer"):
        keras_modact.modulation_signals(plain, images)
