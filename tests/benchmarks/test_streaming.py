"""Steps of a stream, beside what the whole layer gives for the same sequence."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from benchmarks import peers, steps, streaming

SIZES = peers.Sizes(batch=1, time=4, features=3, units=8)


@pytest.mark.parametrize("cell", ["BRC", "StackedAdaptiveLSTM"])
def test_steps_carry_the_states_of_a_sequence(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second call of a stream goes on where the first one ended."""
    made: list[Any] = []
    build = peers.build

    def remembered(*args: Any, **kwargs: Any) -> Any:
        made.append(build(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(peers, "build", remembered)
    backend = steps.backend()
    rows = np.random.default_rng(0).normal(size=(4, 1, 3)).astype("float32")
    twice = keras.ops.convert_to_tensor(np.tile(rows[:, 0], (2, 1))[None])
    names = streaming.names(backend, cell)
    for name in [name for name in names if not name.startswith("torch.")]:
        further = streaming.stream(backend, cell, name, SIZES)
        outputs = [keras.ops.convert_to_numpy(further()) for _ in range(2)]
        whole = keras.ops.convert_to_numpy(made[-1](twice))
        np.testing.assert_allclose(outputs, whole[:, [3, 7]].swapaxes(0, 1), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="layers of torch")
@pytest.mark.parametrize("name", ["GRU", "LSTM"])
def test_cells_of_torch_carry_their_states(name: str) -> None:
    import torch

    backend = steps.backend()
    step = backend.native_cell(f"{name}Cell", 3, 8)
    layer = backend.native(name, 3, 8)
    with torch.no_grad():
        for own, weight in zip(layer.parameters(), step.parameters(), strict=True):
            own.copy_(weight)
        x = torch.ones(1, 5, 3)
        states = [torch.zeros(1, 8)] * (2 if name == "LSTM" else 1)
        for _ in range(5):
            output, *states = step([x[:, 0], *states])
        np.testing.assert_allclose(output, layer(x)[:, -1], atol=1e-6)


def test_peers_are_those_of_the_backend() -> None:
    of_torch = ["torch.LSTMCell"] if keras.backend.backend() == "torch" else []
    names = streaming.names(steps.backend(), "LMU")
    assert names == ["layer", "cell", "keras.LSTM", "keras.LSTMCell", *of_torch]
