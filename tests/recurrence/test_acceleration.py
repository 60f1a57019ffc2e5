"""The chooser: what is taken, what can be asked for, what is refused and why."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.recurrence import paths
from keras_modact.recurrence.call import Call, keeps_the_step
from tests.bistability import oracle
from tests.gradients import as_float64
from tests.recurrence.paths import flat, on_path

BACKEND = keras.backend.backend()
TIME = 16
X = np.random.default_rng(0).normal(size=(16, TIME, 3)).astype("float32")


def device() -> str:
    """Where a layer runs if nobody says where."""
    layer = keras_modact.BRC(4)
    layer.build(X.shape)
    x = keras.ops.convert_to_tensor(X)
    return Call(layer.cell, x, layer.get_initial_state(len(X))).device


on_a_cpu = pytest.mark.skipif(
    device() != "cpu", reason="what is fastest was measured on CPUs"
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(paths.VARIABLE, raising=False)


def called(acceleration: str | None, layer: Any = None, **call: Any) -> Any:
    layer = layer or keras_modact.BRC(4)
    layer.acceleration = acceleration
    layer(X, **{"training": True, **call})
    return layer


def test_before_a_call_nothing_has_run() -> None:
    layer = keras_modact.BRC(4)
    assert layer.last_path is None
    assert layer.acceleration is None


@on_a_cpu
def test_the_adjoint_is_taken_on_a_cpu() -> None:
    assert called(None).last_path == "adjoint"
    nbrc = called("auto", keras_modact.NBRC(4))
    assert nbrc.last_path == ("gru" if BACKEND == "torch" else "adjoint")


@on_a_cpu
def test_inference_takes_what_is_fastest_there() -> None:
    path = "loop" if BACKEND == "jax" else "adjoint"
    assert called(None, training=False).last_path == path
    assert called("adjoint", training=False).last_path == "adjoint"


@on_a_cpu
def test_a_large_step_of_inference_is_left_to_the_loop() -> None:
    """On TensorFlow; and one of unknown size, which exporters ask for."""
    if BACKEND != "tensorflow":
        pytest.skip("the other backends take one path at any size")
    import tensorflow as tf

    for sequences, path in ((600, "adjoint"), (601, "loop")):
        layer = keras_modact.BRC(4)
        layer(np.zeros((sequences, TIME, 1), "float32"))
        assert layer.last_path == path
    tf.function(layer, input_signature=[tf.TensorSpec([None, TIME, 1])])(X[..., :1])
    assert layer.last_path == "loop"


@on_a_cpu
def test_a_large_step_of_inference_is_left_to_blocks_on_torch() -> None:
    if BACKEND != "torch":
        pytest.skip("no other backend has a GRU for CPUs")
    for sequences, path in ((1_600, "gru"), (1_601, "adjoint")):
        layer = keras_modact.NBRC(4)
        layer(np.zeros((sequences, 2, 1), "float32"))
        assert layer.last_path == path


@pytest.mark.parametrize(("batch", "steps"), [(1, 16), (100, 15), (2_000, 2)])
def test_a_block_of_many_sequences_has_few_steps(batch: int, steps: int) -> None:
    """200,000 numbers of both states: more do not stay in a CPU's cache."""
    if BACKEND != "torch":
        pytest.skip("a matter of torch's adjoint")
    from keras_modact.recurrence import adjoint_torch

    layer = keras_modact.ModulatedLSTM(64)
    layer.build((None, None, 1))
    x = keras.ops.zeros((batch, 20, 1))
    call = Call(layer.cell, x, layer.get_initial_state(batch))
    assert adjoint_torch.steps_in_a_block(call) == steps


@pytest.mark.parametrize(("features", "kept"), [(3, 4), (31, 4), (32, 4 + 12)])
def test_jax_keeps_states_and_large_products(features: int, kept: int) -> None:
    """Of each step: 4 states, and 12 numbers for the gates if they cost much."""
    if BACKEND != "jax":
        pytest.skip("a matter of JAX' adjoint")
    import jax

    layer = keras_modact.BRC(4)
    layer.build((None, None, features))
    x = np.ones((5, 7, features), "float32")
    values = [variable.value for variable in layer.trainable_variables]

    def outputs(acceleration: str) -> Any:
        layer.acceleration = acceleration
        return jax.vjp(lambda *v: layer.stateless_call(v, [], x)[0], *values)[1]

    def of_a_step(pull: Any) -> int:
        sizes = [leaf.size for leaf in jax.tree.leaves(pull) if leaf.shape[:1] == (7,)]
        return sum(sizes) // (7 * 5)

    assert of_a_step(outputs("adjoint")) == features + kept
    assert of_a_step(outputs("loop")) > features + 4 + 12


