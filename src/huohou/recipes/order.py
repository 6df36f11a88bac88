"""The order in which rows are trained: fixed by seed and epoch alone.

The same on every machine and after a resume; an update is known by its place in the epoch.
"""

import random
from collections.abc import Iterator


def epoch_order(rows: int, seed: int, epoch: int) -> list[int]:
    """A permutation of range(rows)."""
    order = list(range(rows))
    random.Random(f"{seed}:{epoch}").shuffle(order)
    return order


def updates_of(order: list[int], batch_size: int) -> list[list[int]]:
    """The rows of each update; the last may be short.

    >>> updates_of([3, 1, 2], 2)
    [[3, 1], [2]]
    """
    return [order[k : k + batch_size] for k in range(0, len(order), batch_size)]


class EpochOrder:
    """A sampler for torch's DataLoader. The trainer calls set_epoch before each pass."""

    def __init__(self, rows: int, seed: int) -> None:
        self.rows, self.seed, self.epoch = rows, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the pass whose order is given next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        return iter(epoch_order(self.rows, self.seed, self.epoch))
