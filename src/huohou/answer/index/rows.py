"""The rows on disk: read one by one from a mapped file, never all in memory."""

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

HASH_BYTES = 16  # of a row's sha256: 155,000 rows share one by chance once in 10^28 tables


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is stored.

    cells: the whole row in the order of the table's columns; form: canonical form of its name;
    tail: the end of that form which tells it from others of the same institution and place;
    context: canonical forms of its other cells that are words, blank between.
    """

    cells: tuple[str, ...]
    form: str
    tail: str
    context: str


def row_hash(cells: Sequence[str]) -> bytes:
    """What makes two rows the same: all their cells in order."""
    return sha256(orjson.dumps(list(cells))).digest()[:HASH_BYTES]


class Rows:
    """The rows of one segment."""

    def __init__(self, folder: Path) -> None:
        self._ends: NDArray[Any] = np.asarray(np.load(folder / "ends.npy", mmap_mode="r"))
        self.hashes: NDArray[Any] = np.load(folder / "hashes.npy", mmap_mode="r")
        with (folder / "rows.jsonl").open("rb") as file:
            self._text: mmap.mmap | bytes = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if len(self._ends) else b""
            )

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> Row:
        start = int(self._ends[number - 1]) if number else 0
        cells, form, tail, context = orjson.loads(self._text[start : int(self._ends[number])])
        return Row(tuple(cells), form, tail, context)


def write_rows(folder: Path, rows: Iterable[Row]) -> None:
    """All rows of a segment."""
    ends: list[int] = []
    hashes = bytearray()
    end = 0
    with (folder / "rows.jsonl").open("wb") as file:
        for row in rows:
            line = orjson.dumps([row.cells, row.form, row.tail, row.context]) + b"\n"
            end += file.write(line)
            ends.append(end)
            hashes += row_hash(row.cells)
    np.save(folder / "ends.npy", np.array(ends, dtype=np.int64))
    held = np.frombuffer(bytes(hashes), dtype=np.uint8).reshape(-1, HASH_BYTES)
    np.save(folder / "hashes.npy", held)
