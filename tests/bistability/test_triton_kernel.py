"""BRC's Triton kernels against the equations in NumPy float64.

They run compiled where there is a GPU. Elsewhere Triton's interpreter runs them; it
must be asked for before Triton is imported, which Keras does on torch. So one test
runs this file in a process of its own, where the others are not skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import keras_modact
from keras_modact.bistability.kernels import triton_kernel, triton_scan
from tests import oracle

if keras.backend.backend() != "torch":
    pytest.skip("the kernels are for torch", allow_module_level=True)
if not triton_kernel.INSTALLED:
    pytest.skip("Triton is not installed", allow_module_level=True)

torch: Any = pytest.importorskip("torch")
triton: Any = pytest.importorskip("triton")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
VERSION = tuple(int(part) for part in triton.__version__.split(".")[:2])

runs = pytest.mark.skipif(
    triton_scan.why_not("float32", "gpu" if DEVICE == "cuda" else DEVICE) is not None,
    reason="runs in the process of test_the_interpreter_passes_this_file",
)
compiles = pytest.mark.skipif(INTERPRETED, reason="nothing compiles by interpreter")

Arrays = list[np.ndarray]


@compiles
@pytest.mark.skipif(
    VERSION < (3, 8), reason="older interpreters do not run with NumPy 2.4"
)
def test_the_interpreter_passes_this_file() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 15


def step_of(weights: np.ndarray, mask: Any = 1.0) -> Any:
    """The step of BRC, for `oracle.run`."""
    w_a, w_c = np.split(weights, 2)

    def step(projected: np.ndarray, states: Arrays) -> Arrays:
        (h,) = states
        p_a, p_c, p = np.split(projected, 3, axis=-1)
        a = 1 + np.tanh(p_a + w_a * h * mask)
        c = oracle.sigmoid(p_c + w_c * h * mask)
        return [c * h + (1 - c) * np.tanh(p + a * h)]

    return step


def drawn(batch: int, time: int, units: int) -> Arrays:
    """`projected`, the state and the weights, as float32 holds them."""
    rng = np.random.default_rng(7)
    shapes = (batch, time, 3 * units), (batch, units), (2 * units,)
    arrays = [rng.normal(size=shape).astype("float32") for shape in shapes]
    arrays[2] = 1 + arrays[2] / 4
    return arrays


def tensors(arrays: Arrays, dtype: str = "float32") -> list[Any]:
    dtype = getattr(torch, dtype)
    return [
        torch.tensor(array, device=DEVICE, dtype=dtype, requires_grad=True)
        for array in arrays
    ]


def numpy(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.detach().double().cpu())


@runs
@pytest.mark.parametrize(
    ("batch", "time", "units", "masked", "dropped"),
    [
        (1, 1, 1, False, False),
        (3, 1, 33, False, True),
        (1, 7, 5, True, False),
        (3, 7, 5, True, True),
        (1, 13, 2, True, True),
        (1, 7, 33, False, True),
        (1, 7, 40, False, False),
    ],
)
def test_states_and_gradients(
    batch: int, time: int, units: int, masked: bool, dropped: bool
) -> None:
    arrays = drawn(batch, time, units)
    rng = np.random.default_rng(8)
    upstream = rng.normal(size=(batch, time, units)).astype("float32")
    mask = rng.integers(0, 2, (batch, units)) * np.float32(2) if dropped else None
    valid = rng.random((batch, time)) < 0.6 if masked else None
    if valid is not None:
        valid[0, :3] = False, True, False
        arrays[0][~valid] = np.nan

    def states(arrays: Arrays) -> np.ndarray:
        step = step_of(arrays[2], 1.0 if mask is None else mask)
        return oracle.run(step, arrays[0], [arrays[1]], valid)[0]

    given = tensors(arrays)
    others = [
        None if array is None else torch.tensor(array, device=DEVICE)
        for array in (mask, valid)
    ]
    outputs = triton_scan.scan(*given, *others)
    outputs.backward(torch.tensor(upstream, device=DEVICE))
    wide = [array.astype("float64") for array in arrays]
    np.testing.assert_allclose(numpy(outputs), states(wide), rtol=0, atol=2e-6)
    gradients = oracle.central_differences(
        lambda arrays: float(np.sum(states(arrays) * upstream)), wide
    )
    for tensor, gradient in zip(given, gradients, strict=True):
        np.testing.assert_allclose(numpy(tensor.grad), gradient, rtol=5e-6, atol=5e-6)
    if valid is not None:
        assert not numpy(given[0].grad)[~valid].any()
        assert torch.equal(outputs[0, 0], given[1][0])
        assert torch.equal(outputs[0, 2], outputs[0, 1])


@runs
def test_only_the_last_step_is_asked_for() -> None:
    arrays = drawn(2, 8, 3)
    arrays[1][:] = 0
    given = tensors(arrays)
    triton_scan.scan(*given)[:, -1].sum().backward()

    def last(arrays: Arrays) -> float:
        states = oracle.run(step_of(arrays[2]), arrays[0], [arrays[1]])[0]
        return float(np.sum(states[:, -1]))

    for tensor, gradient in zip(
        given, oracle.central_differences(last, arrays), strict=True
    ):
        np.testing.assert_allclose(numpy(tensor.grad), gradient, rtol=5e-6, atol=5e-6)


@runs
def test_strides_do_not_matter() -> None:
    batch, time, units = 2, 3, 5
    given = tensors(drawn(batch, time, units))
    mask = torch.rand((batch, units), device=DEVICE)
    valid = torch.rand((batch, time), device=DEVICE) < 0.7
    upstream = torch.rand((batch, units), device=DEVICE)[:, None].expand(-1, time, -1)
    outputs = triton_scan.scan(*given, mask, valid)
    gradients = torch.autograd.grad(outputs, given, upstream.contiguous())

    def spread(tensor: Any) -> Any:
        """The tensor, axes from the last to the first in memory, with gaps."""
        return torch.stack([tensor.mT, -tensor.mT], dim=-1)[..., 0].mT

    projected, state, weights = given
    weights = torch.stack([weights, -weights], dim=1)[:, 0]
    again = triton_scan.scan(
        spread(projected), spread(state), weights, spread(mask), spread(valid + 0) > 0
    )
    assert torch.equal(outputs, again)
    assert again.is_contiguous()
    for way in (upstream, spread(upstream)):
        assert not way.is_contiguous()
        other = torch.autograd.grad(again, given, way, retain_graph=True)
        for gradient, expected in zip(other, gradients, strict=True):
            assert torch.equal(gradient, expected)


@runs
def test_bfloat16_rounds_what_it_carries() -> None:
    time, units = 7, 12
    given = tensors(drawn(2, time, units), "bfloat16")
    outputs = triton_scan.scan(*given)
    assert outputs.dtype == torch.bfloat16
    upstream = torch.randn((2, time, units), device=DEVICE).bfloat16()
    outputs.backward(upstream)

    def rounded(h: np.ndarray) -> np.ndarray:
        if INTERPRETED:  # Triton's interpreter cuts the digits off.
            bits = h.astype("float32").view("uint32") & np.uint32(0xFFFF0000)
            return bits.view("float32").astype("float64")
        return numpy(torch.tensor(h).bfloat16())

    projected, state, weights = (numpy(tensor) for tensor in given)
    step = step_of(weights)
    states = [state]
    for t in range(time):
        states.append(rounded(step(projected[:, t], [states[-1]])[0]))
    expected = np.stack(states[1:], axis=1)
    # Float32 arithmetic may fall on the other side where a rounding is close.
    np.testing.assert_allclose(numpy(outputs), expected, rtol=0, atol=0.01)
    assert np.mean(numpy(outputs) == expected) > 0.95

    # Each step is differentiated at the states that were stored.
    before = np.concatenate([state[:, None], numpy(outputs)[:, :-1]], axis=1)
    adjoint = np.zeros_like(state)
    d_weights = np.zeros_like(weights)
    d_projected = np.zeros_like(projected)
    for t in reversed(range(time)):
        adjoint = adjoint + numpy(upstream)[:, t]
        d_projected[:, t], d_h, d_w = oracle.central_differences(
            lambda arrays, g=adjoint: float(
                np.sum(g * step_of(arrays[2])(arrays[0], [arrays[1]])[0])
            ),
            [projected[:, t], before[:, t], weights],
        )
        adjoint = d_h
        d_weights += d_w
    for tensor, gradient in zip(given, [d_projected, adjoint, d_weights], strict=True):
        assert tensor.grad.dtype == torch.bfloat16
        np.testing.assert_allclose(numpy(tensor.grad), gradient, rtol=2**-7, atol=1e-5)


@runs
def test_candidate_is_a_true_tanh() -> None:
    """With c = 0 and h = 0 a step is tanh(p) alone."""
    x = np.geomspace(1e-8, 50, 480)
    x = np.concatenate([x, -x, [0.0, np.nan, np.inf, -np.inf]]).astype("float32")
    zeros = np.zeros_like(x)
    projected = np.concatenate([zeros, zeros - 80, x])[None, None]
    given = tensors([projected, zeros[None], np.ones(2 * len(x), "float32")])
    # The interpreter warns of the infinities in the branch that is not taken.
    with np.errstate(over="ignore", invalid="ignore"):
        y = numpy(triton_scan.scan(*given))[0, 0]
    np.testing.assert_allclose(y, np.tanh(x.astype("float64")), rtol=5e-7, atol=0)


@runs
def test_nan_at_a_valid_step_stays_in_its_chain() -> None:
    arrays = drawn(2, 9, 4)
    calm = numpy(triton_scan.scan(*tensors(arrays)))
    arrays[0][1, 3, 2] = np.nan
    states = numpy(triton_scan.scan(*tensors(arrays)))
    hit = np.zeros(states.shape, bool)
    hit[1, 3:, 2] = True
    assert np.isnan(states[hit]).all()
    np.testing.assert_array_equal(states[~hit], calm[~hit])


@runs
def test_errors_are_those_of_float32() -> None:
    """At most twice a plain float32 loop's, over 60 steps of bistable units."""
    projected, state, weights = drawn(1, 60, 32)
    arrays = [projected / 50, state / 50, np.ones_like(weights)]

    def loop(projected: Any, state: Any, weights: Any) -> Any:
        w_a, w_c = weights.chunk(2)
        states = [state]
        for at_step in projected.unbind(1):
            p_a, p_c, p = at_step.chunk(3, -1)
            h = states[-1]
            a = 1 + torch.tanh(p_a + w_a * h)
            c = torch.sigmoid(p_c + w_c * h)
            states.append(c * h + (1 - c) * torch.tanh(p + a * h))
        return torch.stack(states[1:], 1)

    def results(function: Any, dtype: str) -> Arrays:
        given = tensors(arrays, dtype)
        outputs = function(*given)
        outputs.square().sum().backward()
        return [numpy(outputs), *(numpy(tensor.grad) for tensor in given)]

    exact = results(loop, "float64")
    assert np.abs(exact[0][:, -1]).max() > 0.3, "no unit left 0 by itself"
    for name, truth, plain, kernel in zip(
        ("states", "projected", "state", "weights"),
        exact,
        results(loop, "float32"),
        results(triton_scan.scan, "float32"),
        strict=True,
    ):
        allowed = 2 * np.linalg.norm(plain - truth)
        assert np.linalg.norm(kernel - truth) <= allowed, name


