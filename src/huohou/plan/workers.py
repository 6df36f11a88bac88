"""What several workers will cost, from what one process would: arithmetic, not measured."""

from typing import Any

from huohou import machine
from huohou.config import ComputeSettings
from huohou.plan.frozen import Prediction

# Bytes a second between two workers: what a 10 Gbit network carries.
BANDWIDTH = 1e9
BYTES = 4  # of a number of a gradient


def per_worker(compute: ComputeSettings, found: Prediction, device: str) -> dict[str, Any]:
    """Seconds of the run with these workers, bytes each holds at most and sends at an update.

    Workers of one machine without GPUs share its cores, so that the work takes as long as before;
    those of a cluster have cores of their own, counted as fast as this machine's. What is sent is a
    ring's: 2 (n - 1) / n of the gradient for each of n workers (Patarasuk and Yuan, 2009).
    """
    n = compute.workers
    sent = 2 * (n - 1) / n * BYTES * found.trainable_parameters
    seconds = found.seconds / _speedup(compute, device) + found.updates * sent / BANDWIDTH
    return {
        "on": compute.on,
        "workers": n,
        "seconds": seconds,
        "memory_bytes": found.memory_bytes,
        "sent_bytes": int(sent),
    }


def _speedup(compute: ComputeSettings, device: str) -> float:
    if device != "cpu":
        return compute.workers
    if compute.on == "torchrun":
        return 1.0
    return compute.workers * compute.cpus_per_worker / machine.cores()
