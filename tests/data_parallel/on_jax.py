"""Trains on JAX, on two devices with `keras.distribution.DataParallel`."""

from __future__ import annotations

import keras
import numpy as np

from tests.data_parallel.training import arguments, fit, train_every_row


def main() -> None:
    output, devices = arguments()
    found = keras.distribution.list_devices()
    assert len(found) == devices, found
    if devices > 1:
        parallel = keras.distribution.DataParallel(devices=found)
        keras.distribution.set_distribution(parallel)

    def train(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> None:
        fit(model, inputs, targets)
        # What a step on two devices returns lives on both.
        for variable in model.trainable_variables:
            assert len(variable.value.sharding.device_set) == devices

    np.savez(output, **train_every_row(train))


if __name__ == "__main__":
    main()