def test_a_gradient_outside_training() -> None:
    found = {}
    for training in (False, True):
        keras.utils.set_random_seed(0)
        layer = keras_modact.BRC(4, return_sequences=True)
        layer.build(X.shape)
        found[training] = flat(
            on_path(None, layer, [X, *zeros(layer)], training=training)
        )
    for got, want in zip(found[False], found[True], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@on_a_cpu
@pytest.mark.parametrize(
    ("layer", "backends"),
    [
        (keras_modact.ModulatedLSTM(4), ("torch",)),
        (keras_modact.GammaRNN(4), ("torch",)),
        (keras_modact.AdaptiveLSTM(4, 2), ("torch",)),
        (keras_modact.NBRC(4, recurrent_dropout=0.1), ()),
    ],
)
def test_the_adjoint_is_left_where_the_loop_is_faster(
    layer: Any, backends: tuple[str, ...]
) -> None:
    wanted = "loop" if BACKEND in backends else "adjoint"
    assert called("auto", layer).last_path == wanted
    assert called("adjoint", layer).last_path == "adjoint"


@on_a_cpu
@pytest.mark.parametrize(
    ("layer", "numbers"),
    [
        (keras_modact.BRC(4), {"tensorflow": 16_000, "torch": 40_000}),
        (keras_modact.NBRC(4), {"tensorflow": 10_000, "torch": 40_000}),
        (keras_modact.GammaRNN(4), {"tensorflow": 3_000}),
        (keras_modact.ModulatedLSTM(4), {"tensorflow": 600}),
    ],
)
def test_a_large_step_is_left_to_the_loop(layer: Any, numbers: dict) -> None:
    """The size is sequences times (features + units)."""
    if BACKEND not in numbers:
        pytest.skip("the adjoint pays at any size")
    sequences = numbers[BACKEND] // (1 + 4)
    for more, is_loop in ((0, False), (1, True)):
        x = np.zeros((sequences + more, TIME, 1), "float32")
        layer = type(layer)(4)
        layer(x, training=True)
        assert (layer.last_path == "loop") == is_loop


@on_a_cpu
def test_few_steps_are_not_worth_a_graph() -> None:
    layer = keras_modact.BRC(4)
    layer(X[:, : TIME - 1], training=True)
    assert layer.last_path == ("loop" if BACKEND == "tensorflow" else "adjoint")


@pytest.mark.parametrize("name", ["loop", "adjoint"])
def test_what_was_asked_for_runs(name: str) -> None:
    assert called(name).last_path == name


@on_a_cpu
def test_the_environment_is_asked_where_the_layer_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(paths.VARIABLE, "loop")
    assert called(None).last_path == "loop"
    assert called("auto").last_path == "adjoint"
    monkeypatch.setenv(paths.VARIABLE, "adjoint")
    assert called(None).last_path == "adjoint"
    monkeypatch.setenv(paths.VARIABLE, "")
    assert called(None).last_path == "adjoint"
    monkeypatch.setenv(paths.VARIABLE, "quick")
    with pytest.raises(ValueError, match=r"KERAS_MODACT_ACCELERATION.*'loop'.*'quick'"):
        called(None)


@pytest.mark.parametrize("value", ["fast", "", 3, True])
def test_what_is_no_path_is_refused(value: Any) -> None:
    layer = keras_modact.BRC(4)
    layer.acceleration = "loop"
    with pytest.raises(ValueError, match=r"acceleration.*'auto'.*received"):
        layer.acceleration = value
    assert layer.acceleration == "loop"


def test_unroll_is_the_loop() -> None:
    layer = keras_modact.NBRC(4, unroll=True)
    assert called(None, layer).last_path == "loop"
    with pytest.raises(ValueError, match=r"NBRC .*'adjoint'.*cannot: unroll=True"):
        called("adjoint", layer)


@pytest.mark.parametrize(
    ("name", "layer", "reason"),
    [
        ("gru", keras_modact.BRC(4), "not for" if BACKEND == "jax" else "no GRU"),
        (
            "fused",
            keras_modact.NBRC(4),
            "no fused kernel" if BACKEND == "torch" else "it is for torch, not for",
        ),
        pytest.param("fused", keras_modact.BRC(4), None, marks=on_a_cpu),
    ],
)
def test_what_cannot_run_says_why(name: str, layer: Any, reason: str | None) -> None:
    with pytest.raises(ValueError, match=f"was asked to run as '{name}'") as error:
        called(name, layer)
    assert reason is None or reason in str(error.value)
    assert "acceleration='auto'" in str(error.value)
    assert layer.last_path is None


@pytest.mark.parametrize(
    ("options", "call", "reason"),
    [
        ({}, {"mask": np.ones((len(X), TIME), bool)}, "it takes no mask"),
        ({"recurrent_dropout": 0.5}, {"training": True}, "no recurrent dropout"),
    ],
)
def test_what_a_native_gru_does_not_take(
    options: dict, call: dict, reason: str
) -> None:
    if BACKEND != "torch":
        pytest.skip("torch has a native GRU on a CPU")
    with pytest.raises(ValueError, match=reason):
        called("gru", keras_modact.NBRC(4, **options), **call)
    # Without the call that it does not take it runs.
    layer = called("gru", keras_modact.NBRC(4, **options), training=False)
    assert layer.last_path == "gru"


class Decaying(keras_modact.NBRCCell):
    """A user's cell, which forgets."""

    def step(self, *arguments: Any) -> list:
        return [0.5 * h for h in super().step(*arguments)]


class HalfReading(keras_modact.BRCCell):
    """A user's cell, with another part of the step."""

    def gate_inputs(self, *arguments: Any) -> Any:
        return tuple(0.5 * part for part in super().gate_inputs(*arguments))


class Renamed(keras_modact.BRCCell):
    """A user's cell, with the same step."""

    def build(self, shape: Any) -> None:
        super().build(shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "more": 1}


@pytest.mark.parametrize("cell", [Decaying, HalfReading, Renamed])
def test_the_step_of_a_subclass_is_the_one_that_runs(cell: Any) -> None:
    """Forward and back, though the class above has derivatives of its own."""

    class Layer(keras_modact.BRC):
        cell_class = cell

    found = {}
    for name in ("loop", "adjoint"):
        keras.utils.set_random_seed(0)
        layer = Layer(4, return_sequences=True)
        layer.build(X.shape)
        found[name] = flat(on_path(name, layer, [X, *zeros(layer)]))
    for got, want in zip(found["adjoint"], found["loop"], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        found["loop"][0],
        as_float64(keras.layers.RNN(layer.cell, return_sequences=True)(X)),
        atol=1e-6,
    )


def zeros(layer: Any) -> list[np.ndarray]:
    """The initial states of a layer."""
    return [
        as_float64(state).astype("float32") for state in layer.get_initial_state(len(X))
    ]


@pytest.mark.parametrize(
    ("cell", "parent", "kept"),
    [
        (Decaying, keras_modact.NBRCCell, False),
        (HalfReading, keras_modact.BRCCell, False),
        (Renamed, keras_modact.BRCCell, True),
        (keras_modact.BRCCell, keras_modact.NBRCCell, False),
    ],
)
def test_what_is_for_one_step_is_for_no_other(
    cell: Any, parent: Any, kept: bool
) -> None:
    assert keeps_the_step(cell(4), parent) == kept


def test_tensorflow_knows_the_steps_or_loops() -> None:
    if BACKEND != "tensorflow":
        pytest.skip("other backends know the shapes")
    import tensorflow as tf

    layer = called("loop")
    layer.acceleration = "auto"
    function = tf.function(
        partial(layer, training=True),
        input_signature=[tf.TensorSpec([None, None, 3], "float32")],
    )
    expected = as_float64(layer(X, training=True))
    assert layer.last_path == "adjoint"
    np.testing.assert_allclose(as_float64(function(X)), expected, atol=1e-6)
    assert layer.last_path == "loop"


def test_xla_is_left_out_where_cudnn_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    if BACKEND != "tensorflow":
        pytest.skip("a matter of TensorFlow")
    import tensorflow as tf

    assert keras_modact.NBRC(4).supports_jit
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert not keras_modact.NBRC(4).supports_jit
    assert keras_modact.BRC(4).supports_jit


@pytest.mark.parametrize(
    "bias", [{}, {"use_bias": False}, {"use_candidate_bias": True}]
)
@pytest.mark.parametrize("return_sequences", [False, True])
def test_nbrc_on_the_gru_of_a_backend(bias: dict, return_sequences: bool) -> None:
    """On TensorFlow by the hook that reaches cuDNN, which falls back on a CPU."""
    if BACKEND == "jax":
        pytest.skip("JAX has none")
    random = np.random.default_rng(1)
    layer = keras_modact.NBRC(4, **bias)
    layer.build(X.shape)
    layer.set_weights([random.normal(size=w.shape) for w in layer.weights])
    h = random.uniform(-1, 1, (len(X), 4)).astype("float32")
    outputs, (last,) = paths.PATHS["gru"].run(
        Call(
            layer.cell,
            keras.ops.convert_to_tensor(X),
            [keras.ops.convert_to_tensor(h)],
            return_sequences=return_sequences,
        )
    )
    exact = oracle.run(
        X.astype("float64"),
        h.astype("float64"),
        [as_float64(w) for w in layer.weights],
    )
    wanted = exact if return_sequences else exact[:, -1:]
    np.testing.assert_allclose(as_float64(outputs), wanted, atol=1e-5)
    np.testing.assert_allclose(as_float64(last), exact[:, -1], atol=1e-5)
