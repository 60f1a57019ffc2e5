"""Training on two devices ends at the weights of training on one.

The devices are virtual (two CPUs of one machine), so that the test runs
anywhere. Each training is a process of its own, a script of
`tests.data_parallel`, which itself asserts that its devices took part.

Only here shows: a layer whose training depends on how a batch is divided, or that
cannot be placed on several devices.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.data_parallel.training import ROWS

ROOT = Path(__file__).parents[2]
SCRIPT = f"tests.data_parallel.on_{keras.backend.backend()}"
SECONDS = 900

Weights = dict[str, np.ndarray]


def weights_after_training(folder: Path, devices: int) -> Weights:
    """Runs the script of the backend in use, for all rows at once."""
    output = folder / f"{devices}.npz"
    cpu_devices = {
        "CUDA_VISIBLE_DEVICES": "",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    try:
        subprocess.run(
            [sys.executable, "-m", SCRIPT, str(output), str(devices)],
            cwd=ROOT,
            env={**os.environ, **cpu_devices},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        printed = (error.output or b"").decode(errors="replace")
        raise pytest.fail.Exception(f"{error}\n{printed}", pytrace=False) from None
    with np.load(output) as weights:
        return dict(weights)


@pytest.mark.slow
def test_two_devices_end_at_the_weights_of_one(tmp_path: Path) -> None:
    on_one, on_two = (weights_after_training(tmp_path, count) for count in (1, 2))
    assert {name.split("/")[0] for name in on_one} == {row.name for row in ROWS}
    for name, trained in on_one.items():
        if name.endswith("/initial"):
            continue
        moved = np.abs(trained - on_one[name.replace("/trained", "/initial")]).max()
        assert moved > 1e-5, f"{name} stood still"
        apart = np.abs(on_two[name] - trained).max()
        assert on_two[name].dtype == np.float32
        # Of gradients that were not put together, each half would go its own way.
        assert apart < 1e-6 + 0.01 * moved, f"{name} differs by {apart}"
