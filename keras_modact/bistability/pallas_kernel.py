"""BRC over a whole sequence in one GPU kernel each way, for JAX.

A unit of BRC reads no other unit's state, so every (batch row, unit) is a chain of
its own, and a kernel can keep the state in a register from the first step to the
last. The kernels are written in Pallas and lowered through Triton, which JAX has
deprecated since 0.11 and will drop one day; `why_not` then says so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import pallas as pl

try:
    from jax.experimental.pallas import triton as plgpu
except ImportError:
    HAS_TRITON = False
else:
    HAS_TRITON = True

Ref = Any
"""What a kernel sees of an array in memory: the part that its program works on."""


class Inputs(NamedTuple):
    """The arrays that both kernels read, or their parts inside of a kernel."""

    weights: Any
    """w_a and w_c, `(2, units)`."""
    projected: Any
    """The inputs' share of a, c and the candidate, `(batch, time, 3, units)`."""
    state: Any
    mask: Any
    valid: Any
    """Whole numbers `(batch, time)`, 0 where the state stays as it is, or None."""


LANES = 32
"""Units of a program, one for each thread of its only warp, so that no chain waits
for another's warp. A row of them in float32 is one line of memory, 128 bytes."""

AHEAD = 8
"""Steps that are read at once, while the same number before them is computed. A
step's arithmetic takes about an eighth of the time of a read from memory, and the
reads, unlike the arithmetic, do not wait for the state."""

A, C, CANDIDATE = np.arange(3)
"""Places of the gates' and the candidate's blocks. JAX' interpreter of kernels cannot
read with a mask at a Python integer."""


def why_not(dtype: str, platform: str) -> str | None:
    """The reason why the kernel cannot run, or None if it can.

    Args:
        dtype: Keras' name of the dtype of the projections.
        platform: JAX' name of the platform, such as `jax.default_backend()`.
    """
    if not HAS_TRITON:
        return (
            "The fused kernel needs `jax.experimental.pallas.triton`, which JAX "
            f"{jax.__version__} does not have. Install a JAX that has it, such as "
            "0.10, or use another path."
        )
    if platform not in ("gpu", "cuda"):
        return (
            "The fused kernel needs a GPU, platform 'gpu' or 'cuda', received "
            f"platform={platform!r}. Run on a GPU, or use another path."
        )
    if dtype not in ("float32", "bfloat16"):
        return (
            "The fused kernel needs dtype 'float32' or 'bfloat16', received "
            f"dtype={dtype!r}. Use one of these, or another path."
        )
    return None


def scan(
    projected: jax.Array,
    state: jax.Array,
    recurrent_kernel: jax.Array,
    recurrent_mask: jax.Array | None = None,
    valid: jax.Array | None = None,
    interpret: bool = False,
) -> jax.Array:
    """All states of BRC, from inputs that are projected already.

    With p_a, p_c, p the three blocks of `projected`, m the recurrent mask or 1
    and `*` element by element:

        a  = 1 + tanh(p_a + w_a * m * h)
        c  = sigmoid(p_c + w_c * m * h)
        h' = c * h + (1 - c) * tanh(p + a * h)

    The arithmetic is in float32, and h is rounded to the dtype of `projected`
    after each step. JAX can differentiate the result once, in reverse, by
    `projected`, `state` and `recurrent_kernel`; the masks count as constants. The
    backward pass needs the states and the arguments and stores nothing else.

    Args:
        projected: The inputs' share of the gates, with the bias,
            `(batch, time, 3 units)`, float32 or bfloat16.
        state: The state before the first step, `(batch, units)`, of the same dtype.
        recurrent_kernel: w_a, then w_c, `(2 units,)`.
        recurrent_mask: Dropout mask of the state as the gates read it,
            `(batch, units)`, or None.
        valid: Booleans `(batch, time)`, or None. Where False, the state stays as
            it is, and `projected` may hold anything, NaN included.
        interpret: Whether JAX' own operations stand in for the GPU (for tests).

    Returns:
        The states after each step, `(batch, time, units)`.

    Raises:
        ValueError: If the dtype or a shape is none of these.
    """
    reason = why_not(str(projected.dtype), "gpu")
    if reason is not None:
        raise ValueError(reason)
    batch, time, units = *projected.shape[:2], state.shape[-1]
    for name, array, shape in (
        ("projected", projected, (batch, time, 3 * units)),
        ("state", state, (batch, units)),
        ("recurrent_kernel", recurrent_kernel, (2 * units,)),
        ("recurrent_mask", recurrent_mask, (batch, units)),
        ("valid", valid, (batch, time)),
    ):
        if array is not None and array.shape != shape:
            raise ValueError(
                f"`{name}` must have shape {shape} for `projected` of shape "
                f"{projected.shape} and `state` of shape {state.shape}, received "
                f"{array.shape}. Reshape it."
            )
    if state.dtype != projected.dtype:
        raise ValueError(
            f"`state` must have the dtype of `projected`, {projected.dtype}, "
            f"received {state.dtype}. Cast it."
        )
    if projected.size == 0:
        return jnp.zeros((batch, time, units), projected.dtype)
    inputs = Inputs(
        weights=recurrent_kernel.reshape(2, units),
        projected=projected.reshape(batch, time, 3, units),
        state=state,
        mask=jnp.ones_like(state) if recurrent_mask is None else recurrent_mask,
        # Pallas' lowering takes signed 32-bit offsets, in elements, for arrays of up
        # to 2^32 bytes, and 64-bit ones above: right unless an element is one byte.
        valid=None if valid is None else valid.astype(jnp.int32),
    )
    return _scan(inputs, interpret)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _scan(inputs: Inputs, interpret: bool) -> jax.Array:
    batch, time, _, units = inputs.projected.shape
    states = ((batch, time, units), inputs.projected.dtype)
    return _call(_forward_kernel, inputs, [], [states], interpret)[0]


