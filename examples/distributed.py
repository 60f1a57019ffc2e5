"""Training on several processes or machines: nBRC on line MNIST, data-parallel.

Every process runs this script and trains on its share of each batch; gradients are put
together at every step, so that the weights are those of one process that has the whole
batch. One command starts them, on each backend's own engine:

    export KERAS_BACKEND=torch     # DistributedDataParallel
    torchrun --standalone --nproc-per-node 2 -m examples.distributed
    export KERAS_BACKEND=jax       # jax.distributed, keras.distribution.DataParallel
    python -m examples.distributed --processes 2
    export KERAS_BACKEND=tensorflow  # MultiWorkerMirroredStrategy
    python -m examples.distributed --processes 2

On a cluster start one process on each machine, with a folder for --output that all of
them see:

    torchrun --nnodes 2 --nproc-per-node 1 --rdzv-backend c10d \
        --rdzv-endpoint HOST:29500 -m examples.distributed
    python -m examples.distributed --processes 2 --hosts HOST:29500 OTHER:29500 \
        --process-id 0   # and 1 on the other one; JAX and TensorFlow

Process 0 writes a checkpoint after each epoch. If a process dies, all end with an
error; the same command with --resume goes on after the last checkpoint, along the same
curve. MNIST is read from --data-dir (see `examples.bistability.sequential_mnist`);
without one the images are noisy copies of ten random ones.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

import keras_modact
from examples.shared import checkpoints
from examples.shared.command_line import natural, positive
from examples.shared.images import add_data_dir, check_mnist, read_mnist

SIDE = 28
CHECKPOINT = "checkpoint.npz"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that a command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--processes", type=positive, default=1, help="JAX, TensorFlow: how many")
    add("--process-id", type=natural, help="which of them this is; else all start here")
    add("--hosts", nargs="+", help="HOST:PORT of each process, or of the first for JAX")
    add("--units", type=positive, default=64)
    add("--black-lines", type=natural, default=72, help="lines after an image")
    add("--batch-size", type=positive, default=100, help="of all processes together")
    add("--epochs", type=positive, default=5)
    add("--samples", type=positive, default=60_000)
    add("--test-samples", type=natural, default=10_000, help="0 leaves the test out")
    add("--learning-rate", type=float, default=1e-2, help="Adam's")
    add("--seed", type=int, default=0)
    add("--resume", action="store_true", help="go on after the last checkpoint")
    add("--output", type=pathlib.Path, default=pathlib.Path("results", "distributed"))
    add_data_dir(parser)
    return parser.parse_args(argv)


class Group:
    """The processes that train together: here one, by Keras' own means."""

    rank = 0
    size = 1

    def scope(self) -> Any:
        """Where the model is made."""
        return contextlib.nullcontext()

    def step(self, model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
        """Trains on this process' share of a batch; the loss of the whole batch."""
        model.reset_metrics()
        return float(model.train_on_batch(x, y))

    def close(self) -> None:
        """Ends the connections."""


class JaxGroup(Group):
    """Global arrays, of which each process has a share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.rank, self.size = options.process_id, options.processes
        keras.distribution.initialize(options.hosts[0], self.size, self.rank)
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(
                devices=keras.distribution.list_devices(), auto_shard_dataset=False
            )
        )

    def close(self) -> None:
        import jax

        jax.distributed.shutdown()


class TensorFlowGroup(Group):
    """A copy of the variables in each process."""

    def __init__(self, options: argparse.Namespace) -> None:
        import tensorflow as tf

        self.rank, self.size = options.process_id, options.processes
        os.environ["TF_CONFIG"] = json.dumps(
            {
                "cluster": {"worker": options.hosts},
                "task": {"type": "worker", "index": self.rank},
            }
        )
        self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
        self.compiled: Any = None

    def scope(self) -> Any:
        return self.strategy.scope()

    def step(self, model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
        # Keras' own step (3.15) fails where it puts the losses of processes together.
        if self.compiled is None:
            self.compiled = self.compile(model)
        return float(self.compiled(x, y))

    def compile(self, model: keras.Model) -> Any:
        """A step of training of all processes."""
        import tensorflow as tf

        def own(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                # Keras' losses are divided by the processes, and its optimizers sum
                # their gradients.
                loss = model.loss(y, model(x, training=True))
            weights = model.trainable_weights
            gradients = tape.gradient(loss, [weight.value for weight in weights])
            model.optimizer.apply(gradients, weights)
            return tf.distribute.get_replica_context().all_reduce("SUM", loss)

        return tf.function(lambda x, y: self.strategy.run(own, (x, y)))


class TorchGroup(Group):
    """Gradients that are averaged while they are computed; started by `torchrun`."""

    def __init__(self) -> None:
        import torch

        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        torch.distributed.init_process_group("nccl" if on_gpu else "gloo")
        self.rank = torch.distributed.get_rank()
        self.size = torch.distributed.get_world_size()
        self.parallel: Any = None

    def step(self, model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
        import torch

        if self.parallel is None:
            self.parallel = torch.nn.parallel.DistributedDataParallel(model)
        self.parallel.zero_grad()
        outputs = self.parallel(keras.ops.convert_to_tensor(x))
        loss = model.loss(keras.ops.convert_to_tensor(y), outputs)
        loss.backward()
        weights = model.trainable_weights
        with torch.no_grad():
            model.optimizer.apply([w.value.grad for w in weights], weights)
            torch.distributed.all_reduce(loss)
        return float(loss.detach()) / self.size

    def close(self) -> None:
        import torch

        # The last to hold the group joins its threads, and DistributedDataParallel
        # would hold the GIL meanwhile, for which a thread may wait: a deadlock.
        self.parallel = None
        torch.distributed.destroy_process_group()


def connect(options: argparse.Namespace) -> Group:
    """Meets the other processes, if there are any."""
    backend = keras.backend.backend()
    if backend == "torch":
        if options.processes > 1:
            raise SystemExit(
                "On PyTorch `torchrun --standalone --nproc-per-node 2 -m "
                "examples.distributed` starts the processes; leave --processes out."
            )
        return TorchGroup() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Group()
    if options.processes == 1:
        return Group()
    wanted = 1 if backend == "jax" else options.processes
    if len(options.hosts or ()) < wanted or options.process_id >= options.processes:
        raise SystemExit(
            f"Process {options.process_id} of {options.processes} (counted from 0) "
            f"needs {wanted} HOST:PORT in --hosts, received {options.hosts}."
        )
    return (JaxGroup if backend == "jax" else TensorFlowGroup)(options)


def network(options: argparse.Namespace) -> keras.Model:
    """Two layers of nBRC over the lines of an image."""
    return keras.Sequential(
        [
            keras.Input((SIDE + options.black_lines, SIDE)),
            keras_modact.NBRC(options.units, return_sequences=True),
            keras_modact.NBRC(options.units),
            keras.layers.Dense(10),
        ]
    )


def refuse_what_depends_on_the_share(model: keras.Model) -> None:
    """Ends where the weights would not be those of one process.

    The layers of this script's network do not; yours may.
    """
    for layer in model.layers:
        stateful = getattr(layer, "stateful", False)
        if stateful or isinstance(layer, keras.layers.BatchNormalization):
            what = "carries states" if stateful else "has statistics"
            raise SystemExit(
                f"Layer '{layer.name}' {what} of the share of a batch that a process "
                "sees, and training would not be that of one process. Make it with "
                "stateful=False, or take LayerNormalization."
            )


def read(options: argparse.Namespace, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of lines in [-.5, .5], black ones at the end, and their digits."""
    count = options.samples if split == "train" else options.test_samples
    if options.data_dir is not None:
        images, labels = read_mnist(check_mnist(options.data_dir), split)
        images, labels = images[:count] / 255 - 0.5, labels[:count]
    else:
        kinds = np.random.default_rng(1).uniform(-0.5, 0.5, (10, SIDE, SIDE))
        random = np.random.default_rng(["train", "test"].index(split))
        labels = random.integers(0, 10, count).astype("int32")
        noise = random.normal(scale=0.2, size=(count, SIDE, SIDE))
        images = np.clip(kinds[labels] + noise, -0.5, 0.5)
    black = ((0, 0), (0, options.black_lines), (0, 0))
    images = np.pad(images, black, constant_values=-0.5)
    return images.astype("float32"), labels


def train(options: argparse.Namespace, group: Group) -> list[float]:
    """Trains, and returns the mean loss of each epoch."""
    if options.batch_size % group.size:
        raise SystemExit(
            f"--batch-size {options.batch_size} has no equal share for each of "
            f"{group.size} processes. Take a multiple of {group.size}."
        )
    x, y = read(options, "train")
    keras.utils.set_random_seed(options.seed)
    with group.scope():
        model = network(options)
        refuse_what_depends_on_the_share(model)
        optimizer = keras.optimizers.Adam(options.learning_rate)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss)
        optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    checkpoint = options.output / CHECKPOINT
    curve: list[float] = []
    if options.resume:
        if not checkpoint.is_file():
            raise SystemExit(f"There is no {checkpoint} to resume from.")
        with group.scope():
            curve = checkpoints.load(checkpoint, variables)["curve"]
    for epoch in range(len(curve), options.epochs):
        order = np.random.default_rng([options.seed, epoch]).permutation(len(x))
        losses = []
        for start in range(0, len(x) - options.batch_size + 1, options.batch_size):
            share = order[start : start + options.batch_size][group.rank :: group.size]
            losses.append(group.step(model, x[share], y[share]))
        curve.append(float(np.mean(losses)))
        if group.rank == 0:
            checkpoints.save(checkpoint, variables, {"curve": curve})
            told = f"Epoch {epoch + 1} of {options.epochs}: loss {curve[-1]:.6f}"
            print(told, flush=True)
    return curve


