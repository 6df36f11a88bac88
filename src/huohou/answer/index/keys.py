"""From a text to the rows that carry it: sorted hashes on disk, looked up by bisection.

A hash may be shared by two texts, once in 10^13 pairs; whoever asks compares the row's own text.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def _hashed(kind: str, text: str) -> int:
    digest = blake2b(f"{kind}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class Keys:
    """Texts of several kinds (a row's name, its value, its short forms) to row numbers."""

    def __init__(self, folder: Path) -> None:
        self._hashes: NDArray[Any] = np.asarray(np.load(folder / "keys.npy", mmap_mode="r"))
        self._rows: NDArray[Any] = np.asarray(np.load(folder / "rows_of_keys.npy", mmap_mode="r"))

    def rows(self, kind: str, text: str) -> list[int]:
        """Row numbers, rising."""
        wanted = np.uint64(_hashed(kind, text))
        first = int(np.searchsorted(self._hashes, wanted, "left"))
        last = int(np.searchsorted(self._hashes, wanted, "right"))
        return sorted({int(row) for row in self._rows[first:last]})

    def rows_of_any(self, kind: str, texts: Sequence[str]) -> list[int]:
        """Row numbers of all rows that carry one of the texts, rising."""
        wanted = np.array([_hashed(kind, text) for text in texts], dtype=np.uint64)
        first = np.searchsorted(self._hashes, wanted, "left")
        last = np.searchsorted(self._hashes, wanted, "right")
        found: set[int] = set()
        for i in np.flatnonzero(last > first):
            found.update(int(row) for row in self._rows[first[i] : last[i]])
        return sorted(found)


def write_keys(folder: Path, carried: Iterable[tuple[str, str, int]]) -> None:
    """Kind, text and row number of everything that can be looked up."""
    hashes: list[int] = []
    rows: list[int] = []
    for kind, text, row in carried:
        hashes.append(_hashed(kind, text))
        rows.append(row)
    sorted_hashes = np.array(hashes, dtype=np.uint64)
    order = np.argsort(sorted_hashes, kind="stable")
    np.save(folder / "keys.npy", sorted_hashes[order])
    np.save(folder / "rows_of_keys.npy", np.array(rows, dtype=np.uint32)[order])