def _forward(
    inputs: Inputs, interpret: bool
) -> tuple[jax.Array, tuple[Inputs, jax.Array]]:
    states = _scan(inputs, interpret)
    return states, (inputs, states)


def _backward(
    interpret: bool, residuals: tuple[Inputs, jax.Array], upstream: jax.Array
) -> tuple[Inputs]:
    inputs, states = residuals
    weights, projected, state, *_ = inputs
    outputs = [
        (projected.shape, projected.dtype),
        (state.shape, state.dtype),
        ((len(state), *weights.shape), jnp.float32),
    ]
    d_projected, d_state, d_weights = _call(
        _backward_kernel, inputs, [states, upstream], outputs, interpret
    )
    d_weights = d_weights.sum(axis=0).astype(weights.dtype)
    return (Inputs(d_weights, d_projected, d_state, mask=None, valid=None),)


_scan.defvjp(_forward, _backward)


def _call(
    kernel: Callable[..., None],
    inputs: Inputs,
    more: list[jax.Array],
    outputs: list[tuple[tuple[int, ...], Any]],
    interpret: bool,
) -> list[jax.Array]:
    """Runs a kernel, a program for each row of the batch and each `LANES` units.

    Args:
        kernel: Takes time, units and the program's part of each array.
        inputs: The arrays that both kernels read.
        more: Further inputs, each `(batch, ..., units)`.
        outputs: Shape and dtype of each output, `(batch, ..., units)` as well.
        interpret: Whether JAX' own operations stand in for the GPU.
    """
    batch, time, _, units = inputs.projected.shape
    structure: Any = jax.ShapeDtypeStruct

    def part(shape: tuple[int, ...]) -> pl.BlockSpec:
        between = shape[1:-1]
        start = (0,) * len(between)
        return pl.BlockSpec((None, *between, LANES), lambda b, u: (b, *start, u))

    of_inputs = Inputs(
        weights=pl.BlockSpec((2, LANES), lambda b, u: (0, u)),
        projected=part(inputs.projected.shape),
        state=part(inputs.state.shape),
        mask=part(inputs.mask.shape),
        valid=pl.BlockSpec((None, time), lambda b, u: (b, 0)),
    )
    if inputs.valid is None:
        of_inputs = of_inputs._replace(valid=None)
    return pl.pallas_call(
        functools.partial(kernel, time, units),
        out_shape=[structure(shape, dtype) for shape, dtype in outputs],
        grid=(batch, pl.cdiv(units, LANES)),
        in_specs=[of_inputs, *(part(array.shape) for array in more)],
        out_specs=[part(shape) for shape, _ in outputs],
        # These parameters choose Triton over Mosaic GPU.
        compiler_params=plgpu.CompilerParams(num_warps=1, num_stages=1),
        interpret=interpret,
    )(inputs, *more)


