"""Bad input: refused before anything is computed, with what to do about it.

Only here shows: a bad argument, shape, mask or initial state that is taken, or is
refused in words that do not name it, or too late, when something has changed.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import keras
import numpy as np
import pytest

from keras_modact.utils import validation
from tests.gradients import as_float64
from tests.layer_table import RECURRENT_CLASSES, ROWS, Row, first_rows, row_id

# Values that no layer takes, by argument.
REFUSED: dict[str, list[Any]] = {
    "units": [0, -3, 2.5, "8", True, None, float("nan")],
    "dropout": [-0.1, 1, 1.5, float("nan"), "0.5", None, True],
    "recurrent_dropout": [-0.1, 1, float("nan")],
    "use_bias": ["yes", 1],
    "kernel_initializer": ["no_such_name", 3, None],
    "recurrent_initializer": ["no_such_name", None],
    "bias_initializer": ["no_such_name"],
    "kernel_regularizer": ["no_such_name", 3],
    "recurrent_regularizer": ["no_such_name"],
    "bias_regularizer": ["no_such_name"],
    "kernel_constraint": ["no_such_name", 3],
    "recurrent_constraint": ["no_such_name"],
    "bias_constraint": ["no_such_name"],
    "seed": [1.5, "one", float("nan")],
    "return_sequences": ["no", 1],
    "return_state": ["no"],
    "go_backwards": ["no"],
    "stateful": ["no"],
    "unroll": ["no"],
    "zero_output_for_mask": ["no"],
    "use_candidate_bias": ["no", 2],
    "mode": ["learned", None, 1],
    "gain_initializer": [0, 0.0, "zeros", float("nan"), float("inf"), None],
    "saturation_initializer": [float("nan"), None, "no_such_name", True],
    "gain_regularizer": ["no_such_name"],
    "saturation_constraint": ["no_such_name"],
    "shared_axes": [0, -1, [1, 0], "1", 1.5, True],
    "supervisor_units": [0, -1, 2.5, None],
    "supervisor_kernel_initializer": ["no_such_name"],
    "gain_bias_initializer": ["no_such_name"],
    "fraction": [-0.1, 1.1, float("nan"), "0.5", None, True],
    "min_fraction": [-0.1, 1.1, float("nan"), None],
    "scope": ["unit", None],
    "gradient": ["wrong", None],
    "activation": ["no_such_name", 3, None],
    "data_format": ["channels", 1],
    "smooth": ["no", 1, None],
    "num_pieces": [1, 0, -2, 2.5, None, True],
    "rotation_initializer": ["no_such_name", 3],
    "order": [0, -1, 2.5, "8", True, None],
    "theta": [0, -1.5, float("nan"), float("inf"), "10", True, None],
    "memory_kernel_initializer": ["no_such_name", None],
    "input_encoder_initializer": ["no_such_name"],
    "hidden_encoder_initializer": ["no_such_name"],
    "memory_encoder_initializer": ["no_such_name"],
    "filters": [0, -3, 2.5, None, True],
    "kernel_size": [0, "3", (3, 0), (), (1, 2, 3, 4), 2.5, True, None],
    "strides": [0, (1, -1)],
    "dilation_rate": [0, (1, -1)],
    "padding": ["full", None],
    "positive_initializer": [float("nan"), None, "no_such_name"],
    "negative_initializer": [float("inf"), None],
    "positive_regularizer": ["no_such_name"],
    "negative_constraint": ["no_such_name"],
    "layer": [3, None, "Dense"],
    "modulator": ["gate", None, 3],
    "modulator_activation": ["no_such_name", 3, None],
    "modulator_use_bias": ["yes", 1],
    "modulator_trainable": ["yes", None],
    "modulator_kernel_initializer": ["no_such_name", None],
    "modulator_bias_regularizer": ["no_such_name"],
    "modulator_kernel_constraint": ["no_such_name"],
    "modulates": ["input", None],
    "context_features": [-1, 2.5, "3", None, True],
    "unit_forget_bias": ["yes", None],
    "adaptation": ["svd", None, 3],
    "rank": [0, -1, 2.5, "2", (2, 0), (1, 2, 3, 4)],
    "adapt_bias": ["yes", 1],
    "policy": ["gru", None, 3],
    "policy_units": [0, -1, 2.5, "3", True],
    "policy_activation": ["no_such_name", 3, None],
    "around_one": ["yes", 1],
    "policy_dropout": [-0.1, 1, "0.5", None],
    "slicing": ["wrong", None],
    "policy_kernel_initializer": ["no_such_name", 3],
    "policy_recurrent_initializer": ["no_such_name"],
    "policy_bias_initializer": ["no_such_name"],
    "adaptation_initializer": ["no_such_name"],
    "policy_kernel_regularizer": ["no_such_name"],
    "policy_recurrent_regularizer": ["no_such_name"],
    "policy_bias_regularizer": ["no_such_name"],
    "adaptation_regularizer": ["no_such_name"],
}


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_constructor_names_the_argument_and_the_value(row: Row) -> None:
    parameters = inspect.signature(row.cls).parameters
    for name in row.every_argument.keys() & REFUSED.keys():
        for value in REFUSED[name]:
            if value is None and parameters[name].default is None:
                continue
            with pytest.raises(ValueError, match=rf"`{name}`") as caught:
                row.make({**row.arguments, name: value})
            assert repr(value) in str(caught.value), (name, value)


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_unknown_argument(row: Row) -> None:
    with pytest.raises((TypeError, ValueError), match="no_such_argument"):
        row.make({**row.arguments, "no_such_argument": 1})


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_misspelt_argument(row: Row) -> None:
    name = max(row.every_argument, key=len)
    with pytest.raises(ValueError, match=f"Did you mean `{name}`"):
        row.make({**row.arguments, name.replace("a", "e", 1) + "s": 1})


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_mask_of_another_shape(row: Row) -> None:
    layer = row.layer()
    for shape in ((3, 5), (2, 6), (3, 6, 2), (6,), (3, 6, 1, 1)):
        with pytest.raises(ValueError, match=r"`mask` of shape \(batch, time\)"):
            layer(row.batch(), mask=np.ones(shape, bool))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_forgotten_return_sequences(row: Row) -> None:
    below = row.layer(return_sequences=False)
    with pytest.raises(ValueError, match="`return_sequences=True`"):
        keras.Sequential([keras.Input(row.input_shape), below, row.layer()])


@pytest.mark.parametrize("row", first_rows(), ids=row_id)
def test_numpy_integers_are_integers(row: Row) -> None:
    for name in row.every_argument.keys() & {"units", "filters", "num_pieces"}:
        made = row.make({**row.required(), name: np.int64(4)})
        assert made.get_config()[name] == 4


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 5, 6)])
def test_wrong_rank(row: Row, shape: tuple[int, ...]) -> None:
    message = rf"\(batch, time, features\).*{re.escape(str(shape))}"
    layer = row.layer()
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
    assert not layer.built
    layer(row.batch())
    with pytest.raises(ValueError, match=message):
        layer(np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match=r"\(batch, time, features\)"):
        row.layer()(keras.Input(shape[1:]))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_states_in_a_list_with_the_sequences(row: Row) -> None:
    layer = row.layer()
    states = layer.get_initial_state(3)
    with pytest.raises(
        ValueError, match="`layer\\(sequences, initial_state=states\\)`"
    ):
        layer([row.batch(), *states])


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_unknown_features(row: Row) -> None:
    layer = row.layer()
    inputs = keras.Input([None] * len(row.input_shape))
    if not row.needs_features:
        assert layer(inputs).shape == inputs.shape
        return
    with pytest.raises(ValueError, match=r"needs the (number of input|size of)"):
        layer(inputs)
    assert not layer.weights


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_other_features_than_built_for(row: Row) -> None:
    layer = row.layer()
    layer(row.batch())
    with pytest.raises(ValueError, match=r"built for 3 input features.*5"):
        layer(np.zeros((2, 4, 5), "float32"))
    with pytest.raises(ValueError, match=r"built for 3 input features.*5"):
        layer(keras.Input((4, 5)))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_empty_sequences(row: Row) -> None:
    with pytest.raises(ValueError, match="at least one time step"):
        row.layer()(np.zeros((2, 0, 3), "float32"))


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_initial_state_of_wrong_count_or_shape(row: Row) -> None:
    """A failed call leaves a stateful layer's states and weights as they were."""
    x = row.batch()
    layer = row.layer(stateful=True)
    layer(x)
    right = [np.asarray(s) for s in layer.get_initial_state(3)]
    wrong = [
        [*right, right[0]],
        [s[:2] for s in right],
        [s[:, :-1] for s in right],
        [s[0] for s in right],
        [],
    ]
    before = [as_float64(v) for v in layer.variables]
    for states in wrong:
        with pytest.raises(ValueError, match="`initial_state` of shape"):
            layer(x, initial_state=states)
    for old, new in zip(before, layer.variables, strict=True):
        np.testing.assert_array_equal(as_float64(new), old)
    symbolic = [keras.Input(s.shape[1:], batch_size=3) for s in right]
    with pytest.raises(ValueError, match="`initial_state` of shape"):
        row.layer()(
            keras.Input(row.input_shape), initial_state=[*symbolic, symbolic[0]]
        )


@pytest.mark.parametrize("row", RECURRENT_CLASSES[:1], ids=row_id)
def test_unroll_needs_a_static_length(row: Row) -> None:
    model_input = keras.Input((None, 3))
    with pytest.raises(ValueError, match="unroll=True and needs a fixed number"):
        row.layer(unroll=True)(model_input)


def test_finite_number() -> None:
    assert validation.finite_number("gain", 2) == 2.0
    for value in (float("nan"), float("inf"), "1", None, True, [1.0]):
        with pytest.raises(ValueError, match=r"`gain` must be a finite number"):
            validation.finite_number("gain", value)


def test_a_class_stands_for_its_instance() -> None:
    found = validation.initializer("kernel_initializer", keras.initializers.HeNormal)
    assert isinstance(found, keras.initializers.HeNormal)
