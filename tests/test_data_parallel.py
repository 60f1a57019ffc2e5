"""Training on two devices ends at the weights of training on one.

The devices are virtual (two CPUs of one machine), so that the test runs
anywhere. Each training is a process of its own, a script of
`tests.data_parallel`, which itself asserts that its devices took part.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.layer_table import Row, row_id, steady_rows

ROOT = Path(__file__).parent.parent
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, Weights]:
    """The weights from one device and from two."""
    folder = tmp_path_factory.mktemp("data_parallel")
    return weights_after_training(folder, 1), weights_after_training(folder, 2)


@pytest.mark.parametrize("row", steady_rows(), ids=row_id)
def test_two_devices_end_at_the_weights_of_one(
    row: Row, trained: tuple[Weights, Weights]
) -> None:
    on_one, on_two = trained
    names = [name for name in on_one if name.startswith(f"{row.name}/")]
    trained_names = [name for name in names if name.endswith("/trained")]
    assert trained_names
    for name in trained_names:
        moved = np.max(
            np.abs(on_one[name] - on_one[name.replace("/trained", "/initial")])
        )
        assert moved > 1e-5, f"{name} stood still"
        apart = np.max(np.abs(on_two[name] - on_one[name]))
        assert on_two[name].dtype == np.float32
        # Of gradients that were not put together, each half would go its own way.
        assert apart < 1e-6 + 0.01 * moved, f"{name} differs by {apart}"