def _forward_kernel(time: int, units: int, inputs: Inputs, states: Ref) -> None:
    lanes = _lanes(units)
    w_a, w_c = (_load(inputs.weights.at[gate], lanes) for gate in (A, C))
    m = _load(inputs.mask, lanes)

    def rows(t: jax.Array) -> list[Ref]:
        return [inputs.projected.at[t, block] for block in (A, C, CANDIDATE)]

    def of_chunk(chunk: jax.Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        # The state is carried in the dtype in which it is stored, so that the
        # backward pass sees the states that the forward pass went on from.
        state, steps = carry
        following = _read(chunk + 1, time, lanes, inputs.valid, rows)
        for i, (is_valid, *step) in enumerate(steps):
            t = chunk * AHEAD + i
            h = state.astype(jnp.float32)
            _, c, z = _gates_and_candidate(step, w_a, w_c, h * m, h)
            new = (c * h + (1 - c) * z).astype(state.dtype)
            state = new if is_valid is None else jnp.where(is_valid, new, state)
            _store(states.at[t], state, lanes & (t < time))
        return state, following

    state = _load(inputs.state, lanes).astype(states.dtype)
    steps = _read(np.int32(0), time, lanes, inputs.valid, rows)
    jax.lax.fori_loop(0, pl.cdiv(time, AHEAD), of_chunk, (state, steps))


def _backward_kernel(
    time: int,
    units: int,
    inputs: Inputs,
    states: Ref,
    upstream: Ref,
    d_projected: Ref,
    d_state: Ref,
    d_weights: Ref,
) -> None:
    """The adjoint, in one loop from the last step to the first.

    With m the recurrent mask, z the candidate and g the upstream gradient:

        F = (1 - c) (1 - z^2),  F_a = F h a (2 - a),  F_c = (h - z) c (1 - c)
        J = c + F a + m (F_a w_a + F_c w_c),  the derivative of h' by h
        adjoint(t) = g(t) + J(t + 1) adjoint(t + 1)
        d projected(t) = adjoint(t) (F_a, F_c, F)
    """
    lanes = _lanes(units)
    w_a, w_c = (_load(inputs.weights.at[gate], lanes) for gate in (A, C))
    m, first = _load(inputs.mask, lanes), _load(inputs.state, lanes)
    chunks = pl.cdiv(time, AHEAD)

    def rows(t: jax.Array) -> list[Ref]:
        blocks = (inputs.projected.at[t, block] for block in (A, C, CANDIDATE))
        return [*blocks, states.at[jnp.maximum(t - 1, 0)], upstream.at[t]]

    def of_chunk(index: jax.Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
        adjoint, d_w_a, d_w_c, steps = carry
        chunk = chunks - 1 - index
        preceding = _read(chunk - 1, time, lanes, inputs.valid, rows)
        for i, (is_valid, *step, before, g) in reversed(list(enumerate(steps))):
            t = chunk * AHEAD + i
            h = jnp.where(t > 0, before.astype(jnp.float32), first)
            read = h * m
            a, c, z = _gates_and_candidate(step, w_a, w_c, read, h)
            f = (1 - c) * (1 - z) * (1 + z)
            f_a = f * h * a * (2 - a)
            f_c = (h - z) * c * (1 - c)
            adjoint += g.astype(jnp.float32)
            d_step = [adjoint * f_a, adjoint * f_c, adjoint * f]
            carried = adjoint * (c + f * a + m * (f_a * w_a + f_c * w_c))
            if is_valid is not None:
                # Selected and not multiplied: a step that is not valid may hold NaN.
                d_step = [jnp.where(is_valid, d, 0) for d in d_step]
                carried = jnp.where(is_valid, carried, adjoint)
            adjoint = carried
            d_w_a += d_step[A] * read
            d_w_c += d_step[C] * read
            for block in (A, C, CANDIDATE):
                _store(d_projected.at[t, block], d_step[block], lanes & (t < time))
        return adjoint, d_w_a, d_w_c, preceding

    zeros = jnp.zeros((LANES,), jnp.float32)
    steps = _read(np.int32(chunks - 1), time, lanes, inputs.valid, rows)
    adjoint, d_w_a, d_w_c, _ = jax.lax.fori_loop(
        0, chunks, of_chunk, (zeros, zeros, zeros, steps)
    )
    _store(d_state, adjoint, lanes)
    _store(d_weights.at[A], d_w_a, lanes)
    _store(d_weights.at[C], d_w_c, lanes)


def _lanes(units: int) -> jax.Array:
    """Which lanes of this program are units; Triton wants a power of two of them."""
    return pl.program_id(1) * LANES + jnp.arange(LANES, dtype=jnp.int32) < units


def _load(ref: Ref, mask: jax.Array) -> jax.Array:
    return plgpu.load(ref, mask=mask, other=0.0).astype(jnp.float32)


def _store(ref: Ref, value: jax.Array, mask: jax.Array) -> None:
    plgpu.store(ref, value.astype(ref.dtype), mask=mask)


def _read(
    chunk: Any,
    time: int,
    lanes: jax.Array,
    valid: Ref | None,
    rows: Callable[[jax.Array], list[Ref]],
) -> list[tuple[Any, ...]]:
    """For each step of a chunk, whether it is valid (or None) and its rows.

    Nothing is computed from them here, not even a cast, which would wait for them.
    Beyond the ends of the sequence all is zero, and no memory is read.
    """
    steps = []
    for i in range(AHEAD):
        t = chunk * AHEAD + i
        inside = (t >= 0) & (t < time)
        is_valid = None
        if valid is not None:
            is_valid = plgpu.load(valid.at[t], mask=inside, other=0)
        mask = lanes & inside
        steps.append(
            (is_valid, *(plgpu.load(row, mask=mask, other=0.0) for row in rows(t)))
        )
    return steps


def _gates_and_candidate(
    step: list[jax.Array], w_a: jax.Array, w_c: jax.Array, read: jax.Array, h: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    p_a, p_c, p = (block.astype(jnp.float32) for block in step)
    # In float32 tanh is CUDA's `tanhf`, good to two units in the last place. From
    # 2 sigmoid(2x) - 1 the candidate would be 7% off at 1e-6, and bistability
    # amplifies that.
    a = 1 + jnp.tanh(p_a + w_a * read)
    c = jax.nn.sigmoid(p_c + w_c * read)
    return a, c, jnp.tanh(p + a * h)
