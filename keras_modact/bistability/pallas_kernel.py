"""BRC over a whole sequence in one GPU kernel each way, for JAX.

A unit of BRC reads no other unit's state, so every (batch row, unit) is a chain of
its own, and a kernel can keep the state in a register from the first step to the
last. The kernels are written in Pallas and lowered through Triton, which JAX has
deprecated since 0.11 and will drop one day; `pallas_scan.why_not` then says so.
"""

from __future__ import annotations

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


def parameters() -> Any:
    """What chooses Triton over Mosaic GPU, and one warp for a program."""
    return plgpu.CompilerParams(num_warps=1, num_stages=1)


def forward(time: int, units: int, inputs: Inputs, states: Ref) -> None:
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


def backward(
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
