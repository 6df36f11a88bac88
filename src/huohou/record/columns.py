"""Series of a Record as columns: a million values in numpy arrays that behave as points.

A ``Series`` is a sequence of ``Point``s that makes a point only when it is asked for one. What
looks at all values uses ``values``, ``steps`` and the other columns: NaN there is a value in
``values`` and "the log does not say" everywhere else.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Marks = NDArray[np.bool_]
Places = Floats | Indices

_EXACT = 2.0**53  # whole numbers up to here are exact in float64
_PASSES, _SECONDS = 1e9, 1e15  # no run has more, and no clock shows more, in whatever unit
_BLOCK = 4096  # points made at once when a series is gone through: who stops early pays little


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series. value may be NaN or infinite: those are values, not gaps.

    step: optimizer updates done, None where a log counts epochs only; seg: process life it was
    written in; line: where in the source it stands.
    """

    value: float
    step: int | None = None
    epoch: float | None = None
    t: float | None = None
    seg: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Where the rows of a log stand: one number a row and column, NaN where it is not known.

    Several series share them: a row of a log has many values and one place. Whole numbers are
    kept as float64, exact up to 2**53, or as int32 where all are known and small: half as much.
    A step, pass or time that none can be, as an infinite one, is not known.
    """

    step: Places
    epoch: Floats
    t: Floats
    seg: Places
    line: Places

    def __post_init__(self) -> None:
        for name, most in (("step", _EXACT), ("epoch", _PASSES), ("t", _SECONDS)):
            object.__setattr__(self, name, _within(getattr(self, name), most))


class Series(Sequence[Point]):
    """Points of one name in the order of the log; never changed once made.

    values: float64, one a point; rows, at: the rows of the log and which of them each point
    stands in. Equal to any sequence of the same points; NaN equals NaN here.
    """

    __slots__ = ("_begin", "_end", "_every", "_rows", "_values")

    def __init__(
        self, values: Floats, rows: Rows, at: Indices, span: tuple[int, int] | None = None
    ) -> None:
        """span: the part of values and at that is meant. Many short series share two arrays so."""
        self._begin, self._end = span or (0, len(values))
        self._values = values
        if values.flags.writeable:
            self._values = values.view()
            self._values.flags.writeable = False
        self._rows = rows
        self._every = at

    @property
    def values(self) -> Floats:
        """The values, NaN where the log has NaN."""
        return self._values[self._begin : self._end]

    @property
    def _at(self) -> Indices:
        return self._every[self._begin : self._end]

    @classmethod
    def of(cls, points: Iterable[Point]) -> "Series":
        """The series of these points; a Series is given back as it is."""
        if isinstance(points, cls):
            return points
        listed = list(points)
        columns = (
            _column(getattr(point, name) for point in listed)
            for name in ("step", "epoch", "t", "seg", "line")
        )
        values = np.array([p.value for p in listed], dtype=np.float64)
        return cls(values, Rows(*columns), np.arange(len(listed), dtype=np.int32))

    @property
    def steps(self) -> Floats:
        """Optimizer updates done at each point, NaN where the log does not say."""
        return _floats(self._rows.step[self._at])

    @property
    def epochs(self) -> Floats:
        """Passes over the data at each point, NaN where the log does not say."""
        return self._rows.epoch[self._at]

    @property
    def times(self) -> Floats:
        """Unix seconds of each point, NaN where the log does not say."""
        return self._rows.t[self._at]

    @property
    def segs(self) -> Floats:
        """Process life of each point."""
        return _floats(self._rows.seg[self._at])

    @property
    def lines(self) -> Floats:
        """Line of each point in the source, NaN where it has none."""
        return _floats(self._rows.line[self._at])

    @property
    def places(self) -> Floats:
        """Where each point stands: its step, else its epoch, else before everything (-inf)."""
        steps, epochs = self.steps, self.epochs
        found = np.where(np.isnan(steps), epochs, steps)
        found[np.isnan(found)] = -math.inf
        return found

    def take(self, which: Marks | NDArray[np.intp]) -> "Series":
        """The points that are marked, or that stand at these indices."""
        return Series(self.values[which], self._rows, self._at[which])

    def lives(self, least: int = 1) -> "list[Series]":
        """The points of each process life, in order of appearance; least: points of a life that
        counts."""
        _, first, which, counts = np.unique(
            self.segs, return_index=True, return_inverse=True, return_counts=True
        )
        parts = np.split(np.argsort(which, kind="stable"), np.cumsum(counts)[:-1])
        long = [life for life in np.argsort(first).tolist() if counts[life] >= least]
        return [self.take(parts[life]) for life in long]

    def __len__(self) -> int:
        return self._end - self._begin

    @overload
    def __getitem__(self, index: int) -> Point: ...
    @overload
    def __getitem__(self, index: slice) -> "Series": ...
    def __getitem__(self, index: int | slice) -> "Point | Series":
        if isinstance(index, slice):
            return Series(self.values[index], self._rows, self._at[index])
        value, row, at = float(self.values[index]), int(self._at[index]), self._rows
        step, epoch, t, seg, line = (
            float(column[row]) for column in (at.step, at.epoch, at.t, at.seg, at.line)
        )
        return Point(value, _whole(step), _known(epoch), _known(t), int(seg), _whole(line))

    def __iter__(self) -> Iterator[Point]:
        for begin in range(0, len(self), _BLOCK):
            part = self[begin : begin + _BLOCK]
            steps, lines = _optional(part.steps, int), _optional(part.lines, int)
            epochs, times = _optional(part.epochs), _optional(part.times)
            segs = part.segs.astype(np.int64).tolist()
            yield from map(Point, part.values.tolist(), steps, epochs, times, segs, lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        if len(self) != len(other):
            return False
        if not isinstance(other, Series):
            if not all(isinstance(point, Point) for point in other):
                return False
            other = Series.of(other)
        return all(
            np.array_equal(mine, theirs, equal_nan=True)
            for mine, theirs in zip(self._columns(), other._columns(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3]))
        return f"Series({len(self)} points: {shown}{', ...' if len(self) > 3 else ''})"

    def _columns(self) -> tuple[Floats, ...]:
        return self.values, self.steps, self.epochs, self.times, self.segs, self.lines


def _column(values: Iterable[float | None]) -> Floats:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _within(column: Places, most: float) -> Places:
    """The column, NaN where it is farther from 0 than most."""
    ends = [end.reduce(column) for end in (np.fmin, np.fmax)] if len(column) else [0.0]
    if not max(map(abs, ends)) > most:
        return column
    return np.where(np.abs(column) <= most, column, np.nan)


def _floats(column: Places) -> Floats:
    return column.astype(np.float64, copy=False)


def _optional(column: Floats, kind: Callable[[float], Any] = float) -> list[Any]:
    """A column as Python's numbers, None where it is not known."""
    return [None if value != value else kind(value) for value in column.tolist()]  # noqa: PLR0124


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


EMPTY = Series.of(())
