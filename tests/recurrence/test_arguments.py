"""Constructors: what all recurrent cells and layers share, and what each adds."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

import keras
import numpy as np
import pytest
from keras import ops

import keras_modact
from keras_modact.recurrence.arguments import LayerArguments, declared
from tests.gradients import as_float64
from tests.layer_table import Row, first_rows, row_id

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
FIRST_ROWS = [row for row in first_rows() if row.is_recurrent]
PUBLISHED = {
    "BRC": ["units", "use_bias", "use_candidate_bias", "kernel_initializer"],
    "NBRC": ["units", "use_bias", "use_candidate_bias", "kernel_initializer"],
    "GORU": ["units", "use_bias", "kernel_initializer"],
    "LMU": ["units", "order", "theta", "use_bias", "kernel_initializer"],
    "GammaRNN": ["units", "mode", "use_bias", "kernel_initializer"],
    "ARUN": ["units", "supervisor_units", "use_bias", "kernel_initializer"],
    "ModulatedLSTM": [
        "units",
        "modulator_activation",
        "modulates",
        "use_bias",
        "unit_forget_bias",
        "kernel_initializer",
    ],
    "AdaptiveLSTM": [
        "units",
        "policy_units",
        "policy",
        "adaptation",
        "adapt_bias",
        "policy_activation",
        "around_one",
        "slicing",
        "use_bias",
        "unit_forget_bias",
    ],
    "StackedAdaptiveLSTM": [
        "units",
        "policy_units",
        "adaptation",
        "adapt_bias",
        "policy_activation",
        "around_one",
        "slicing",
        "use_bias",
        "unit_forget_bias",
    ],
}
LOOP = [
    "seed",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
]


@pytest.mark.parametrize("row", FIRST_ROWS, ids=row_id)
def test_positions_are_those_of_the_first_release(row: Row) -> None:
    names = list(inspect.signature(row.cls).parameters)
    assert names[: len(PUBLISHED[row.name])] == PUBLISHED[row.name]
    start = names.index("seed")
    assert names[start : start + len(LOOP)] == LOOP
    values = {
        name: row.every_argument.get(name, row.arguments.get(name, parameter.default))
        for name, parameter in inspect.signature(row.cls).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    by_position = row.cls(*values.values(), name="layer")
    assert by_position.get_config() == row.cls(**values, name="layer").get_config()
    cells = [p for p in inspect.signature(row.cls.cell_class).parameters if p in values]
    cell = row.cls.cell_class(*[values[name] for name in cells], name="cell")
    assert cell.get_config() == by_position.cell.get_config()


def test_twice_the_same_argument() -> None:
    with pytest.raises(TypeError, match="units twice"):
        keras_modact.NBRC(4, units=4)
    with pytest.raises(TypeError, match="units"):
        keras_modact.NBRC()


@pytest.mark.parametrize("row", FIRST_ROWS, ids=row_id)
def test_what_code_reads_of_a_keras_layer(row: Row) -> None:
    """As of `keras.layers.GRU`, the arguments are attributes; not to be set."""
    layer = row.make(row.every_argument)
    for name in set(declared(LayerArguments)) - {"activity_regularizer"}:
        kept = getattr(layer.cell, name, None)
        assert getattr(layer, name) is (layer.cell.units and kept) or name in LOOP
    assert layer.dropout == row.every_argument["dropout"]
    assert layer.units == layer.cell.units
    assert isinstance(layer.kernel_initializer, keras.initializers.Initializer)
    with pytest.raises(AttributeError):
        layer.dropout = 0.5
    with pytest.raises(AttributeError):
        layer.no_such_attribute  # noqa: B018


def test_weights_of_the_cell_are_weights_of_the_layer() -> None:
    layer = keras_modact.NBRC(4)
    assert not hasattr(layer, "kernel")
    layer(X)
    assert layer.kernel is layer.cell.kernel
    assert layer.recurrent_kernel is layer.cell.recurrent_kernel
    assert layer.bias is layer.cell.bias


@pytest.mark.parametrize("row", FIRST_ROWS, ids=row_id)
def test_arguments_that_change_nothing(row: Row) -> None:
    """What real code passes to `keras.layers.GRU`, in a constructor and a config."""
    harmless: dict[str, Any] = {
        "implementation": 2,
        "use_cudnn": "auto",
        "reset_after": True,
    }
    fixed = row.cls.cell_class.fixed_arguments
    harmless |= {k: v.value for k, v in fixed.items() if v.value is not None}
    plain = row.cls(**row.arguments, name="layer")
    given = row.cls(**row.arguments, **harmless, name="layer")
    assert given.get_config() == plain.get_config()
    again = row.cls.from_config({**plain.get_config(), **harmless})
    assert again.get_config() == plain.get_config()
    called = row.cls.__name__
    with pytest.raises(ValueError, match=f"`use_cudnn` has no effect on {called} "):
        row.cls(**row.arguments, use_cudnn=True)
    for name in fixed:
        with pytest.raises(ValueError, match=f"`{name}` of {called} is fixed: .*relu"):
            row.cls(**row.arguments, **{name: "relu"})
    if "activation" in fixed and fixed["activation"].value:
        assert plain.activation is keras.activations.tanh
        row.cls(**row.arguments, activation=keras.activations.tanh)


@pytest.mark.parametrize("acceleration", ["auto", "loop"])
def test_activations_of_a_modulated_lstm(acceleration: str) -> None:
    """With tau = 1 it is an LSTM, of whatever activations."""
    options = {"activation": "softsign", "recurrent_activation": "hard_sigmoid"}
    ours = keras_modact.ModulatedLSTM(
        4, modulator_activation=ops.ones_like, modulates="output", **options
    )
    ours.acceleration = acceleration
    lstm = keras.layers.LSTM(4, **options)
    ours(X), lstm(X)
    lstm.set_weights([weight[..., :16] for weight in ours.get_weights()])
    np.testing.assert_allclose(
        as_float64(ours(X)), as_float64(lstm(X)), rtol=1e-5, atol=1e-6
    )
    config = ours.get_config()
    assert (config["activation"], config["recurrent_activation"]) == tuple(
        options.values()
    )


def test_size_of_the_policy_where_none_is_given() -> None:
    """100 for the published layers of 1,150 and 400 units."""
    assert keras_modact.StackedAdaptiveLSTM([1150, 400]).policy_units == 100
    assert keras_modact.AdaptiveLSTM(8).get_config()["policy_units"] == 2
    assert keras_modact.AdaptiveLSTM(3).policy_units == 1


@keras.saving.register_keras_serializable(package="tests")
class DecayCell(keras_modact.NBRCCell):
    """nBRC whose memory decays: a cell with an argument of its own."""

    defaults: ClassVar = {"recurrent_initializer": "zeros"}

    def __init__(self, units: int, decay: float = 0.5, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.decay = decay

    def step(self, projected: Any, states: Any, recurrent_mask: Any = None) -> Any:
        decayed = [self.decay * states[0]]
        return super().step(projected, decayed, recurrent_mask)


@keras.saving.register_keras_serializable(package="tests")
class Decay(keras_modact.NBRC):
    cell_class = DecayCell


def test_a_cell_with_an_argument_of_its_own() -> None:
    layer = Decay(4, 0.25, dropout=0.5, return_sequences=True)
    assert (layer.decay, layer.dropout, layer.return_sequences) == (0.25, 0.5, True)
    assert isinstance(layer.recurrent_initializer, keras.initializers.Zeros)
    names = list(inspect.signature(Decay).parameters)
    assert names[:4] == ["units", "decay", "use_bias", "use_candidate_bias"]
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert again.cell.decay == 0.25
    undecayed = keras_modact.NBRC(4, return_sequences=True)
    layer(X), undecayed(X)
    undecayed.set_weights(layer.get_weights())
    decayed, kept = as_float64(layer(X)), as_float64(undecayed(X))
    np.testing.assert_allclose(decayed[:, 0], kept[:, 0], rtol=1e-5, atol=1e-6)
    assert np.abs(decayed[:, 1:] - kept[:, 1:]).max() > 1e-2
    with pytest.raises(ValueError, match="Did you mean `decay`"):
        Decay(4, decays=0.5)


def test_a_layer_with_an_argument_of_its_own() -> None:
    class Halved(keras_modact.NBRC):
        def __init__(self, units: int, scale: float = 0.5, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)
            self.scale = scale

        def call(
            self,
            sequences: Any,
            initial_state: Any = None,
            mask: Any = None,
            training: bool = False,
        ) -> Any:
            outputs = super().call(sequences, initial_state, mask, training)
            return self.scale * outputs

    layer = Halved(4, 0.25, seed=3)
    assert (layer.scale, layer.seed) == (0.25, 3)
    assert list(inspect.signature(Halved).parameters)[:3] == [
        "units",
        "scale",
        "use_bias",
    ]
    assert layer(X).shape == (4, 4)


def test_a_layer_without_a_cell() -> None:
    class Nothing(keras_modact.RecurrentLayer):
        pass

    with pytest.raises(TypeError, match="Nothing must name the class of its cell"):
        Nothing(4)


@pytest.mark.parametrize("row", FIRST_ROWS, ids=row_id)
def test_help_is_whole(row: Row) -> None:
    """A class writes down its own; what all share is added to its docstring."""
    for cls in (row.cls, row.cls.cell_class, Decay):
        text = inspect.getdoc(cls) or ""
        if cls is not Decay:
            assert "seed: Integer seed of the dropout masks" in text
            assert "Call arguments:\n    " in text
        assert str(inspect.signature(cls)).count("dropout") >= 2
