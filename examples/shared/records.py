"""Results in a file, with the settings and the environment that gave them."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

import keras_modact


def environment() -> dict[str, str | int]:
    """Backend, device and versions, for the record."""
    backend = keras.backend.backend()
    return {
        "backend": backend,
        "backend_version": sys.modules[backend].__version__,
        "device": str(keras.ops.zeros(1).device),
        "machine": platform.machine(),
        "keras": keras.__version__,
        "keras_modact": keras_modact.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def device_kind() -> str:
    """What kind of device computes: a GPU's model, or how many cores of a CPU."""
    backend = keras.backend.backend()
    module = sys.modules[backend]
    found = "cpu"
    if backend == "jax":
        found = module.devices()[0].device_kind
    elif backend == "torch" and module.cuda.is_available():
        found = module.cuda.get_device_name()
    elif backend == "tensorflow" and module.config.list_physical_devices("GPU"):
        gpu = module.config.list_physical_devices("GPU")[0]
        details = module.config.experimental.get_device_details(gpu)
        found = details.get("device_name", "GPU")
    return f"cpu, {os.cpu_count()} cores" if found == "cpu" else found


def write_results(
    options: argparse.Namespace, runs: Iterable[Mapping[str, Any]]
) -> None:
    """Writes `results.json`: options but no folders, environment, runs."""
    results = {
        "settings": {
            k: v for k, v in vars(options).items() if not isinstance(v, pathlib.Path)
        },
        "environment": environment(),
        "runs": list(runs),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1)
    (options.output / "results.json").write_text(text + "\n", encoding="utf-8")
