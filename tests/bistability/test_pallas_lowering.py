"""BRC's Pallas kernels: what they are on a CUDA GPU, seen without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("Pallas is for JAX.", allow_module_level=True)

import jax

from keras_modact.bistability import pallas_kernel
from keras_modact.bistability.pallas_scan import scan


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 2 steps are lowered faster than the kernel's own of 8."""
    monkeypatch.setattr(pallas_kernel, "AHEAD", 2)


def triton_modules(function: Callable[..., Any], *arguments: Any) -> list[str]:
    """The Triton code of each kernel that a function launches on a CUDA GPU.

    JAX lowers it without one. It hands the code on to XLA, which compiles it.
    """
    from jaxlib.mlir import ir
    from jaxlib.triton import dialect

    gpu = jax.sharding.AbstractDevice("NVIDIA H200", num_cores=None, platform="gpu")
    mesh = jax.sharding.AbstractMesh((1,), ("x",), abstract_device=gpu)
    with jax.sharding.use_abstract_mesh(mesh):
        traced = jax.jit(function).trace(*arguments)
        lowered = traced.lower(lowering_platforms=("cuda",)).compiler_ir()
    modules = []

    def visit(operation: Any) -> Any:
        if "__gpu$xla.gpu.triton" in str(
            operation.attributes["call_target_name"]
            if operation.name == "stablehlo.custom_call"
            else ""
        ):
            code = operation.attributes["mhlo.backend_config"]["ir"].value_bytes
            with ir.Context() as context:
                dialect.register_dialect(context)
                context.load_all_available_dialects()
                modules.append(ir.Module.parse(code).operation.get_asm())
        return ir.WalkResult.ADVANCE

    lowered.operation.walk(visit)
    return modules


def structures(batch: int, time: int, units: int, dtype: str) -> list[Any]:
    shapes = [(batch, time, 3 * units), (batch, units), (2 * units,), (batch, units)]
    arrays = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    return [*arrays, jax.ShapeDtypeStruct((batch, time), "bool")]


def total(*arguments: Any) -> Any:
    return scan(*arguments).astype("float32").sum()


deprecated = pytest.mark.filterwarnings(
    "ignore:The Pallas Triton backend is deprecated:DeprecationWarning"
)


@deprecated
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("masks", [0, 2])
def test_lowered_for_a_gpu(dtype: str, masks: int) -> None:
    """Every operation of both kernels has a rule in Triton, and tanh is CUDA's own."""
    arguments = structures(3, 7, 33, dtype)[: 3 + masks]
    gradient = jax.grad(total, argnums=(0, 1, 2))
    modules = triton_modules(gradient, *arguments)
    names = [module.split("@", 1)[1].split(" ", 1)[0] for module in modules]
    assert names == ["forward", "backward"]
    for module in modules:
        # Two of each step of a chunk, and none that is approximate.
        assert module.count("__nv_tanhf") >= 2 * pallas_kernel.AHEAD
        assert "tanh.approx" not in module


@deprecated
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_offsets_have_64_bits_where_they_must(dtype: str) -> None:
    """As few elements as have an offset that 32 bits with a sign do not hold."""
    arguments = structures(2, 2**21, 400, dtype)
    assert np.prod(arguments[0].shape) > 2**31
    for module in triton_modules(jax.grad(total), *arguments):
        wide = module.count("tensor<32x!tt.ptr<f32>>, tensor<32xi64>")
        wide += module.count("tensor<32x!tt.ptr<bf16>>, tensor<32xi64>")
        # Three reads of `projected` for each step ahead of the loop and in it.
        assert wide >= 6 * pallas_kernel.AHEAD
