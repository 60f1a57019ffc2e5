"""BRC's Triton kernels: the program that they are on a CUDA GPU, seen without one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_modact.bistability.kernels import triton_kernel

if keras.backend.backend() != "torch":
    pytest.skip("the kernels are for torch", allow_module_level=True)
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("nothing compiles by interpreter", allow_module_level=True)

triton: Any = pytest.importorskip("triton")


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_compiled_offsets_have_64_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiles for an H100, which needs no GPU, and reads the program."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel = getattr(triton_kernel, name)
    signature = {
        parameter.name: parameter.annotation_type
        or {"valid": "*i1", "d_weights": "*fp32"}.get(parameter.name, "*bf16")
        for parameter in kernel.params
    }
    sizes = [parameter for parameter in kernel.params if parameter.annotation_type]
    assert {parameter.annotation_type for parameter in sizes} == {"i64"}
    # A size that is specialised makes a new program for another length.
    assert all(parameter.do_not_specialize for parameter in sizes)
    program = triton.compile(
        triton.compiler.ASTSource(kernel, signature),
        target=triton.backends.compiler.GPUTarget("cuda", 90, 32),
        options={"num_warps": 1},
    )
    assert "ld.global" in program.asm["ptx"]
    lines = program.asm["ttir"].splitlines()
    moves = [line for line in lines if "tt.addptr" in line or "arith.muli" in line]
    assert len(moves) > 20
    for move in moves:
        assert "i64" in move.rpartition(" : ")[2], move
