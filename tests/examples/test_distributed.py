"""Training on two processes: the weights of one, and a process that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest

from examples import distributed
from examples.shared import checkpoints

ROOT = Path(__file__).parents[2]
# Adam divides by gradients that are nearly zero: the rate bounds what that does.
OPTIONS = [
    *("--units", "4", "--black-lines", "2", "--batch-size", "8", "--samples", "32"),
    *("--test-samples", "0", "--epochs", "16", "--learning-rate", "1e-4"),
]
ON_TORCH = keras.backend.backend() == "torch"


def start(output: Path, *options: str) -> subprocess.Popen[str]:
    launcher = ["examples.distributed", "--processes", "2"]
    if ON_TORCH:
        launcher = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        launcher += ["-m", "examples.distributed"]
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, *OPTIONS, "--output", str(output), *options],
        cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.every_backend
@pytest.mark.slow
def test_killed_and_resumed_ends_at_the_weights_of_one_process(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    curve = distributed.main([*OPTIONS, "--output", str(one)])

    killed = start(two)
    printed = []
    for line in killed.stdout:
        printed.append(line)
        if line.startswith("Epoch 2 "):
            (second,) = [text for text in printed if text.startswith("Process 1 of 2")]
            os.kill(int(second.split()[-1]), signal.SIGKILL)
            break
    rest, _ = killed.communicate(timeout=300)
    assert killed.returncode not in (0, None), "".join(printed)
    said = "Signal 9 (SIGKILL)" if ON_TORCH else "Process 1 of 2 ended with SIGKILL"
    assert said in rest, rest
    saved = checkpoints.read_record(two / distributed.CHECKPOINT)["curve"]
    assert 2 <= len(saved) < len(curve)

    resumed = start(two, "--resume")
    rest, _ = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, rest
    assert f"Epoch {len(saved)} of" not in rest
    found = checkpoints.read_record(two / distributed.CHECKPOINT)["curve"]
    np.testing.assert_allclose(found, curve, rtol=0, atol=1e-6)
    assert curve[0] - curve[-1] > 1e-2
    count = len(distributed.network(distributed.parse(OPTIONS)).variables)
    with (
        np.load(one / distributed.CHECKPOINT) as ours,
        np.load(two / distributed.CHECKPOINT) as theirs,
    ):
        for name in (f"arr_{index}" for index in range(count)):
            np.testing.assert_allclose(theirs[name], ours[name], rtol=0, atol=1e-6)


@pytest.mark.skipif(not ON_TORCH, reason="a matter of torch's group")
def test_the_model_lets_go_of_the_group_before_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whoever holds the group last joins its threads; DistributedDataParallel does so
    # holding the GIL, for which they may wait. On a busy machine one run in ten hung.
    import torch

    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = ("localhost", str(free.getsockname()[1]), "0", "1")
    names = ("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE")
    for name, value in zip(names, address, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    group = distributed.TorchGroup()
    options = distributed.parse(OPTIONS)
    model = distributed.network(options)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    x, y = distributed.read(options, "train")
    group.step(model, x[:8], y[:8])

    parallel = weakref.ref(group.parallel)
    end, held = torch.distributed.destroy_process_group, []
    monkeypatch.setattr(
        torch.distributed,
        "destroy_process_group",
        lambda: (held.append(parallel()), end()),
    )
    group.close()
    assert held == [None]


def test_what_depends_on_the_share_is_refused() -> None:
    statistics = keras.Sequential([keras.layers.BatchNormalization(name="norm")])
    stateful = keras.Sequential([keras.layers.GRU(2, stateful=True, name="gru")])
    for model, message in ((statistics, "'norm' has stat"), (stateful, "'gru' carr")):
        with pytest.raises(SystemExit, match=message):
            distributed.refuse_what_depends_on_the_share(model)


def test_arguments_that_do_not_fit(tmp_path: Path) -> None:
    group = distributed.Group()
    group.size = 3
    with pytest.raises(SystemExit, match="Take a multiple of 3"):
        distributed.train(distributed.parse(OPTIONS), group)
    options = distributed.parse([*OPTIONS, "--resume", "--output", str(tmp_path)])
    with pytest.raises(SystemExit, match="to resume from"):
        distributed.train(options, distributed.Group())
    options = distributed.parse(
        ["--processes", "2", "--process-id", "2", "--hosts", "a:1", "b:2"]
    )
    wanted = "torchrun" if ON_TORCH else "Process 2 of 2"
    with pytest.raises(SystemExit, match=wanted):
        distributed.connect(options)
