"""BRC's Pallas kernels: interpreted on the CPU, and lowered for a GPU."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from tests import oracle

if keras.backend.backend() != "jax":
    pytest.skip("Pallas is for JAX.", allow_module_level=True)

import jax
import jax.numpy as jnp

from keras_modact.bistability import pallas_kernel
from keras_modact.bistability.pallas_scan import scan, why_not


class Case(NamedTuple):
    """The arguments of `scan`, and an upstream gradient of its states."""

    projected: np.ndarray
    state: np.ndarray
    weights: np.ndarray
    mask: np.ndarray | None
    valid: np.ndarray | None
    upstream: np.ndarray


class Result(NamedTuple):
    states: np.ndarray
    d_projected: np.ndarray
    d_state: np.ndarray
    d_weights: np.ndarray


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 2 steps: XLA compiles them faster than the kernel's own of 8."""
    monkeypatch.setattr(pallas_kernel, "AHEAD", 2)


def case(
    batch: int,
    time: int,
    units: int,
    masked: bool = False,
    dropped: bool = False,
    dtype: str = "float32",
) -> Case:
    generator = np.random.default_rng(batch + 10 * time + 100 * units)

    def normal(*shape: int, mean: float = 0.0) -> np.ndarray:
        # Rounded, so that every precision starts from the same numbers.
        array = generator.normal(mean, size=shape)
        return array.astype(dtype).astype("float64")

    return Case(
        projected=normal(batch, time, 3 * units),
        state=normal(batch, units),
        weights=normal(2 * units, mean=1.0),
        mask=generator.choice([0.0, 2.0], (batch, units)) if dropped else None,
        valid=generator.random((batch, time)) < 0.6 if masked else None,
        upstream=normal(batch, time, units),
    )


def loop(case: Case, dtype: str | None = None) -> np.ndarray:
    """The states in NumPy, rounded to a dtype after each step if one is given."""
    state, states = case.state, []
    w_a, w_c = np.split(case.weights, 2)
    for t in range(case.projected.shape[1]):
        p_a, p_c, p = np.split(case.projected[:, t], 3, axis=-1)
        read = state if case.mask is None else state * case.mask
        a = 1 + np.tanh(p_a + w_a * read)
        c = oracle.sigmoid(p_c + w_c * read)
        new = c * state + (1 - c) * np.tanh(p + a * state)
        if dtype is not None:
            new = new + (new.real.astype(dtype).astype("float64") - new.real)
        if case.valid is not None:
            new = np.where(case.valid[:, t, None], new, state)
        state = new
        states.append(state)
    return np.stack(states, axis=1)


def reference(case: Case, dtype: str | None = None) -> Result:
    """Outputs and gradients in float64, exact by steps along the imaginary axis.

    No chain (batch row, unit) acts on another, so one step serves all of them.
    """
    units = case.state.shape[-1]

    def derivative(name: str, index: Any) -> np.ndarray:
        array = getattr(case, name).astype("complex128")
        array[index] += 1e-30j
        states = loop(case._replace(**{name: array}), dtype)
        return (states.imag * case.upstream).sum(axis=1) / 1e-30

    d_projected = np.zeros_like(case.projected)
    blocks = [slice(i * units, (i + 1) * units) for i in range(3)]
    for t in range(case.projected.shape[1]):
        for block in blocks:
            index = (slice(None), t, block)
            d_projected[index] = derivative("projected", index)
    d_weights = [derivative("weights", block).sum(axis=0) for block in blocks[:2]]
    d_state = derivative("state", slice(None))
    return Result(loop(case, dtype), d_projected, d_state, np.concatenate(d_weights))


def differentiated(
    function: Callable[..., Any], case: Case, dtype: str = "float32"
) -> Result:
    """Outputs and gradients of a function of JAX, jitted; masked inputs are NaN."""
    if case.valid is not None:
        projected = np.where(case.valid[..., None], case.projected, np.nan)
        case = case._replace(projected=projected)

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def run(upstream: Any, mask: Any, valid: Any, *arrays: Any) -> Any:
        states, pull = jax.vjp(lambda *x: function(*x, mask, valid), *arrays)
        return states, *pull(upstream)

    def cast(array: np.ndarray | None) -> Any:
        return None if array is None else jnp.asarray(array, dtype)

    results = run(
        cast(case.upstream),
        cast(case.mask),
        None if case.valid is None else jnp.asarray(case.valid),
        *map(cast, (case.projected, case.state, case.weights)),
    )
    assert {str(x.dtype) for x in results} == {dtype}
    return Result(*(np.asarray(x).astype("float64") for x in results))


