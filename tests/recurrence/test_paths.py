"""Every path computes what the loop computes: outputs, states, all gradients."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.recurrence import paths
from keras_modact.recurrence.call import Call
from tests.bistability import oracle
from tests.gradients import as_float64
from tests.layer_table import RECURRENT_CLASSES, RECURRENT_ROWS, Row, row_id
from tests.recurrence.paths import MASK, TIME, arguments, flat, made, on_path

BACKEND = keras.backend.backend()
ACCELERATED = [name for name in paths.PATHS if name != "loop"]
BISTABLE = [keras_modact.BRC, keras_modact.NBRC]
# The two whose derivatives are written by hand, and two of the others.
# Options of the others change nothing that their derivatives do not follow.
PATH_ROWS = [
    row for row in RECURRENT_ROWS if row in RECURRENT_CLASSES or row.cls in BISTABLE
]
BOTH_KINDS = [
    row
    for row in RECURRENT_CLASSES
    if row.cls in (*BISTABLE, keras_modact.GammaRNN, keras_modact.AdaptiveLSTM)
]
# An adaptive LSTM has more masks of dropout; of dtypes and NaNs it shows no more.
SMALL = [row for row in BOTH_KINDS if row.cls is not keras_modact.AdaptiveLSTM]


def runs(name: str, row: Row, masked: bool = False) -> bool:
    """Whether a row's layer can run on a path here."""
    layer = row.layer()
    x = keras.ops.convert_to_tensor(row.batch(len(MASK), TIME))
    layer.build(x.shape)
    states = layer.get_initial_state(len(MASK))
    mask = keras.ops.convert_to_tensor(MASK) if masked else None
    return paths.PATHS[name].why_not(Call(layer.cell, x, states, mask)) is None


@pytest.mark.float64
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
@pytest.mark.parametrize("name", ACCELERATED)
@pytest.mark.parametrize("row", PATH_ROWS, ids=row_id)
def test_a_path_is_the_loop(row: Row, name: str, masked: bool) -> None:
    if not masked and row not in RECURRENT_CLASSES:
        pytest.skip("a class without a mask: see its first row")
    if not runs(name, row, masked):
        pytest.skip(f"{row.name} does not run as {name} here")
    layer = made(
        row,
        row.input_shape[-1],
        dtype="float64",
        # With the mask the other direction, and the last output only without.
        go_backwards=masked,
        return_sequences=masked,
    )
    given = arguments(row, layer)
    options = {"mask": MASK} if masked else {}
    expected = on_path("loop", layer, given, **options)
    result = on_path(name, layer, given, **options)
    for got, want in zip(flat(result), flat(expected), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-11)


