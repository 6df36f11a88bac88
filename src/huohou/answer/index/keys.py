"""From a text to the rows that carry it: sorted hashes on disk, looked up by bisection.

A hash may be shared by two texts, once in 10^13 pairs; whoever asks compares the row's own text.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]


def _hashed(kind: str, text: str) -> bytes:
    return blake2b(f"{kind}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _numbers(hashes: bytes) -> Hashes:
    return np.frombuffer(hashes, dtype="<u8")


class Keys:
    """Texts of several kinds (a row's name, its value, its short forms) to row numbers."""

    def __init__(self, folder: Path) -> None:
        self._hashes: NDArray[Any] = np.asarray(np.load(folder / "keys.npy", mmap_mode="r"))
        self._rows: NDArray[Any] = np.asarray(np.load(folder / "rows_of_keys.npy", mmap_mode="r"))

    def rows(self, kind: str, texts: Sequence[str]) -> list[int]:
        """Row numbers of all rows that carry one of the texts, rising."""
        first, last = self._places(kind, texts)
        found: set[int] = set()
        for i in np.flatnonzero(last > first):
            found.update(int(row) for row in self._rows[first[i] : last[i]])
        return sorted(found)

    def carried(self, kind: str, texts: Sequence[str]) -> list[str]:
        """Those of the texts that some row carries."""
        first, last = self._places(kind, texts)
        return [texts[int(i)] for i in np.flatnonzero(last > first)]

    def _places(self, kind: str, texts: Sequence[str]) -> tuple[Places, Places]:
        wanted = _numbers(b"".join(_hashed(kind, text) for text in texts))
        left = np.searchsorted(self._hashes, wanted, "left")
        return left, np.searchsorted(self._hashes, wanted, "right")


class KeysWriter:
    """Collects what can be looked up, and writes it."""

    def __init__(self) -> None:
        self._hashes = bytearray()
        self._rows = array("I")

    def add(self, kind: str, text: str, row: int) -> None:
        """That a row carries a text as this kind of key."""
        self._hashes += _hashed(kind, text)
        self._rows.append(row)

    def write(self, folder: Path) -> None:
        """All of them, sorted."""
        hashes = _numbers(bytes(self._hashes))
        order = np.argsort(hashes, kind="stable")
        np.save(folder / "keys.npy", hashes[order])
        np.save(folder / "rows_of_keys.npy", np.array(self._rows, dtype=np.uint32)[order])
