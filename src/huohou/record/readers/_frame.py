"""Rows of a log put into columns, thousands at a time: for readers of long structured logs.

Rows are kept in blocks of those that have the same names, and a block is turned into numbers at
once. What is no number is not kept.
"""

import math
import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from huohou.record.columns import Floats, Indices, Marks, Places, Rows, Series
from huohou.record.readers._numbers import Column, Loose, Numbers, Sorted, indices, unknown
from huohou.record.readers._rows import MOST_NAMES, Lives, number, refuse_many, whole

Convert = Callable[[Any], float | None]
ConvertMany = Callable[[Sequence[Any]], Floats | None]

_BLOCK = 512  # rows turned into numbers at once: they stay in the fast memory
_CELLS = 16_384  # and cells at most: each is an object until then
_SHAPES = 64  # blocks that are filled at the same time, at most
_SMALL = 16  # rows of a block for which arrays do not pay
_NUMBERS = frozenset({float, int})


class Frame:
    """Rows as columns by the names that the log gives them; what has no name is left out.

    steps: whether a column of this name holds steps, whole numbers that may be written "5/20";
    words: for single names what makes a number of a cell, None where it makes none; many: the
    same for many cells at once, None where it cannot; leave: names in which no numbers are looked
    for; most: names it may have.
    limit: the 20 of the last "5/20"; counted: rows from 1, once a column has been asked for. Then
    no rows are put any more. Raises DataError for more names than that.
    """

    def __init__(
        self,
        steps: Callable[[str], bool] = lambda name: False,
        words: Mapping[str, Convert] | None = None,
        many: Mapping[str, ConvertMany] | None = None,
        leave: frozenset[str] = frozenset(),
        most: int = MOST_NAMES,
    ) -> None:
        self.limit: int | None = None
        self._steps = steps
        self._words = dict(words or {})
        self._many = dict(many or {})
        self._leave = leave | {""}
        self._most = most
        self._blocks: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        self._ids: dict[str, int] = {}
        self._numbers: dict[str, Numbers] = {}
        self._columns: dict[str, Column] = {}
        self._loose = Loose()
        self._sorted: Sorted | None = None
        self._lines = array("i")  # -1 where it is not known
        self._every: Indices = np.empty(0, np.int32)
        self._placed: Indices | None = None  # the lines, once all were put
        self.counted = self._every  # rows from 1, then too

    def add(self, line: int | None, row: Mapping[str, Any]) -> None:
        """One row by names."""
        self.put(line, tuple(row), row.values())

    def put(self, line: int | None, names: tuple[str, ...], cells: Iterable[Any]) -> None:
        """One row: a cell for each name."""
        block = self._blocks.get(names)
        if block is None:
            block = self._begin(names)
        lines = self._lines
        block.append((len(lines), *cells))
        lines.append(-1 if line is None else line)
        if len(block) >= _BLOCK or len(block) * len(names) >= _CELLS:
            self._end(names)

    def extend(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """All rows with their lines, faster than one by one."""
        blocks, lines = self._blocks, self._lines
        for line, row in rows:
            names = tuple(row)
            block = blocks.get(names)
            if block is None:
                block = self._begin(names)
            block.append((len(lines), *row.values()))
            lines.append(line)
            if len(block) >= _BLOCK or len(block) * len(names) >= _CELLS:
                self._end(names)

    def put_rows(self, lines: Sequence[int], rows: Sequence[Mapping[str, Any]]) -> None:
        """Many rows by names."""
        names = tuple(rows[0]) if rows else ()
        if len(rows) >= _SMALL and all(tuple(row) == names for row in rows):
            self.put_block(lines, names, list(zip(*(row.values() for row in rows), strict=True)))
        else:
            self.extend(zip(lines, rows, strict=True))

    def put_block(
        self, lines: Sequence[int], names: tuple[str, ...], columns: Sequence[Sequence[Any]]
    ) -> None:
        """Many rows of the same names, as columns."""
        if self._begin(names):  # rows that come first
            self._end(names)
        at = np.arange(len(self), len(self) + len(lines), dtype=np.int32)
        self._lines.extend(lines)
        for name, cells in zip(names, columns, strict=True):
            if name not in self._leave:
                self._take(name, cells, at)

    def put_columns(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """All rows at once, as columns of one length. They are numbered from 1 for lines."""
        for name, cells in columns.items():
            self._take(name, cells, np.arange(len(cells), dtype=np.int32))
            self._lines = array("i", range(1, len(cells) + 1))
        refuse_many(self._ids, self._most)

    def __len__(self) -> int:
        return len(self._lines if self._placed is None else self._placed)

    @property
    def names(self) -> list[str]:
        """All names in the order they first appear, also of columns without numbers."""
        return list(self._ids)

    @property
    def lines(self) -> Places:
        """Line of each row in the source, NaN for one that is not known."""
        self._settled()
        assert self._placed is not None
        found = self._placed
        return np.where(found < 0, math.nan, found) if (found < 0).any() else found

    def column(self, name: str) -> Column:
        """Numbers of a column."""
        loose = self._settled()
        if name in self._columns:
            return self._columns[name]
        begin, end = loose.span(self._ids[name]) if name in self._ids else (0, 0)
        return loose.values[begin:end], loose.rows[begin:end]

    def series(self, name: str, rows: Rows) -> Series:
        """A column as a series. rows: where the rows of this frame stand."""
        loose = self._settled()
        if name in self._columns or name not in self._ids:
            values, at = self.column(name)
            return Series(values, rows, at)
        return Series(loose.values, rows, loose.rows, loose.span(self._ids[name]))

    def _settled(self) -> Sorted:
        """Put together what was read, once; numbers of few rows are given back."""
        if self._sorted is None:
            for names in list(self._blocks):
                self._end(names)
            self._every, self.counted, self._placed = _numbered(indices(self._lines))
            self._lines = array("i")
            self._sorted = found = self._loose.sorted(len(self._ids))
            self._loose = Loose()
            while self._numbers:
                name, numbers = self._numbers.popitem()
                begin, end = found.span(self._ids[name])
                if begin < end:
                    numbers.add(found.values[begin:end], found.rows[begin:end])
                self._columns[name] = numbers.column(self._every)
        return self._sorted

    def dense(self, *names: str) -> Floats:
        """A number for each row: of the first of these columns that has one, else NaN. It may be
        that column itself: not to be changed."""
        named = [name for name in names if len(self.column(name)[0])]
        if not named:
            return unknown(len(self))
        values, at = self.column(named[0])
        if np.array_equal(at, self._every):
            return values
        found = np.full(len(self), math.nan)
        for name in reversed(named):
            values, at = self.column(name)
            found[at] = values
        return found

    def reorder(self, order: Indices) -> None:
        """Put the rows in this order."""
        self._settled()
        assert self._placed is not None
        self._placed = self._placed[order]
        rank: Indices | None = None
        for name in self.names:
            values, at = self.column(name)
            if np.array_equal(at, self._every):
                self._columns[name] = values[order], self._every
            elif len(values):
                rank = _ranks(order) if rank is None else rank
                placed = np.argsort(rank[at], kind="stable")
                self._columns[name] = values[placed], rank[at][placed]

    def _begin(self, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
        if len(self._blocks) >= _SHAPES:
            for begun in list(self._blocks):
                self._end(begun)
        for name in names:
            if name not in self._leave:
                self._ids.setdefault(name, len(self._ids))
        refuse_many(self._ids, self._most)
        return self._blocks.setdefault(names, [])

    def _end(self, names: tuple[str, ...]) -> None:
        rows = self._blocks.pop(names)
        if len(rows) < _SMALL and len(rows) * len(names) < _CELLS:
            self._take_rows(names, rows)
            return
        at, *columns = zip(*rows, strict=True)
        where = np.array(at, dtype=np.int32)
        for name, cells in zip(names, columns, strict=True):
            if name not in self._leave:
                self._take(name, cells, where)

    def _take(self, name: str, cells: Sequence[Any], at: Indices) -> None:
        """Numbers of many cells of one column."""
        self._ids.setdefault(name, len(self._ids))
        special = self._special(name)
        if special is None:
            cells, at = _filled(cells, at)
            values = _floats(cells)
        else:
            values = self._many[name](cells) if name in self._many else None
        if values is _NO_NUMBERS and not self._steps(name):
            return
        if values is None or values is _NO_NUMBERS:
            convert = self._convert(name)
            made = [convert(cell) for cell in cells]
            at = at[[one is not None for one in made]]
            values = np.array([one for one in made if one is not None], dtype=np.float64)
        elif self._steps(name):
            good = (values >= 0) & (values == np.floor(values)) & (values < math.inf)
            values, at = (values, at) if good.all() else (values[good], at[good])
        if len(values):
            self._numbers.setdefault(name, Numbers()).add(values, at)

    def _take_rows(self, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        """Numbers of few rows, which a log has many times when hardly two rows are alike."""
        converts = [self._convert(name) for name in names]
        for row, *cells in rows:
            for name, convert, cell in zip(names, converts, cells, strict=True):
                if name not in self._leave and (value := convert(cell)) is not None:
                    self._loose.add(self._ids[name], value, row)

    def _convert(self, name: str) -> Convert:
        return self._special(name) or (self._step if self._steps(name) else number)

    def _special(self, name: str) -> Convert | None:
        """What makes a number of the cells of a column that is not just numbers."""
        return self._words.get(name)

    def _step(self, cell: Any) -> float | None:
        if isinstance(cell, str) and "/" in cell:
            self.limit = whole(cell.partition("/")[2]) or self.limit
        return whole(cell)


# In cells that are lines nothing else can be a number: words are left alone a block at a time.
_NUMBER = re.compile(
    r"^[^\S\n]*+[-+]?(?:\d++(?:\.\d*+)?|\.\d++|nan|inf)(?:e[-+]?\d++|inity)?[^\S\n]*+$",
    re.IGNORECASE | re.MULTILINE,
)
_NO_NUMBERS: Floats = np.empty(0)


def _filled(cells: Sequence[Any], at: Indices) -> tuple[Sequence[Any], Indices]:
    """The cells that are not empty."""
    if "" not in cells and None not in cells:
        return cells, at
    full = [place for place, cell in enumerate(cells) if cell is not None and cell != ""]
    return [cells[place] for place in full], at[full]


def _floats(cells: Sequence[Any]) -> Floats | None:
    """The cells as numbers; None unless every one of them is a number, or the text of one."""
    kinds = set(map(type, cells))
    try:
        if kinds <= _NUMBERS:
            return np.array(cells, dtype=np.float64)
        if kinds == {str} and "_" not in "".join(cells):
            return np.array(list(map(float, cells)))
    except (OverflowError, ValueError):  # a whole number too large for a float, words
        pass
    return _NO_NUMBERS if kinds == {str} and not _NUMBER.search("\n".join(cells)) else None


def _numbered(lines: Indices) -> tuple[Indices, Indices, Indices]:
    """All rows from 0 and from 1, and their lines: where those follow each other all three are
    parts of one array, for rows may be shorter in the file than a number is."""
    n = len(lines)
    first = int(lines[0]) if n and 0 < lines[0] <= n else 1
    numbers = np.arange(first + n, dtype=np.int32)
    follow = np.array_equal(lines, numbers[first:])
    return numbers[:n], numbers[1 : n + 1], numbers[first:] if follow else lines


def _ranks(order: Indices) -> Indices:
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return rank


def _joined(parts: list[Column]) -> Column:
    """Parts of a column as one, in the order of the rows."""
    values = np.concatenate([part for part, _ in parts] or [np.empty(0)])
    at = np.concatenate([part for _, part in parts] or [np.empty(0, np.int32)])
    if (np.diff(at) < 0).any():
        order = np.argsort(at, kind="stable")
        return values[order], at[order]
    return values, at


def lives(step: Places, epoch: Floats, begun: Marks | None = None) -> Places:
    """Process life of each row, a new one where step or epoch goes back or it is marked in begun.

    Rows whose step is not known (NaN) are compared by their epoch, as ``Collector`` does.
    """
    known = ~np.isnan(step)
    back = np.zeros(len(step), np.bool_)
    if known.all():
        back[1:] = step[1:] < step[:-1]  # a difference of infinities is none
    elif not known.any() and begun is None:
        told = ~np.isnan(epoch)
        if told.all():
            back[1:] = epoch[1:] < epoch[:-1]
        else:
            at = np.flatnonzero(told)
            back[at[1:]] = epoch[at[1:]] < epoch[at[:-1]]
    else:
        return _lives_by_row(step, epoch, begun)
    if begun is not None:
        back |= begun
    if not back.any():
        return np.broadcast_to(np.int32(0), (len(step),))
    found: Indices = np.cumsum(back, dtype=np.int32)
    return found


def _lives_by_row(step: Places, epoch: Floats, begun: Marks | None) -> Indices:
    now, found = Lives(), np.empty(len(step), np.int32)
    marks = [False] * len(step) if begun is None else begun.tolist()
    for row, (s, e, new) in enumerate(zip(step.tolist(), epoch.tolist(), marks, strict=True)):
        if new:
            now.restart()
        found[row] = now.at(None if math.isnan(s) else s, None if math.isnan(e) else e)
    return found


def series_of(
    frame: Frame, names: Mapping[str, str], rows: Rows, keep: Marks | None = None
) -> dict[str, Series]:
    """Columns as series. names: of a column to its name in the Record; where two columns have
    one name and both have a number in a row, the later counts. keep: rows that are points."""
    whole = keep is None or bool(keep.all())
    alone = whole and len(set(names.values())) == len(names)
    found = {}
    for column, name in names.items() if alone else ():
        if name and len(series := frame.series(column, rows)):
            found[name] = series
    columns: dict[str, list[str]] = {}
    for column, name in names.items() if not alone else ():
        columns.setdefault(name, []).append(column)
    for name, called in columns.items():
        parts = [frame.column(column) for column in called]
        values, at = parts[0] if len(parts) == 1 else _last(_joined(parts))
        if keep is not None and not whole:
            values, at = values[keep[at]], at[keep[at]]
        if len(values) and name:
            found[name] = Series(values, rows, at)
    return found


def _last(column: Column) -> Column:
    """The last number of each row."""
    values, at = column
    keep = np.append(np.diff(at) > 0, True) if len(at) else np.empty(0, np.bool_)
    return values[keep], at[keep]