@pytest.mark.float64
@pytest.mark.parametrize("row", BOTH_KINDS, ids=row_id)
def test_dropout_on_the_adjoint(row: Row) -> None:
    """The masks of one seed, drawn once on each path."""
    if not runs("adjoint", row):
        pytest.skip(f"{row.name} has no adjoint")
    results: list[Any] = []
    weights = None
    for name in ("loop", "adjoint"):
        layer = made(
            row,
            row.input_shape[-1],
            dtype="float64",
            dropout=0.3,
            recurrent_dropout=0.4,
            seed=3,
        )
        weights = layer.get_weights() if weights is None else weights
        layer.set_weights(weights)
        given = arguments(row, layer)
        results.append(on_path(name, layer, given, training=True))
    for got, want in zip(*map(flat, results), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("recurrent", [0.05, 1.0], ids=["contracting", "bistable"])
@pytest.mark.parametrize("name", ACCELERATED)
@pytest.mark.parametrize("cls", BISTABLE)
def test_float32_is_as_near_to_the_oracle_as_the_loop(
    cls: type, name: str, recurrent: float
) -> None:
    units, features = 8, 3
    row = next(r for r in RECURRENT_ROWS if r.cls is cls)
    if not runs(name, row):
        pytest.skip(f"{row.name} does not run as {name} here")
    errors: dict[str, list[float]] = {"loop": [], name: []}
    for seed in range(5):
        random = np.random.default_rng(seed)
        x = random.normal(0, 0.3, (4, 60, features)).astype("float32")
        h = random.uniform(-1, 1, (4, units)).astype("float32")
        layer = cls(units, return_sequences=True)
        layer.build(x.shape)
        layer.set_weights(
            [
                random.normal(0, 0.3, w.shape) + (recurrent if w.ndim == 1 else 0)
                for w in layer.weights
            ]
        )
        exact = oracle.run(
            x.astype("float64"),
            h.astype("float64"),
            [as_float64(w) for w in layer.weights],
        )
        for path, found in errors.items():
            layer.acceleration = path
            outputs = as_float64(layer(x, initial_state=h))
            found.append(np.sqrt(np.mean((outputs - exact) ** 2)))
    assert np.median(errors[name]) <= 2 * np.median(errors["loop"]) + 1e-8


@pytest.mark.parametrize("row", SMALL, ids=row_id)
def test_half_precision(row: Row) -> None:
    """Gradients agree to the digits that there are."""
    if not runs("adjoint", row):
        pytest.skip(f"{row.name} has no adjoint")
    layer = made(row, row.input_shape[-1], dtype="bfloat16")
    given = arguments(row, layer, "float32")
    exact = made(row, row.input_shape[-1], dtype="float32")
    exact.set_weights([as_float64(w) for w in layer.weights])
    wanted = flat(on_path("loop", exact, given))
    by_path = {p: flat(on_path(p, layer, given)) for p in ("loop", "adjoint")}
    for want, got, loop in zip(
        wanted, by_path["adjoint"], by_path["loop"], strict=True
    ):
        scale = np.abs(want).max() + 1e-3
        error, of_loop = (np.abs(a - want).max() / scale for a in (got, loop))
        assert error <= 2 * of_loop + 0.03


@pytest.mark.parametrize("row", SMALL, ids=row_id)
def test_nans_of_the_adjoint_are_those_of_the_loop(row: Row) -> None:
    if not runs("adjoint", row):
        pytest.skip(f"{row.name} has no adjoint")
    layer = made(row, row.input_shape[-1])
    given = arguments(row, layer, "float32")
    given[0][0, 0] = np.nan  # masked
    given[0][1, 7] = np.nan  # valid
    results = [on_path(p, layer, given, mask=MASK) for p in ("loop", "adjoint")]
    for loop, adjoint in zip(
        [*results[0].outputs, results[0].inputs[0][2:]],
        [*results[1].outputs, results[1].inputs[0][2:]],
        strict=True,
    ):
        np.testing.assert_array_equal(np.isnan(adjoint), np.isnan(loop))
    of_sequences = results[1].inputs[0]
    assert not np.isnan(of_sequences[[0, 2, 3]]).any()
    assert not of_sequences[0, :3].any()


@pytest.mark.parametrize("cls", BISTABLE)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_fit_runs_by_the_adjoint(cls: type, jit_compile: bool) -> None:
    """Eagerly on torch, compiled on JAX, both ways on TensorFlow."""
    if BACKEND == "torch" and jit_compile:
        pytest.skip("torch.compile writes the loop out")
    if BACKEND == "jax" and not jit_compile:
        pytest.skip("JAX trains by XLA")
    losses = {}
    random = np.random.default_rng(0)
    x, y = random.normal(size=(8, TIME, 2)), random.normal(size=(8, 3))
    for name in ("loop", "adjoint"):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((TIME, 2)),
                cls(4, return_sequences=True),
                cls(3),
            ]
        )
        for layer in model.layers:
            layer.acceleration = name
        model.compile("sgd", "mse", jit_compile=jit_compile)
        losses[name] = model.fit(x, y, batch_size=4, epochs=3, verbose=0).history
        assert {layer.last_path for layer in model.layers} == {name}
    np.testing.assert_allclose(
        losses["adjoint"]["loss"], losses["loop"]["loss"], rtol=1e-4
    )


@pytest.mark.parametrize("row", RECURRENT_CLASSES, ids=row_id)
def test_torch_keeps_the_states_and_the_inputs_only(row: Row) -> None:
    if BACKEND != "torch" or not runs("adjoint", row):
        pytest.skip("a matter of torch's adjoint")
    import torch

    layer = made(row, row.input_shape[-1])
    layer.acceleration = "adjoint"
    given = arguments(row, layer, "float32")
    kept: list[Any] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        layer(given[0])
    numbers = sum({t.data_ptr(): t.numel() for t in kept if t is not None}.values())
    states = sum(np.prod(s.shape) for s in layer.get_initial_state(len(MASK)))
    weights = sum(np.prod(w.shape) for w in layer.weights)
    assert numbers <= given[0].size + (TIME + 1) * states + weights


def test_torch_refuses_weights_that_changed_before_the_backward_pass() -> None:
    if BACKEND != "torch":
        pytest.skip("other backends have no tensors that change")
    import torch

    layer = keras_modact.BRC(3)
    layer.acceleration = "adjoint"
    outputs = layer(np.ones((2, 4, 2), "float32"))
    with torch.no_grad():
        layer.cell.kernel.value.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()
