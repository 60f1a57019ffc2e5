"""The example of discs and squares: images, a tiny run, and the picture of it."""

import json

import numpy as np
import pytest

from examples.modulation import shapes


def test_images_hold_a_disc_or_a_square_and_are_drawn_anew_from_each_seed():
    x, y = shapes.make_images(60, seed=0)
    assert (x.shape, x.dtype) == ((60, 24, 24, 1), np.float32)
    assert set(y) == {0, 1}
    for image, kind in zip(x[..., 0], y, strict=True):
        # Noise of .15 about 0 and 1: few pixels pass half-way by chance.
        inside = image > 0.5
        assert abs(inside.sum() - (97 if kind else 81)) <= 3
        row, column = np.argwhere(inside).mean(0).round().astype(int)
        corners = image[row - 4 : row + 5 : 8, column - 4 : column + 5 : 8]
        sides = image[[row - 5, row + 5], column]
        assert [corners.mean().round(), sides.mean().round()] == [1 - kind, kind]
    again, other = (shapes.make_images(60, seed)[0] for seed in (0, 1))
    np.testing.assert_array_equal(again, x)
    assert (other != x).all()


def test_run_keeps_the_signals_over_a_disc_and_a_square(tmp_path, capsys):
    options = "--samples 64 --test-samples 16 --epochs 1 --filters 2 --seeds 1"
    given = [*options.split(), "--verbose", "0", "--output", str(tmp_path)]
    plain, modulated = shapes.main(given)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    none, kept = results["runs"]
    assert none["images"] == none["signals"] == []
    x, y = shapes.make_images(80, seed=1)
    for image, kind in zip(kept["images"], (1, 0), strict=True):
        first = x[64:][y[64:] == kind][0, ..., 0]
        np.testing.assert_allclose(image, first, atol=0.0051)
    signals = np.array(kept["signals"])
    assert signals.shape == (2, 2, 24, 24)
    assert ((signals > 0) & (signals < 1)).all()
    # A modulator is one filter more of either convolution.
    assert modulated.parameters - plain.parameters == 25 + 1 + 25 * 2 + 1
    assert f"| {modulated.test_accuracy:.4f} " in capsys.readouterr().out
    assert (tmp_path / "map.png").stat().st_size > 5_000


def test_picture_has_each_signal_beside_its_image():
    images, signals = np.zeros((2, 3, 3)), np.zeros((2, 2, 3, 3))
    for layer, place in np.ndindex(2, 2):
        images[place] = place
        signals[layer, place] = 0.1 * layer + 0.2 * place
    figure = shapes.map_figure({"images": images, "signals": signals})
    shown = [ax.images[0].get_array()[0, 0] for ax in figure.axes if ax.images]
    assert shown == pytest.approx([0, 0, 0.1, 1, 0.2, 0.3])
    titles = [ax.get_title() for ax in figure.axes if ax.images]
    assert titles == ["image", "first layer", "second layer", "", "", ""]
