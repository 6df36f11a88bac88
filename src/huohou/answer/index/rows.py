"""The rows on disk: read one by one from a mapped file, never all in memory."""

import mmap
from array import array
from collections.abc import Sequence
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


class RowsWriter:
    """Writes rows one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / "rows.jsonl").open("wb")
        self._ends = array("q")
        self._hashes = bytearray()
        self._end = 0

    def add(self, row: Row) -> None:
        """The next row."""
        line = orjson.dumps([row.cells, row.form, row.tail, row.context]) + b"\n"
        self._end += self._file.write(line)
        self._ends.append(self._end)
        self._hashes += row_hash(row.cells)

    def write(self) -> None:
        """What remains to be written, after the last row."""
        self._file.close()
        np.save(self._folder / "ends.npy", np.array(self._ends, dtype=np.int64))
        held = np.frombuffer(bytes(self._hashes), dtype=np.uint8).reshape(-1, HASH_BYTES)
        np.save(self._folder / "hashes.npy", held)
