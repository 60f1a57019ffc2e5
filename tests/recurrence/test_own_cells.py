"""Cells and layers of one's own: honoured in full, or refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import keras_modact
from keras_modact.bistability import trace_gates
from tests.gradients import as_float64
from tests.layer_table import RECURRENT_CLASSES, Row, row_id

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_a_call_of_its_own_is_refused(row: Row) -> None:
    """A layer runs `step`, and would ignore it; `keras.layers.RNN` runs `call`."""
    parent = row.cls.cell_class

    class HalfCell(parent):
        def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
            output, states = super().call(inputs, states, training)
            return output / 2, states

    class Half(row.cls):
        cell_class = HalfCell

    with pytest.raises(ValueError, match=r"HalfCell overrides `call`.*`step"):
        Half(**row.arguments)


class ConstantUpdateCell(keras_modact.NBRCCell):
    """a = 3 sigmoid(p) and c = 1/2, as no gate of its parent."""

    def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
        h = states[0]
        a, _ = self.own_gates(projected, h)
        candidate = ops.tanh(projected[..., 2 * self.units :] + a * h)
        return [(h + candidate) / 2]

    def own_gates(self, projected: Any, h: Any) -> tuple[Any, Any]:
        of_feedback = (h @ ops.convert_to_tensor(self.recurrent_kernel))[
            ..., : self.units
        ]
        a = 3 * ops.sigmoid(projected[..., : self.units] + of_feedback)
        return a, ops.full_like(a, 0.5)


class ConstantUpdate(keras_modact.NBRC):
    cell_class = ConstantUpdateCell


class ToldCell(ConstantUpdateCell):
    def gates(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self.own_gates(self.project(inputs), state)


class Told(keras_modact.NBRC):
    cell_class = ToldCell


def test_gates_of_another_step_are_not_told() -> None:
    layer = ConstantUpdate(5)
    layer(X)
    with pytest.raises(ValueError, match="ConstantUpdateCell overrides `step`"):
        trace_gates(layer, X)
    with pytest.raises(ValueError, match="ConstantUpdateCell overrides `step`"):
        layer.cell.gates(X[:, 0], np.zeros((4, 5), "float32"))


def test_gates_of_its_own_are_told() -> None:
    layer = Told(5)
    layer(X)
    trace = trace_gates(layer, X)
    assert trace.feedback.max() > 2
    np.testing.assert_array_equal(trace.update, 0.5)


def test_gates_of_an_lstm_with_another_step() -> None:
    class Cell(keras_modact.ModulatedLSTMCell):
        def step(self, *arguments: Any, **more: Any) -> Any:
            return super().step(*arguments, **more)

    cell = Cell(4)
    cell.build((None, 3))
    with pytest.raises(ValueError, match="Cell overrides `step`"):
        cell.gates(X[:, 0], np.zeros((4, 4), "float32"))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_dtype_policy_set_later_reaches_the_cell(row: Row) -> None:
    layer, wanted = row.layer(), row.layer(dtype="mixed_bfloat16")
    layer.dtype_policy = "mixed_bfloat16"
    for each in (layer, wanted):
        each.build((None, *row.input_shape))
    wanted.set_weights(layer.get_weights())
    got, want = layer(row.batch()), wanted(row.batch())
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    np.testing.assert_array_equal(as_float64(got), as_float64(want))


class PlainCell(keras_modact.RecurrentCell):
    def build(self, input_shape: Any) -> None:
        # Without `checked_features`.
        self.kernel = self.add_weight(name="kernel", shape=(3, self.units))

    def project(self, inputs: Any) -> Any:
        return self.product(inputs, self.kernel)

    def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
        return [ops.tanh(projected + states[0])]


def test_a_build_of_its_own_need_not_note_the_features() -> None:
    class Plain(keras_modact.RecurrentLayer):
        cell_class = PlainCell

    assert Plain(4)(X).shape == (4, 4)


def test_a_constructor_that_passes_nothing_on_says_what_it_lacks() -> None:
    class ClosedCell(PlainCell):
        def __init__(self, units: int) -> None:
            super().__init__(units)

    class Closed(keras_modact.RecurrentLayer):
        cell_class = PlainCell

        def __init__(self, units: int) -> None:
            super().__init__(units)

    for cls, lacks in ((ClosedCell, "kernel_constraint"), (Closed, "return_state")):
        with pytest.raises(TypeError, match=rf"must end in `\*\*kwargs`.*{lacks}"):
            cls(4)


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (lambda new: new, "received a [A-Z]"),
        (lambda new: [new, new], "received a list of 2"),
    ],
)
def test_a_step_that_returns_no_list_of_the_states_says_so(
    returned: Any, told: str
) -> None:
    class LooseCell(PlainCell):
        def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
            return returned(ops.tanh(projected + states[0]))

    class Loose(keras_modact.RecurrentLayer):
        cell_class = LooseCell

    message = rf"`step` of LooseCell .* here 1 of them, {told}.*return \[new_state\]"
    for acceleration in ("loop", "adjoint"):
        layer = Loose(4)
        layer.acceleration = acceleration
        with pytest.raises(TypeError, match=message):
            layer(X)
    with pytest.raises(TypeError, match=message):
        keras.layers.RNN(LooseCell(4))(X)
