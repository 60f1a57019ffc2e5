"""BRC's recurrence over a whole sequence as one pair of Triton kernels (torch).

A BRC unit's only recurrent connection is to itself (Vecoven, Ernst, Drion 2021,
eq. 4), so each unit of each row of a batch is a chain of its own: the forward
kernel keeps its state in a register from the first step to the last, and the
backward kernel the gradient of that state from the last to the first.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

from keras_modact.utils.validation import Tensor

# Only with torch: Triton 3.8 imported after TensorFlow is a segmentation fault.
INSTALLED = (
    keras.backend.backend() == "torch"
    and importlib.util.find_spec("triton") is not None
)
if INSTALLED:
    triton: Any = importlib.import_module("triton")
    tl: Any = importlib.import_module("triton.language")
    # A program is one warp, a unit to a lane: that makes the most programs of the
    # few chains there are, and a row's loads stay contiguous.
    BLOCK: Any = tl.constexpr(32)
    # A step of one warp takes some 100 cycles and a load from memory several
    # hundred. So the loads run this many steps ahead, and wait in registers. Each
    # more makes the programs longer, and their compilation longer yet.
    AHEAD: Any = tl.constexpr(6)
if TYPE_CHECKING:
    # Triton reads this one by name. It refuses the others unless they are quoted.
    int64 = int

DTYPES = ("float32", "bfloat16")


def _jit(function: Callable[..., Any]) -> Any:
    """A Triton function, or the plain one, never called, where there is no Triton."""
    if not INSTALLED:
        return function
    # Triton would make a program of its own for a whole number that is 1, or
    # divisible by 16; a new number of steps must not compile anything.
    sizes = [name for name, of in function.__annotations__.items() if of == "int64"]
    return triton.jit(function, do_not_specialize=sizes)


@_jit
def _sigmoid(x: "Tensor") -> "Tensor":
    return 1 / (1 + tl.exp(-x))


@_jit
def _tanh(x: "Tensor") -> "Tensor":
    """tanh(x), to a few roundings of x itself however small it is.

    Near 0 a polynomial, since 1 - exp(-2|x|) cancels there: it has the least
    relative error of its degree, 5e-9, on |x| < 0.625.
    """
    s = x * x
    series = 0.0206390855 - 0.00570498501 * s
    series = (series * s - 0.0537397146) * s + 0.133314422
    near = x + x * (s * (series * s - 0.333332819))
    decay = tl.exp(-2 * tl.abs(x))
    far = (1 - decay) / (1 + decay)
    return tl.where(tl.abs(x) < 0.625, near, tl.where(x < 0, -far, far))


@_jit
def _offset(row: "Tensor", step: "Tensor", unit: "Tensor", strides: "Any") -> "Tensor":
    """Where a step's values lie in a tensor of batch, time and units."""
    offset = row * strides[0] + step * strides[1] + unit * strides[2]
    # Such a tensor may hold more than 2^31 values.
    tl.static_assert(offset.dtype == tl.int64)
    return offset


@_jit
def _chains(
    state: "Tensor",
    recurrent_kernel: "Tensor",
    recurrent_mask: "Tensor",
    units: "int64",
) -> "Any":
    """The program's row, its units, which of them exist, and their h, w_a m, w_c m, m.

    With what the gates read, h~ = m h, the mask m scales w_a and w_c alike.
    """
    row = tl.program_id(0).to(tl.int64)
    unit = tl.program_id(1).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    exists = unit < units
    h = tl.load(state + row * units + unit, mask=exists, other=0).to(tl.float32)
    w_a = tl.load(recurrent_kernel + unit, mask=exists, other=0).to(tl.float32)
    w_c = tl.load(recurrent_kernel + units + unit, mask=exists, other=0).to(tl.float32)
    m = 1.0
    if recurrent_mask is not None:
        m = tl.load(recurrent_mask + row * units + unit, mask=exists, other=0)
        m = m.to(tl.float32)
    return row, unit, exists, h, w_a * m, w_c * m, m


@_jit
def _load(source: "Any", step: "Tensor") -> "Any":
    """A step's p_a, p_c and p, and whether it is valid if `valid` is given."""
    projected, strides, valid, time, units, row, unit, exists = source
    in_time = (step >= 0) & (step < time)
    mask = exists & in_time
    offset = _offset(row, step, unit, strides)
    p_a = tl.load(projected + offset, mask=mask, other=0)
    offset = _offset(row, step, unit + units, strides)
    p_c = tl.load(projected + offset, mask=mask, other=0)
    offset = _offset(row, step, unit + 2 * units, strides)
    p = tl.load(projected + offset, mask=mask, other=0)
    is_valid = in_time
    if valid is not None:
        is_valid = tl.load(valid + (row * time + step), mask=in_time, other=0)
    return p_a, p_c, p, is_valid


@_jit
def _load_back(
    source: "Any", states: "Tensor", upstream: "Tensor", strides: "Any", step: "Tensor"
) -> "Any":
    """What `_load` gives, the state before the step and the gradient of its output."""
    _, _, _, time, units, row, unit, exists = source
    p_a, p_c, p, is_valid = _load(source, step)
    offset = _offset(row, step - 1, unit, (time * units, units, 1))
    h = tl.load(states + offset, mask=exists & (step > 0), other=0)
    offset = _offset(row, step, unit, strides)
    g = tl.load(upstream + offset, mask=exists & (step >= 0), other=0)
    return p_a, p_c, p, is_valid, h, g


