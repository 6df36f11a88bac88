"""Workers that train one model together: who they are, and what they add up.

Every worker goes through the same updates in the same order, computes its share of each and adds
its gradient to the others' (the sum, not a mean: a share is already a part of the update's loss).
So the weights stay the same everywhere and an update is what one process would have computed, up to
the order of summation. ``torch.distributed`` carries the sums; who starts the workers does not
matter. One process is a team of one, for which nothing is sent.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor

from huohou.errors import RunFailedError

T = TypeVar("T")

# Numbers of a gradient that are sent at once: large enough that a message's start costs nothing,
# small enough that the copy does not double what a large model holds.
AT_ONCE = 1 << 24
# Seconds that the others wait while one worker evaluates or writes.
PATIENCE = timedelta(hours=4)
# What a launcher tells its workers. Afterwards each is alone as far as libraries can see:
# accelerate would otherwise deal rows and average gradients a second time.
LAUNCHER = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK"),
    *("NODE_RANK", "ACCELERATE_TORCH_DEVICE"),
)


@dataclass(slots=True)
class Spent:
    """Seconds of this process: waiting until the other workers are as far, and sending."""

    waiting: float = 0.0
    sending: float = 0.0

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count what is done here as one of the two."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, what, getattr(self, what) + time.perf_counter() - begun)


spent = Spent()


@dataclass(frozen=True, slots=True)
class Team:
    """rank: this worker, from 0; size: how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the worker that records and saves."""
        return self.rank == 0

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over the workers, in place."""
        if self.size > 1:
            self.wait()
            with spent.on("sending"):
                distributed.all_reduce(value)
        return value

    def sums(self, values: Sequence[float]) -> list[float]:
        """Sums of some numbers over the workers."""
        if self.size == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.float64, device=_device())
        with spent.on("waiting"):  # so little is sent that all else is waiting
            distributed.all_reduce(found)
        return [float(one) for one in found.tolist()]

    def any(self, flag: bool) -> bool:
        """Whether it is so for any worker; all have to ask."""
        if self.size == 1:
            return flag
        return self.sums([float(flag)])[0] > 0

    def told(self, value: T) -> T:
        """The first worker's value, for all."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def all(self, value: T) -> list[T]:
        """Every worker's value, by rank."""
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, value)
        return found

    def wait(self) -> None:
        """Until all workers are here."""
        if self.size > 1:
            with spent.on("waiting"):
                distributed.barrier()

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """The first worker goes ahead; the others find what it left."""
        if not self.leads:
            self.wait()
        yield
        if self.leads:
            self.wait()

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Each parameter's gradient becomes the sum over the workers.

        One that no worker has a gradient of keeps none; those of what is split are summed already.
        """
        if self.size == 1:
            return
        for bucket in _buckets([p for p in parameters if _whole(p)]):
            there = [float(p.grad is not None) for p in bucket]
            flat = torch.cat([*(_flat(p) for p in bucket), bucket[0].new_tensor(there)])
            self.total(flat)
            *parts, counted = flat.split([*(p.numel() for p in bucket), len(bucket)])
            for p, part, count in zip(bucket, parts, counted.tolist(), strict=True):
                if count:
                    p.grad = part.view_as(p).clone()

    def gathered(self, value: Tensor) -> list[Tensor]:
        """A tensor of the same shape from every worker, by rank; without a gradient."""
        boxes = [torch.empty_like(value) for _ in range(self.size)]
        self.wait()
        with spent.on("sending"):
            distributed.all_gather(boxes, value)
        return boxes

    def check_same(self, parameters: Iterable[Tensor]) -> None:
        """Raise RunFailedError where the workers' weights are not the same any more.

        Of what is split there is one of each, and nothing to compare.
        """
        if self.size == 1:
            return
        sums = [p.detach().double().sum() for p in parameters if _whole(p)]
        # as text, for NaN is not NaN: weights that diverged alike are the same
        found = str(torch.stack(sums).cpu().tolist() if sums else [])
        if any(one != found for one in self.all(found)):
            raise RunFailedError("team.differ")


def _whole(parameter: Tensor) -> bool:
    """Whether a parameter is trained by every worker in whole."""
    return parameter.requires_grad and not isinstance(parameter, DTensor)


def _flat(parameter: Tensor) -> Tensor:
    found = parameter.grad
    return parameter.new_zeros(parameter.numel()) if found is None else found.reshape(-1)


def _buckets(parameters: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Parameters in their order in parts that are sent at once, each of one type."""
    bucket: list[Tensor] = []
    size = 0
    for p in parameters:
        if bucket and (size + p.numel() > AT_ONCE or p.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(p)
        size += p.numel()
    if bucket:
        yield bucket


def _device() -> str:
    """Where what is sent must lie."""
    return "cuda" if distributed.get_backend() == "nccl" else "cpu"


def here() -> Team:
    """The team of this process."""
    if distributed.is_available() and distributed.is_initialized():
        return Team(distributed.get_rank(), distributed.get_world_size())
    return Team()


def join(device: str) -> Team:
    """Become a worker of the team that a launcher (torchrun) told of in the environment.

    device: of the plan, ``cpu`` or ``cuda``. Several workers of a machine have a GPU each.
    """
    kind = device.split(":", maxsplit=1)[0]
    if kind == "cuda":
        own_gpu(int(os.environ["LOCAL_RANK"]))
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    # torchrun keeps its store over a restart, with the addresses of the dead workers in it
    lives = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    distributed.init_process_group(
        "nccl" if kind == "cuda" else "gloo",
        store=PrefixStore(f"life-{lives}", store),
        rank=rank,
        world_size=size,
        timeout=PATIENCE,
    )
    hide()
    return here()


def own_gpu(local_rank: int) -> None:
    """Let this process see one GPU only: the plan's device then is the same for every worker."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = seen.split(",") if seen else [str(i) for i in range(local_rank + 1)]
    os.environ["CUDA_VISIBLE_DEVICES"] = names[local_rank % len(names)]


def hide() -> None:
    """Forget what the launcher told: see ``LAUNCHER``."""
    for name in LAUNCHER:
        os.environ.pop(name, None)


def share(costs: Sequence[float], workers: int) -> list[list[int]]:
    """Places of some pieces of work by worker, so that the largest sum is small: each piece, the
    largest first, goes to whoever has least (Graham, 1969: at most 4/3 of the best).

    >>> share([5, 3, 3, 2], 2)
    [[0, 3], [1, 2]]
    """
    found: list[list[int]] = [[] for _ in range(workers)]
    sums = [0.0] * workers
    for i in sorted(range(len(costs)), key=lambda i: -costs[i]):
        least = min(range(workers), key=lambda w: sums[w])
        found[least].append(i)
        sums[least] += costs[i]
    return [sorted(places) for places in found]
