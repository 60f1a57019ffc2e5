"""BRC's Triton kernels as one differentiable function of torch."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from keras_modact.bistability.kernels import triton_kernel
from keras_modact.utils.validation import Tensor


@functools.cache
def _function() -> Any:
    """The autograd function, made late, since other backends may lack torch."""
    torch: Any = importlib.import_module("torch")

    class Scan(torch.autograd.Function):
        @staticmethod
        def forward(
            ctx: Any,
            projected: Tensor,
            state: Tensor,
            recurrent_kernel: Tensor,
            recurrent_mask: Tensor | None,
            valid: Tensor | None,
        ) -> Tensor:
            batch, time, _ = projected.shape
            units = state.shape[-1]
            states = projected.new_empty((batch, time, units))
            small = tuple(
                None if tensor is None else tensor.contiguous()
                for tensor in (state, recurrent_kernel, recurrent_mask, valid)
            )
            blocks = -(-units // triton_kernel.BLOCK.value)
            # Triton launches on the current device, which need not be the tensors'.
            with torch.cuda.device_of(projected):
                triton_kernel.forward[batch, blocks](
                    projected,
                    *small,
                    states,
                    time,
                    units,
                    *projected.stride(),
                    num_warps=1,
                )
            ctx.save_for_backward(projected, *small, states)
            return states

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
            if torch.is_grad_enabled():
                raise RuntimeError(
                    "A gradient of BRC's fused kernel is to be differentiated again "
                    "(create_graph=True), and it has first derivatives only. Set the "
                    "layer's `acceleration` to 'adjoint' or 'loop'."
                )
            projected, *small, states = ctx.saved_tensors
            state, recurrent_kernel = small[:2]
            batch, time, units = states.shape
            d_projected = projected.new_empty(projected.shape)
            d_state = state.new_empty(state.shape)
            # A sum over rows in each program's order: the same bits in every run.
            d_weights = projected.new_empty((batch, 2 * units), dtype=torch.float32)
            blocks = -(-units // triton_kernel.BLOCK.value)
            with torch.cuda.device_of(projected):
                triton_kernel.backward[batch, blocks](
                    projected,
                    *small,
                    states,
                    upstream,
                    d_projected,
                    d_state,
                    d_weights,
                    time,
                    units,
                    *projected.stride(),
                    *upstream.stride(),
                    num_warps=1,
                )
            d_recurrent_kernel = d_weights.sum(0).to(recurrent_kernel.dtype)
            return d_projected, d_state, d_recurrent_kernel, None, None

    return Scan.apply


def why_not(dtype: str, device: str) -> str | None:
    """Why the kernels cannot run, or None if they can.

    Args:
        dtype: Keras' name of the dtype.
        device: "gpu", "cpu" or another kind of device.
    """
    if not triton_kernel.INSTALLED:
        return "Triton is not installed (`pip install triton`)"
    if dtype not in triton_kernel.DTYPES:
        return f"the kernels compute in {triton_kernel.DTYPES} only, not in {dtype!r}"
    if device != "gpu" and not triton_kernel.triton.knobs.runtime.interpret:
        return (
            f"the kernels need a GPU, and the device is {device!r} (for a test "
            "they run anywhere with TRITON_INTERPRET=1)"
        )
    return None


def scan(
    projected: Tensor,
    state: Tensor,
    recurrent_kernel: Tensor,
    recurrent_mask: Tensor | None = None,
    valid: Tensor | None = None,
) -> Tensor:
    """All states of BRC over a sequence, in one kernel.

    With the three blocks p_a, p_c and p of `projected` and m the recurrent mask:

        a  = 1 + tanh(p_a + w_a * m * h)
        c  = sigmoid(p_c + w_c * m * h)
        h' = c * h + (1 - c) * tanh(p + a * h)

    The gradient is exact, for `projected`, `state` and `recurrent_kernel`: with
    z the tanh of the last line, F_u = (1 - c) (1 - z^2), F_a = F_u h a (2 - a),
    F_c = (h - z) c (1 - c) and g the gradients of the outputs,

        J      = c + F_u a + m (F_a w_a + F_c w_c)
        lambda = g + J' lambda'                     (J', lambda': the next step's)

    It stores the states and the arguments, and computes the rest again.

    Args:
        projected: Tensor `(batch, time, 3 units)`, x @ kernel + bias, of dtype
            float32 or bfloat16. Any strides.
        state: Tensor `(batch, units)`, the state before the first step.
        recurrent_kernel: Tensor `(2 units,)`, w_a then w_c.
        recurrent_mask: Tensor `(batch, units)`, or None for ones.
        valid: Boolean tensor `(batch, time)`, or None for all valid. A step that
            is not leaves the state as it is, whatever its `projected` holds.

    Returns:
        The states after each step, `(batch, time, units)`, of the dtype of
        `projected`.

    Raises:
        ValueError: If the shapes do not fit together.
    """
    batch, time, columns = projected.shape
    units = columns // 3
    for name, tensor, shape in (
        ("projected", projected, (batch, time, 3 * units)),
        ("state", state, (batch, units)),
        ("recurrent_kernel", recurrent_kernel, (2 * units,)),
        ("recurrent_mask", recurrent_mask, (batch, units)),
        ("valid", valid, (batch, time)),
    ):
        # A kernel does not see where a tensor ends.
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(
                f"`{name}` must have the shape {shape}, where `projected` has "
                f"{tuple(projected.shape)}, received {tuple(tensor.shape)}. Pass "
                "`projected` as (batch, time, 3 units) and the others to match."
            )
    return _function()(projected, state, recurrent_kernel, recurrent_mask, valid)
