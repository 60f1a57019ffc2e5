"""Trains on TensorFlow, on two logical CPUs with `tf.distribute.MirroredStrategy`."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from tests.data_parallel.training import arguments, fit, train_every_row


def main() -> None:
    output, devices = arguments()
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * devices
    )
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.get_strategy()
    if devices > 1:
        strategy = tf.distribute.MirroredStrategy(names)
    assert strategy.num_replicas_in_sync == devices, names

    def train(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> None:
        fit(model, inputs, targets)
        for variable in model.trainable_variables:
            copies = strategy.experimental_local_results(variable.value)
            assert len({copy.device for copy in copies}) == devices
            for copy in copies:
                np.testing.assert_array_equal(copy, copies[0])

    with strategy.scope():
        weights = train_every_row(train)
    np.savez(output, **weights)


if __name__ == "__main__":
    main()
