"""Trains on torch, in two processes with `DistributedDataParallel` over gloo."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import keras
import numpy as np
import torch
from torch import distributed

from tests.data_parallel.training import (
    BATCH_SIZE,
    LEARNING_RATE,
    STEPS,
    arguments,
    train_every_row,
)


def train_in_process(rank: int, output: Path, processes: int) -> None:
    """One of the processes; the first one writes the weights."""
    # The processes share the machine's cores; more threads each would only wait.
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo",
        init_method=f"{output.resolve().as_uri()}.meeting",
        rank=rank,
        world_size=processes,
        timeout=timedelta(seconds=60),
    )
    assert distributed.get_world_size() == processes

    def train(model: keras.Model, inputs: np.ndarray, targets: np.ndarray) -> None:
        share = [torch.from_numpy(part[rank::processes]) for part in (inputs, targets)]
        seen = torch.tensor(len(share[0]))
        distributed.all_reduce(seen)
        assert seen == BATCH_SIZE
        predict = model
        if processes > 1:
            predict = torch.nn.parallel.DistributedDataParallel(model)
        optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE)
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(predict(share[0]), share[1])
            loss.backward()
            optimizer.step()

    weights = train_every_row(train)
    if rank == 0:
        np.savez(output, **weights)
    distributed.destroy_process_group()


if __name__ == "__main__":
    output, processes = arguments()
    if processes == 1:
        train_in_process(0, output, processes)
    else:
        torch.multiprocessing.spawn(
            train_in_process, args=(output, processes), nprocs=processes
        )
