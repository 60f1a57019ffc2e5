"""The pictures of the adaptive activation show what was recorded."""

import numpy as np
import pytest

from examples.activation import pictures
from examples.activation.training import Adaptation, Run


@pytest.fixture
def drawn(figures_of):
    """The figures that were made."""
    return figures_of(pictures)


def run(network, start, end, test=0.5, loss=1.0):
    """A run whose n and s went from one pair to another, or to one a unit."""
    before, after = (Adaptation(*np.array(pairs, float).T) for pairs in (start, end))
    path = [[f(n) for n in a for f in (np.mean, np.std)] for a in (before, after)]
    gain, saturation = np.reshape(start, (-1, 2))[0]
    return Run(
        network=network,
        gain=gain,
        saturation=saturation,
        learning_rate=0.1,
        seed=0,
        parameters=9,
        seconds=1.0,
        train_loss=[loss],
        validation=[test],
        test=test,
        path=path,
        before=before,
        after=after,
        model=None,
    )


@pytest.mark.parametrize("low_is_good", [False, True])
def test_plane_has_the_path_of_every_run_and_colours_the_best_brightest(
    low_is_good, drawn, tmp_path
):
    runs = [
        run("homogeneous", (1, 0), (2, 0.5), test=0.2),
        run("homogeneous", (5, 0), (4, 1.5), test=0.9),
        run("homogeneous", (5, 1), (6, 1), test=np.nan, loss=np.nan),
        run("heterogeneous", [(3, 0)] * 2, [(3, 0.25), (4, 0.75)], test=0.5),
    ]
    path = tmp_path / "plane.png"
    pictures.plot_plane(runs, path, "title", "test", low_is_good)
    homogeneous, heterogeneous, bar = drawn[0].axes
    assert [homogeneous.get_title(), heterogeneous.get_title()] == [
        "homogeneous", "heterogeneous",
    ]  # fmt: skip
    ways = [line.get_xydata().tolist() for line in homogeneous.lines]
    assert ways == [[[1, 0], [2, 0.5]], [[5, 0], [4, 1.5]], [[5, 1], [6, 1]]]
    low, high, diverged = (line.get_color() for line in homogeneous.lines)
    # The bright end of viridis is green and red, the dark end is neither.
    assert (sum(low[:2]) > sum(high[:2])) == low_is_good
    assert diverged == pictures.DIVERGED
    assert heterogeneous.lines[0].get_xydata().tolist() == [[3, 0], [3.5, 0.5]]
    units = heterogeneous.collections[-1].get_offsets().tolist()
    assert sorted(units) == [[3, 0.25], [4, 0.75]]
    assert bar.get_ylabel() == "test"
    assert path.stat().st_size > 1000


def test_curves_are_gamma_of_the_best_and_of_the_most_changed(drawn, tmp_path):
    static = run("static", (1, 0), (1, 0))
    best = run("homogeneous", (1, 0), (2, 0), test=0.9)
    changed = run("homogeneous", (1, 0), (1, 1), test=0.8)
    diverged = run("homogeneous", (1, 0), (1, 9), loss=np.nan)
    units = run("heterogeneous", [(1, 0)] * 2, [(2, 0.5), (3, 0.5)])
    pictures.plot_curves(
        [static, changed, diverged, best, units],
        [static, best, units],
        tmp_path / "curves.png",
        "title",
    )
    panels = drawn[0].axes[:3]
    assert [axes.get_title() for axes in panels] == [
        "homogeneous from (1, 0)\nbest by validation",
        "homogeneous from (1, 0)\nchanged most",
        "heterogeneous from (1, 0)\nbest by validation",
    ]
    x = pictures.X.astype(float)
    sigmoid, softplus = 1 / (1 + np.exp(-x)), np.log1p(np.exp(x))
    for axes, after in ((panels[0], np.log1p(np.exp(2 * x)) / 2), (panels[1], sigmoid)):
        # The empty lines are the legend's.
        shown = [line for line in axes.lines if len(line.get_xdata())]
        lines = {line.get_color(): line.get_ydata() for line in shown}
        np.testing.assert_allclose(lines[pictures.VERMILION], after, atol=1e-5)
        np.testing.assert_allclose(lines[pictures.BLUE], softplus, atol=1e-5)
    assert sum(len(line.get_xdata()) > 0 for line in panels[2].lines) == 4


def test_band_of_arun_holds_the_quantiles_of_every_step(drawn, tmp_path):
    shape = (3, 20, 50)
    gains = np.random.default_rng(0).uniform(4, 6, shape) + np.arange(3)[:, None, None]
    narrow = Adaptation(np.full(shape, 5.0), np.zeros(shape))
    wide = Adaptation(gains, gains / 10)
    arun = run("arun", (1, 0), (1, 0))
    arun.before, arun.after = narrow, wide
    pictures.plot_adaptation(arun, tmp_path / "arun.png", "title")
    gain, saturation = drawn[0].axes
    before, after = gain.lines
    np.testing.assert_allclose(before.get_ydata(), 5)
    np.testing.assert_allclose(after.get_ydata(), [5, 6, 7], atol=0.1)
    heights = gain.collections[3].get_paths()[0].get_extents()
    assert (heights.ymin, heights.ymax) == pytest.approx((4.1, 7.9), abs=0.1)
    np.testing.assert_allclose(
        saturation.lines[1].get_ydata() * 10, after.get_ydata(), atol=1e-6
    )


def test_learning_shows_each_network_s_best_run(tmp_path, drawn):
    runs = [run("static", [[5, 0]], [[5, 0]], test=x) for x in (0.5, 0.75)]
    runs += [run("gru", [[5, 0]], [[5, 0]], test=0.25)]
    runs[-1].after = None
    runs += [run("tanh", [[5, 0]], [[5, 0]], loss=np.nan)]
    for low_is_good, best in ((False, 0.75), (True, 0.5)):
        pictures.plot_learning(runs, tmp_path / "l.png", "title", low_is_good)
        gamma, plain = drawn[-1].axes[0].lines
        assert list(gamma.get_ydata()) == [best]
        assert (plain.get_label(), plain.get_linestyle()) == ("gru", "--")
