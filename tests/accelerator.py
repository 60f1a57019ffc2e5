"""Fails if the backend in use sees no accelerator: `python -m tests.accelerator`."""

from __future__ import annotations

import sys

import keras


def accelerators() -> list[str]:
    """The names of the accelerators that the backend sees."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return [device.name for device in tf.config.list_physical_devices("GPU")]
    if backend == "jax":
        import jax

        return [str(d) for d in jax.devices() if d.platform != "cpu"]
    import torch

    return [
        torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())
    ]


if __name__ == "__main__":
    found = accelerators()
    if not found:
        sys.exit(
            f"{keras.backend.backend()} sees no accelerator. Run this environment "
            "on a machine with a GPU and its driver, or run the tests on the CPU "
            f"with `tox run -e {keras.backend.backend()}`."
        )
    print(f"{keras.backend.backend()} runs on {', '.join(found)}")
