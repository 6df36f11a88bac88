"""What several workers will cost, from what one process would: arithmetic, not measured."""

import math
from collections.abc import Mapping
from typing import Any

from huohou import machine
from huohou.config import ComputeSettings
from huohou.errors import ConfigError
from huohou.plan.frozen import Prediction

# Bytes a second between two workers: what a 10 Gbit network carries.
BANDWIDTH = 1e9
BYTES = 4  # of a number of a gradient
ROOM = 0.9  # part of a device's memory that a plan may fill
FSDP, WHOLE = "fsdp", "none"


def per_worker(
    compute: ComputeSettings,
    found: Prediction,
    device: str,
    split: Mapping[str, int] | None = None,
    room: float = math.inf,
) -> dict[str, Any]:
    """Seconds of the run with these workers, bytes each holds at most and sends at an update.

    Workers of one machine without GPUs share its cores, so that the work takes as long as before;
    those of a cluster have cores of their own, counted as fast as this machine's. What is sent is a
    ring's: 2 (n - 1) / n of the gradient for each of n workers (Patarasuk and Yuan, 2009).

    split: what the recipe says of a model split among workers (``held``: bytes that each has a part
    of; ``gathered``: bytes put together at a time; ``tokens``: of a pass), None where it cannot be;
    room: bytes a worker may fill. Where the model is split each pass gathers its weights twice.
    """
    n = compute.workers
    how = sharding(compute, found, split, room)
    sent = 2 * (n - 1) / n * BYTES * found.trainable_parameters
    memory = {"memory_bytes": found.memory_bytes}
    if how == FSDP and split is not None:
        least = found.memory_bytes - (n - 1) * split["held"] // n + split["gathered"]
        memory = {"memory_bytes": least, "memory_whole_bytes": found.memory_bytes}
        passes = math.ceil(found.tokens_computed / max(1, found.updates) / n / split["tokens"])
        sent += 2 * (n - 1) / n * split["weights"] * max(1, passes)
    seconds = found.seconds / _speedup(compute, device) + found.updates * sent / BANDWIDTH
    return {
        "on": compute.on,
        "workers": n,
        "sharding": how,
        "seconds": seconds,
        **memory,
        "sent_bytes": int(sent),
    }


def sharding(
    compute: ComputeSettings,
    found: Prediction,
    split: Mapping[str, int] | None,
    room: float,
) -> str:
    """``fsdp`` where the workers hold the model together, ``none`` where each holds all of it.

    Raises ConfigError where it was asked for and the recipe cannot.
    """
    if compute.workers == 1 or compute.sharding == WHOLE:
        return WHOLE
    if compute.sharding == FSDP and split is None:
        raise ConfigError("plan.not_split")
    short = found.memory_bytes > room
    return FSDP if split is not None and (compute.sharding == FSDP or short) else WHOLE


def room(compute: ComputeSettings, device: str) -> float:
    """Bytes that a worker may fill: of its GPU, or of its share of this machine."""
    if device == "cuda":
        import torch

        return ROOM * torch.cuda.mem_get_info()[0]
    memory = machine.memory_bytes()
    if device != "cpu" or memory is None:
        return math.inf
    return ROOM * memory / (compute.workers if compute.on == "torchrun" else 1)


def _speedup(compute: ComputeSettings, device: str) -> float:
    if device != "cpu":
        return compute.workers
    if compute.on == "torchrun":
        return 1.0
    return compute.workers * compute.cpus_per_worker / machine.cores()
