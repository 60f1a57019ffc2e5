"""Where runs take place: in this process, in others, or on a cluster.

An engine takes runs from an iterator, no more at a time than it can work on, and
yields each with its result; so who hands them out may stop at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from examples.reproduce.catalog import Task
from examples.reproduce.runs import attempt

Outcome = tuple[Task, dict[str, Any] | None, str]


def in_process(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One run after the other."""
    yield from map(attempt, tasks)


def with_joblib(tasks: Iterable[Task], workers: int) -> Iterator[Outcome]:
    """In processes of this machine."""
    import joblib

    parallel = joblib.Parallel(
        n_jobs=workers,
        return_as="generator_unordered",
        pre_dispatch=workers,
        batch_size=1,
    )
    yield from parallel(joblib.delayed(attempt)(task) for task in tasks)


def with_dask(tasks: Iterable[Task], scheduler: str) -> Iterator[Outcome]:
    """On the workers of a cluster; what a dead one had is done by another."""
    from distributed import Client, as_completed

    with Client(scheduler) as client:
        threads = client.nthreads().values()
        if not threads:
            raise SystemExit(f"{scheduler} has no worker: start one, with one thread")
        if max(threads) > 1:
            raise SystemExit(
                "A worker has several threads, and runs in one process share Keras' "
                "random numbers: start it with --nthreads 1."
            )
        waiting = iter(tasks)

        def submit(task: Task) -> Any:
            # A key of its own, so that a run is one however often it is sent.
            return client.submit(attempt, task, key=task.name, pure=False)

        done = as_completed(
            [submit(task) for _, task in zip(threads, waiting, strict=False)],
            with_results=True,
        )
        for future, outcome in done:
            # A result that is here must not be made again when its worker dies.
            future.release()
            yield outcome
            for task in waiting:
                done.add(submit(task))
                break