def interpreted(*arguments: Any) -> Any:
    return scan(*arguments, interpret=True)


def naive(projected: Any, state: Any, weights: Any, mask: Any, valid: Any) -> Any:
    """The equation with JAX' own loop, for cases without masks."""
    w_a, w_c = jnp.split(weights, 2)

    def step(h: Any, x: Any) -> tuple[Any, Any]:
        p_a, p_c, p = jnp.split(x, 3, axis=-1)
        a = 1 + jnp.tanh(p_a + w_a * h)
        c = jax.nn.sigmoid(p_c + w_c * h)
        h = c * h + (1 - c) * jnp.tanh(p + a * h)
        return h, h

    return jnp.swapaxes(jax.lax.scan(step, state, projected.swapaxes(0, 1))[1], 0, 1)


def assert_close(found: Result, wanted: Result, rtol: float, atol: float) -> None:
    for name, a, b in zip(Result._fields, found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol, atol, err_msg=name)


@pytest.mark.parametrize(
    ("batch", "time", "units", "masked", "dropped"),
    [
        (1, 1, 1, False, False),
        (3, 1, 33, True, True),
        (1, 7, 5, False, True),
        (3, 7, 5, True, False),
        (3, 7, 33, True, True),
        (3, 7, 40, False, False),
    ],
)
def test_states_and_gradients(
    batch: int, time: int, units: int, masked: bool, dropped: bool
) -> None:
    """A NaN at a masked step reaches nothing, and has no gradient."""
    given = case(batch, time, units, masked, dropped)
    found = differentiated(interpreted, given)
    assert_close(found, reference(given), rtol=1e-4, atol=5e-6)
    if given.valid is not None:
        assert (found.d_projected[~given.valid] == 0).all()


def test_chunks_of_the_kernels_own_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert pallas_kernel.AHEAD > 2
    given = case(2, 2 * pallas_kernel.AHEAD + 1, 3, masked=True)
    assert_close(
        differentiated(interpreted, given), reference(given), rtol=1e-4, atol=5e-6
    )


def test_nan_at_a_valid_step_stays_in_its_chain() -> None:
    given = case(2, 7, 3)
    broken = given.projected.copy()
    broken[0, 2, 4] = np.nan
    found = differentiated(interpreted, given._replace(projected=broken))
    wanted = np.zeros((2, 7, 3), bool)
    wanted[0, 2:, 1] = True
    np.testing.assert_array_equal(np.isnan(found.states), wanted)
    np.testing.assert_array_equal(np.isnan(found.d_state), wanted[:, -1])


def test_upstream_gradient_of_the_last_step_only() -> None:
    given = case(2, 7, 5)
    given.upstream[:, :-1] = 0
    found = differentiated(interpreted, given)
    assert_close(found, reference(given), rtol=1e-4, atol=5e-6)
    assert np.abs(found.d_state).min() > 0


def test_bfloat16() -> None:
    """States are rounded at each step; one that is not differs at many places."""
    given = case(3, 17, 33, masked=True, dropped=True, dtype="bfloat16")
    found = differentiated(interpreted, given, "bfloat16")
    wanted = reference(given, "bfloat16")
    # The kernel rounds what it computed in float32, the reference in float64.
    assert np.mean(found.states == wanted.states) > 0.99
    scale = np.abs(wanted.d_weights).max()
    assert_close(found, wanted, rtol=2**-7, atol=2**-7 * scale)


def test_error_where_units_are_bistable() -> None:
    """At most twice the error of the naive loop in float32, over 60 steps."""
    given = case(4, 60, 8)
    # All but a's bias of 1/2 is small, so that the units start to grow near 0.
    small = given.projected * 1e-5
    small[..., :8] += 0.5
    given = given._replace(
        projected=small.astype("float32").astype("float64"),
        state=(given.state * 1e-5).astype("float32").astype("float64"),
        weights=np.ones(16),
    )
    exact = reference(given)
    assert np.median(np.abs(exact.states[:, -1])) > 0.1, "the units must leave 0"
    ours = differentiated(interpreted, given)
    theirs = differentiated(naive, given)
    for name, a, b, c in zip(Result._fields, ours, theirs, exact, strict=True):
        assert np.abs(a - c).max() <= 2 * np.abs(b - c).max(), name


