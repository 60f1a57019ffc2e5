"""What the examples' pictures share."""

import pytest

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

from examples.shared import pictures
from keras_modact.utils.plotting import COLORS, CYCLE


@pytest.mark.parametrize("values", [(0.9, 1.05), (0.2, 1.0), (1e-5, 1.0)])
def test_logarithmic_axis_has_three_labels_and_more(values):
    figure = Figure()
    axes = figure.subplots()
    axes.plot(values)
    pictures.logarithmic(axes)
    figure.canvas.draw()
    low, high = axes.get_ylim()
    seen = [
        label.get_text()
        for label in axes.get_yticklabels()
        if low <= label.get_position()[1] <= high
    ]
    assert len(set(seen)) == len(seen) >= 3
    assert axes.get_yscale() == "log"


def test_a_cell_has_its_colour_in_every_picture():
    names = ["T = 5, LMU", "T = 5, nBRC", "lstm", "wider", "widest"]
    own = [pictures.color_of(names, name) for name in names[:3]]
    assert own == [COLORS["LMU"], COLORS["nBRC"], COLORS["LSTM"]]
    others = [color for color in CYCLE if color not in own]
    assert [pictures.color_of(names, name) for name in names[3:]] == others[:2]


def test_one_legend_names_what_several_panels_have_once():
    figure = Figure()
    for axes in figure.subplots(1, 2):
        axes.plot([0], label="first")
    axes.plot([1], label="second")
    pictures.legend_below(figure)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["first", "second"]
