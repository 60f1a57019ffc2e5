"""BRC's Pallas kernels as one differentiable function of JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl

from keras_modact.bistability import pallas_kernel
from keras_modact.bistability.pallas_kernel import Inputs

DTYPES = ("float32", "bfloat16")


def why_not(dtype: str, device: str) -> str | None:
    """Why the kernels cannot run, or None if they can.

    Args:
        dtype: Keras' name of the dtype.
        device: "gpu", "cpu" or another kind of device.
    """
    if not pallas_kernel.HAS_TRITON:
        return f"JAX {jax.__version__} has no `jax.experimental.pallas.triton`"
    if device != "gpu":
        return f"the kernels need a GPU, and the device is {device!r}"
    if dtype not in DTYPES:
        return f"the kernels compute in {DTYPES} only, not in {dtype!r}"
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
        raise ValueError(f"BRC's fused kernel cannot run: {reason}.")
    batch, time, _ = projected.shape
    units = state.shape[-1]
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
    return _call(pallas_kernel.forward, inputs, [], [states], interpret)[0]


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
        pallas_kernel.backward, inputs, [states, upstream], outputs, interpret
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
        return pl.BlockSpec(
            (None, *between, pallas_kernel.LANES), lambda b, u: (b, *start, u)
        )

    of_inputs = Inputs(
        weights=pl.BlockSpec((2, pallas_kernel.LANES), lambda b, u: (0, u)),
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
        grid=(batch, pl.cdiv(units, pallas_kernel.LANES)),
        in_specs=[of_inputs, *(part(array.shape) for array in more)],
        out_specs=[part(shape) for shape, _ in outputs],
        compiler_params=pallas_kernel.parameters(),
        interpret=interpret,
    )(inputs, *more)
