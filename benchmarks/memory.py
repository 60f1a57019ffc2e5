"""The memory of one training step, each in a fresh process.

On a CPU it is the peak of the resident size during the step over the resident
size before; on an accelerator the same of the bytes that the backend allocated.
What is compiled is compiled before; a first step at T = 2 loads the libraries.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import peers, speed, steps
from benchmarks.peers import Sizes
from benchmarks.reference import ROOT
from benchmarks.steps import Backend

STATUS = Path("/proc/self/status")
REFERENCES = Path("/proc/self/clear_refs")


def resident() -> tuple[int, int]:
    """The resident bytes now and at most so far.

    Where there is no /proc (macOS) the peak stands for both.
    """
    if STATUS.exists():
        # The peak of `getrusage` starts at that of the parent process.
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        now, peak = (int(lines[key].split()[0]) for key in ("VmRSS", "VmHWM"))
        return 1024 * now, 1024 * peak
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak, peak


def forget_peak() -> bool:
    """Lets the peak start anew from here, which Linux can; whether it did."""
    try:
        REFERENCES.write_text("5")
    except OSError:
        return False
    return True


def measure(cell: str, peer: str, sizes: Sizes, jit: bool | None) -> dict[str, Any]:
    """The memory of a peer's training step, from a child process.

    Args:
        cell: The cell's name.
        peer: The peer's name.
        sizes: Of the step.
        jit: As in `steps.backend`.

    Returns:
        A record with sizes, `bytes`, and `path` for the layer.

    Raises:
        RuntimeError: If the child process fails.
    """
    wanted = {"cell": cell, "peer": peer, "sizes": vars(sizes), "jit": jit}
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory", json.dumps(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        raise RuntimeError(f"{cell}, {peer}: no memory measured:\n{child.stderr}")
    found = json.loads(child.stdout.splitlines()[-1])
    return {"cell": cell, "peer": peer, **vars(sizes), **found}


def of_step(backend: Backend, cell: str, peer: str, sizes: Sizes) -> dict[str, Any]:
    """The memory of a peer's training step in this process."""
    few = Sizes(sizes.batch, 2, sizes.features, sizes.units)
    small = peers.build(backend, cell, peer, sizes.units, sizes.features)
    speed.ready(backend, small, "train", speed.data(few))
    layer = peers.build(backend, cell, peer, sizes.units, sizes.features)
    run = backend.train_step(layer, *speed.data(sizes))
    on_device = backend.accelerator() is not None
    usage = backend.device_memory if on_device else resident
    renewed = not on_device and forget_peak()
    before, earlier_peak = usage()
    run()
    peak = usage()[1]
    found: dict[str, Any] = {
        "bytes": peak - before,
        "bytes_before": before,
        # An earlier peak that was not passed hides the step's own.
        "is_bound": not renewed and peak == earlier_peak,
    }
    if peer.startswith("layer"):
        found["path"] = peers.path(layer)
    return found


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    print(
        json.dumps(
            of_step(
                steps.backend(wanted["jit"]),
                wanted["cell"],
                wanted["peer"],
                Sizes(**wanted["sizes"]),
            )
        )
    )