def accuracy(options: argparse.Namespace) -> float:
    """The test accuracy of the checkpoint, in this process alone."""
    if keras.backend.backend() == "jax":
        keras.distribution.set_distribution(None)
    x, y = read(options, "test")
    model = network(options)
    with np.load(options.output / CHECKPOINT) as saved:
        count = len(model.variables)
        model.set_weights([saved[f"arr_{index}"] for index in range(count)])
    return float((model.predict(x, verbose=0).argmax(-1) == y).mean())


def launch(options: argparse.Namespace, argv: Sequence[str]) -> None:
    """Starts all processes on this machine, and ends all if one dies."""
    hosts = []
    for _ in range(options.processes):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            hosts.append(f"localhost:{free.getsockname()[1]}")
    command = [sys.executable, "-m", "examples.distributed", *argv, "--hosts", *hosts]
    started = [
        subprocess.Popen([*command, "--process-id", str(number)])
        for number in range(options.processes)
    ]
    try:
        while any(process.poll() is None for process in started):
            time.sleep(0.05)
            for number, process in enumerate(started):
                if process.poll():
                    code = process.returncode
                    how = signal.Signals(-code).name if code < 0 else f"code {code}"
                    raise SystemExit(
                        f"Process {number} of {len(started)} ended with {how}, and the "
                        "others were stopped. The same command with --resume goes on "
                        "after the last checkpoint."
                    )
    finally:
        for process in started:
            process.kill()
            process.wait()


def main(argv: Sequence[str] | None = None) -> list[float]:
    """Runs what the command line asks for."""
    given = sys.argv[1:] if argv is None else list(argv)
    options = parse(given)
    several = options.processes > 1 and keras.backend.backend() != "torch"
    if several and options.process_id is None:
        launch(options, given)
        return []
    group = connect(options)
    if group.size > 1:
        # A line in one piece, which `print` does not write where nothing is buffered:
        # the processes share an output.
        told = f"Process {group.rank} of {group.size} has id {os.getpid()}\n"
        print(told, end="", flush=True)
    curve = train(options, group)
    if group.rank == 0 and options.test_samples:
        print(f"Test accuracy {accuracy(options):.3f}")
    group.close()
    return curve


if __name__ == "__main__":
    main()