def test_a_jitted_training_step() -> None:
    given = case(2, 7, 3)
    inputs = np.random.default_rng(0).normal(size=(2, 7, 4)).astype("float32")
    kernel = np.random.default_rng(1).normal(size=(4, 9)).astype("float32")

    def updated(function: Callable[..., Any]) -> tuple[Any, Any]:
        def loss(weights: tuple[Any, Any]) -> Any:
            states = function(
                jnp.einsum("bti,io->bto", inputs, weights[0]),
                jnp.asarray(given.state, "float32"),
                weights[1],
                None,
                None,
            )
            return jnp.mean((states - given.upstream.astype("float32")) ** 2)

        @jax.jit
        def step(weights: tuple[Any, Any]) -> tuple[Any, Any]:
            return jax.tree.map(lambda w, d: w - d, weights, jax.grad(loss)(weights))

        weights = (jnp.asarray(kernel), jnp.asarray(given.weights, "float32"))
        return step(step(weights))

    ours = updated(interpreted)
    for found, wanted in zip(ours, updated(naive), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert np.abs(ours[0] - kernel).max() > 0.01


def test_only_states_and_arguments_are_kept() -> None:
    given = case(2, 7, 5, masked=True)
    arrays = [jnp.asarray(x, "float32") for x in given[:3]]
    valid = jnp.asarray(given.valid)
    _, pull = jax.vjp(lambda *x: scan(*x, None, valid, True), *arrays)
    kept = sum(x.size for x in jax.tree.leaves(pull))
    arguments = sum(x.size for x in arrays) + valid.size + given.state.size
    assert kept == arguments + given.upstream.size


@pytest.mark.parametrize("shape", [(0, 7, 5), (2, 0, 5)])
def test_nothing_to_do(shape: tuple[int, int, int]) -> None:
    batch, time, units = shape
    states = interpreted(
        jnp.zeros((batch, time, 3 * units), "float32"),
        jnp.zeros((batch, units), "float32"),
        jnp.ones(2 * units),
    )
    assert states.shape == shape


def test_why_not() -> None:
    assert why_not("float32", "gpu") is None
    assert why_not("bfloat16", "gpu") is None
    assert "the device is 'cpu'" in str(why_not("float32", "cpu"))
    assert "not in 'float64'" in str(why_not("float64", "gpu"))
    assert "not in 'float16'" in str(why_not("float16", "gpu"))


def test_why_not_without_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pallas_kernel, "HAS_TRITON", False)
    assert "jax.experimental.pallas.triton" in str(why_not("float32", "gpu"))


@pytest.mark.parametrize(
    ("replaced", "error"),
    [
        (
            {0: jnp.zeros((2, 7, 14), "float32")},
            r"`projected` must have shape \(2, 7, 15\)",
        ),
        ({0: jnp.zeros((2, 7, 15), "float16")}, "not in 'float16'"),
        ({1: jnp.zeros((3, 5), "float32")}, r"`state` must have shape \(2, 5\)"),
        ({1: jnp.zeros((2, 5), "bfloat16")}, "received bfloat16. Cast it"),
        ({2: jnp.zeros((5, 10))}, r"`recurrent_kernel` must have shape \(10,\)"),
        ({3: jnp.zeros((5,))}, r"`recurrent_mask` must have shape \(2, 5\)"),
        ({4: jnp.zeros((2, 6), bool)}, r"`valid` must have shape \(2, 7\)"),
    ],
)
def test_refused(replaced: dict[int, Any], error: str) -> None:
    arguments = [
        jnp.zeros((2, 7, 15), "float32"),
        jnp.zeros((2, 5), "float32"),
        jnp.zeros(10),
        jnp.zeros((2, 5), "float32"),
        jnp.ones((2, 7), bool),
    ]
    for index, array in replaced.items():
        arguments[index] = array
    with pytest.raises(ValueError, match=error):
        interpreted(*arguments)