@runs
def test_states_and_arguments_are_all_that_is_kept() -> None:
    kept = []
    given = tensors(drawn(2, 6, 4))
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: kept.append(tuple(tensor.shape)) or tensor, lambda tensor: tensor
    ):
        triton_scan.scan(*given)
    assert sorted(kept) == [(2, 4), (2, 6, 4), (2, 6, 12), (8,)]


@runs
def test_second_derivatives_are_refused() -> None:
    given = [tensor.requires_grad_() for tensor in tensors(drawn(2, 3, 4))]
    total = triton_scan.scan(*given).sum()
    with pytest.raises(RuntimeError, match=r"again.*'adjoint' or 'loop'"):
        torch.autograd.grad(total, given[0], create_graph=True)


@runs
@pytest.mark.parametrize("mixed", [False, True])
def test_the_layer_runs_on_it(mixed: bool) -> None:
    """As on its loop, under `torch.autocast` too."""
    # A bias of the layer's dtype would bring the product back to it.
    layer = keras_modact.BRC(
        5, use_bias=not mixed, return_sequences=True, go_backwards=True
    )
    rng = np.random.default_rng(11)
    x = torch.tensor(rng.normal(size=(3, 8, 2)).astype("float32"), device=DEVICE)
    mask = torch.tensor(rng.random((3, 8)) < 0.6, device=DEVICE)
    found = {}
    for name in ("loop", "fused"):
        layer.acceleration = name
        layer.zero_grad()
        with torch.autocast(DEVICE, torch.bfloat16, mixed):
            outputs = layer(x, mask=mask)
        assert layer.last_path == name
        # The state is carried with all its digits, whatever the product has.
        assert not torch.equal(outputs, outputs.bfloat16().float())
        outputs.square().sum().backward()
        gradients = [weight.value.grad for weight in layer.trainable_weights]
        found[name] = [numpy(tensor) for tensor in (outputs, *gradients)]
    for ours, wanted in zip(found["fused"], found["loop"], strict=True):
        atol = 0.05 * np.abs(wanted).max() if mixed else 1e-5
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=atol)


@compiles
def test_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert triton_scan.why_not("float32", "gpu") is None
    assert triton_scan.why_not("bfloat16", "gpu") is None
    assert "'float16'" in (triton_scan.why_not("float16", "gpu") or "")
    assert "'cpu'" in (triton_scan.why_not("float32", "cpu") or "")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert triton_scan.why_not("float32", "cpu") is None
    monkeypatch.setattr(triton_kernel, "INSTALLED", False)
    assert "pip install" in (triton_scan.why_not("float32", "gpu") or "")


@pytest.mark.parametrize(
    ("changed", "shape"),
    [
        ("projected", (2, 3, 13)),
        ("state", (1, 4)),
        ("recurrent_kernel", (4,)),
        ("recurrent_mask", (4,)),
        ("valid", (2, 4)),
    ],
)
def test_shapes_that_do_not_fit(changed: str, shape: tuple[int, ...]) -> None:
    arguments = {
        "projected": torch.zeros(2, 3, 12),
        "state": torch.zeros(2, 4),
        "recurrent_kernel": torch.zeros(8),
    }
    arguments[changed] = torch.zeros(shape)
    with pytest.raises(ValueError, match=f"`{changed}` must have the shape"):
        triton_scan.scan(**arguments)
