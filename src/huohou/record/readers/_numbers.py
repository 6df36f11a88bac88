"""Numbers of a log by name, kept in few bytes while it is read: as arrays, never as objects."""

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from huohou.record.columns import Floats, Indices

Column = tuple[Floats, Indices]
"""Numbers of a column and the rows they stand in, in the order of the rows."""


_SHORT = 1000  # numbers of which a copy is less than what a view keeps beside them


def floats(numbers: "array[float]") -> Floats:
    """These numbers, which are not to be changed any more."""
    if len(numbers) <= _SHORT:
        return np.array(numbers, np.float64)
    return np.frombuffer(numbers)


def indices(numbers: "array[int]") -> Indices:
    """The same of whole numbers."""
    if len(numbers) <= _SHORT:
        return np.array(numbers, np.int32)
    return np.frombuffer(numbers, np.int32)


def unknown(n: int) -> Floats:
    """A column of NaN that takes no memory."""
    return np.broadcast_to(np.float64(np.nan), (n,))


class Numbers:
    """Numbers of one column. No row is kept where every row so far has one."""

    __slots__ = ("_at", "_values")

    def __init__(self) -> None:
        self._values = array("d")
        self._at: array[int] | None = None

    def add(self, values: Floats, at: Indices) -> None:
        """Some more, and the rows they stand in, which rise."""
        n = len(self._values)
        if self._at is None and (at[0] != n or at[-1] != n + len(at) - 1):
            self._at = array("i")
            self._at.frombytes(_bytes(np.arange(n, dtype=np.int32)))
        if self._at is not None:
            self._at.frombytes(_bytes(at))
        self._values.frombytes(_bytes(values))

    def column(self, every: Indices) -> Column:
        """All of them. every: all rows of the log; shared by the columns that have them all."""
        values = floats(self._values)
        if self._at is None:
            return values, every[: len(values)]
        at = indices(self._at)
        if (at[1:] < at[:-1]).any():
            order = np.argsort(at, kind="stable")
            return values[order], at[order]
        return values, at


def _bytes(numbers: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(numbers).data.cast("B")


@dataclass(frozen=True, slots=True)
class Sorted:
    """Numbers by the number of their name, those of one name in the order of their rows. begins:
    where each name begins, and behind the last the end."""

    values: Floats
    rows: Indices
    begins: Indices

    def span(self, name: int) -> tuple[int, int]:
        """Where the numbers of a name begin and end."""
        return int(self.begins[name]), int(self.begins[name + 1])


class Loose:
    """Numbers of many names, few of each: no object for a name, which would take more than the
    file where each name is used once."""

    __slots__ = ("_names", "_rows", "_values")

    def __init__(self) -> None:
        self._names, self._rows, self._values = array("i"), array("i"), array("d")

    def add(self, name: int, value: float, row: int) -> None:
        """One more. name: its number, from 0."""
        self._names.append(name)
        self._values.append(value)
        self._rows.append(row)

    def sorted(self, names: int) -> Sorted:
        """All of them. names: how many there are. No number is added afterwards."""
        named, rows = indices(self._names), indices(self._rows)
        begins = np.zeros(names + 1, np.int32)
        np.cumsum(np.bincount(named, minlength=names), out=begins[1:])
        values = floats(self._values)
        if (named[1:] < named[:-1]).any() or (rows[1:] < rows[:-1]).any():
            order = np.lexsort((rows, named))
            values, rows = values[order], rows[order]
        values.flags.writeable = False
        return Sorted(values, rows, begins)