@_jit
def _gates(
    loaded: "Any", valid: "Tensor", w_a: "Tensor", w_c: "Tensor", h: "Tensor"
) -> "Any":
    """a, c and the candidate z = tanh(p + a h) of a step, in float32."""
    p_a = loaded[0].to(tl.float32)
    p_c = loaded[1].to(tl.float32)
    p = loaded[2].to(tl.float32)
    if valid is not None:
        # A masked step is c = 1, so that h' = h, J = 1 and F = 0, all exactly. It
        # is selected before any arithmetic: the projections may hold NaN.
        p_a = tl.where(loaded[3], p_a, 0.0)
        p_c = tl.where(loaded[3], p_c, float("inf"))
        p = tl.where(loaded[3], p, 0.0)
    # 1 + tanh(x) = 2 sigmoid(2 x). The candidate needs its tanh: what 2 sigmoid - 1
    # loses near 0, a bistable unit amplifies.
    a = 2 * _sigmoid(2 * (p_a + w_a * h))
    return a, _sigmoid(p_c + w_c * h), _tanh(p + a * h)


@_jit
def forward(
    projected: "Tensor",
    state: "Tensor",
    recurrent_kernel: "Tensor",
    recurrent_mask: "Tensor",
    valid: "Tensor",
    states: "Tensor",
    time: "int64",
    units: "int64",
    batch_stride: "int64",
    time_stride: "int64",
    unit_stride: "int64",
) -> None:
    """h' = c h + (1 - c) tanh(p + a h), from the first step to the last."""
    row, unit, exists, h, w_a, w_c, _ = _chains(
        state, recurrent_kernel, recurrent_mask, units
    )
    strides = (batch_stride, time_stride, unit_stride)
    source = (projected, strides, valid, time, units, row, unit, exists)
    ahead: "Any" = ()  # noqa: UP037
    for k in tl.static_range(AHEAD):
        ahead += (_load(source, k),)
    for start in tl.range(0, time, AHEAD):
        for k in tl.static_range(AHEAD):
            step = start + k
            # A branch for each step, besides ending the last group of steps, keeps
            # the loads apart: within one, the compiler moves them all to its end.
            if step < time:
                _, c, z = _gates(ahead[0], valid, w_a, w_c, h)
                new = (c * h + (1 - c) * z).to(states.dtype.element_ty)
                offset = _offset(row, step, unit, (time * units, units, 1))
                tl.store(states + offset, new, mask=exists)
                # Rounded as stored, so that the backward pass sees the same states.
                h = new.to(tl.float32)
            # After the step, so that the registers that it read are free again; a
            # copy of one that is being loaded would wait for it.
            ahead = ahead[1:] + (_load(source, step + AHEAD),)  # noqa: RUF005


@_jit
def backward(
    projected: "Tensor",
    state: "Tensor",
    recurrent_kernel: "Tensor",
    recurrent_mask: "Tensor",
    valid: "Tensor",
    states: "Tensor",
    upstream: "Tensor",
    d_projected: "Tensor",
    d_state: "Tensor",
    d_weights: "Tensor",
    time: "int64",
    units: "int64",
    batch_stride: "int64",
    time_stride: "int64",
    unit_stride: "int64",
    upstream_batch_stride: "int64",
    upstream_time_stride: "int64",
    upstream_unit_stride: "int64",
) -> None:
    """lambda_t = g_t + J_{t+1} lambda_{t+1}, from the last step to the first."""
    row, unit, exists, initial, w_a, w_c, m = _chains(
        state, recurrent_kernel, recurrent_mask, units
    )
    strides = (batch_stride, time_stride, unit_stride)
    source = (projected, strides, valid, time, units, row, unit, exists)
    strides = (upstream_batch_stride, upstream_time_stride, upstream_unit_stride)
    ahead: "Any" = ()  # noqa: UP037
    for k in tl.static_range(AHEAD):
        ahead += (_load_back(source, states, upstream, strides, time - 1 - k),)
    # J_{t+1} lambda_{t+1}: the gradient that a state gets through the next step.
    passed = tl.zeros([BLOCK], tl.float32)
    d_w_a = tl.zeros([BLOCK], tl.float32)
    d_w_c = tl.zeros([BLOCK], tl.float32)
    for start in tl.range(0, time, AHEAD):
        for k in tl.static_range(AHEAD):
            step = time - 1 - (start + k)
            if step >= 0:
                h = tl.where(step > 0, ahead[0][4].to(tl.float32), initial)
                a, c, z = _gates(ahead[0], valid, w_a, w_c, h)
                f_u = (1 - c) * ((1 - z) * (1 + z))
                f_a = f_u * h * a * (2 - a)
                f_c = (h - z) * c * (1 - c)
                adjoint = ahead[0][5].to(tl.float32) + passed
                passed = adjoint * (c + f_u * a + f_a * w_a + f_c * w_c)
                d_w_a += adjoint * f_a * h
                d_w_c += adjoint * f_c * h
                offset = _offset(row, step, unit, (time * 3 * units, 3 * units, 1))
                out = d_projected + offset
                tl.store(out, adjoint * f_a, mask=exists)
                tl.store(out + units, adjoint * f_c, mask=exists)
                tl.store(out + 2 * units, adjoint * f_u, mask=exists)
            later = _load_back(source, states, upstream, strides, step - AHEAD)
            ahead = ahead[1:] + (later,)  # noqa: RUF005
    tl.store(d_state + row * units + unit, passed, mask=exists)
    out = d_weights + row * 2 * units + unit
    tl.store(out, d_w_a * m, mask=exists)
    tl.store(out + units, d_w_c * m, mask=exists)
