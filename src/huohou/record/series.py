"""Series of numbers in the store, and the pyramid that makes long ones quick to draw.

Level k of the pyramid has one row for every 8**k steps of a series in a process life (seg): how
many points, the smallest, the largest, the sum and the last. It grows as points arrive. A chart
of a million points reads the level that has one to eight times the rows it draws; the ends of the
range, which cut through a row's steps, are read from the points themselves, so the answer is
exact: every point of the range is in exactly one bucket.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select

from huohou.record import bulk
from huohou.record.schema import metric_levels, metrics

FACTOR = 8
LEVELS = 8  # 8**8 steps a row: a run of 10**10 steps still has few rows on top
# A value beyond this counts as this in a sum: so no sum of 10**16 of them is beyond every float,
# which is an error in PostgreSQL.
MOST = 1e290

_PACKED = {math.inf: "Infinity", -math.inf: "-Infinity"}
_FLAGS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_VALUES = ("n", "nans", "finite", "min", "max", "sum", "last", "last_step")
_Key = tuple[int, int, str, int, int]  # job, level, name, seg, bucket


@dataclass(slots=True)
class Series:
    """A series as buckets, in order of seg and step.

    step: step of the bucket's last point; last: its value; min, max: of the values that are no
    NaN (NaN when all are); mean: of the finite values (NaN when there are none); n: points in the
    bucket; nans: how many of them are NaN. A bucket of one point (n = 1) is that point.
    """

    name: str
    seg: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    min: list[float] = field(default_factory=list)
    max: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    mean: list[float] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    nans: list[int] = field(default_factory=list)

    def add(self, seg: int, bucket: "Bucket") -> None:
        """Append a bucket."""
        self.seg.append(seg)
        self.step.append(bucket.last_step)
        self.min.append(math.nan if bucket.min is None else bucket.min)
        self.max.append(math.nan if bucket.max is None else bucket.max)
        self.last.append(bucket.last)
        self.mean.append(bucket.sum / bucket.finite if bucket.finite else math.nan)
        self.n.append(bucket.n)
        self.nans.append(bucket.nans)


@dataclass(slots=True)
class Bucket:
    """Points of some steps. min and max are None when all are NaN; finite: values that are
    neither NaN nor infinite, sum: theirs."""

    n: int
    nans: int
    finite: int
    min: float | None
    max: float | None
    sum: float
    last: float
    last_step: int

    @staticmethod
    def of(value: float, step: int) -> "Bucket":
        """The bucket of one point."""
        if -MOST <= value <= MOST:
            return Bucket(1, 0, 1, value, value, value, value, step)
        if math.isnan(value):
            return Bucket(1, 1, 0, None, None, 0.0, value, step)
        finite = math.isfinite(value)
        counted = math.copysign(MOST, value) if finite else 0.0
        return Bucket(1, 0, int(finite), value, value, counted, value, step)

    def merge(self, later: "Bucket") -> None:
        """Take in a bucket that came later."""
        self.n += later.n
        self.nans += later.nans
        self.finite += later.finite
        self.sum += later.sum
        if later.min is not None and (self.min is None or later.min < self.min):
            self.min = later.min
        if later.max is not None and (self.max is None or later.max > self.max):
            self.max = later.max
        if later.last_step >= self.last_step:
            self.last, self.last_step = later.last, later.last_step

    def copy(self) -> "Bucket":
        """One of its own."""
        counts = self.n, self.nans, self.finite
        return Bucket(*counts, self.min, self.max, self.sum, self.last, self.last_step)


def pack(value: float) -> dict[str, Any]:
    """Columns value and flag of a number."""
    if math.isfinite(value):
        return {"value": value, "flag": None}
    return {"value": None, "flag": _PACKED.get(value, "NaN")}


def unpack(value: float | None, flag: str | None) -> float:
    """The number of the columns value and flag."""
    if flag:
        return _FLAGS[flag]
    return math.nan if value is None else value


def raise_pyramid(connection: Connection, points: Iterable[Mapping[str, Any]]) -> None:
    """Add new points (rows of ``metrics``) to every level."""
    grown: dict[_Key, Bucket] = {}
    for point in points:
        key = (point["job_id"], 1, point["name"], point["seg"], point["step"] // FACTOR)
        content = Bucket.of(unpack(point["value"], point["flag"]), point["step"])
        known = grown.get(key)
        if known is None:
            grown[key] = content
        else:
            known.merge(content)
    level = grown
    for height in range(2, LEVELS + 1):
        above: dict[_Key, Bucket] = {}
        for (job, _, name, seg, bucket), content in level.items():
            key = (job, height, name, seg, bucket // FACTOR)
            known = above.get(key)
            if known is None:
                above[key] = content.copy()
            else:
                known.merge(content)
        grown = grown | above
        level = above
    if grown:
        _upsert(connection, grown)


def _upsert(connection: Connection, grown: dict[_Key, Bucket]) -> None:
    keys = ("job_id", "level", "name", "seg", "bucket")
    rows = [
        dict(zip(keys, key, strict=True)) | {name: getattr(content, name) for name in _VALUES}
        for key, content in grown.items()
    ]
    bulk.insert(connection, metric_levels, rows, _MERGED)


# Bucket.merge in SQL.
_MERGED = """(job_id, level, name, seg, bucket) DO UPDATE SET
n = o.n + excluded.n, nans = o.nans + excluded.nans, finite = o.finite + excluded.finite,
sum = o.sum + excluded.sum,
min = CASE WHEN o.min IS NULL OR excluded.min < o.min THEN excluded.min ELSE o.min END,
max = CASE WHEN o.max IS NULL OR excluded.max > o.max THEN excluded.max ELSE o.max END,
last = CASE WHEN excluded.last_step >= o.last_step THEN excluded.last ELSE o.last END,
last_step = CASE WHEN excluded.last_step >= o.last_step THEN excluded.last_step
            ELSE o.last_step END"""

Tops = dict[str, dict[int, int]]  # of each series, of each seg: points


def tops(connection: Connection, job: int) -> Tops:
    """What series a job has, by name, and how many points each has in each process life."""
    c = metric_levels.c
    query = select(c.name, c.seg, func.sum(c.n)).where(c.job_id == job, c.level == LEVELS)
    found: Tops = {}
    for name, seg, n in connection.execute(query.group_by(c.name, c.seg)):
        found.setdefault(name, {})[seg] = int(n)
    return dict(sorted(found.items()))


def names(connection: Connection, job: int) -> list[str]:
    """Names of a job's series, sorted."""
    return list(tops(connection, job))


def read(
    connection: Connection,
    job: int,
    name: str,
    *,
    points: int = 1000,
    lo: int | None = None,
    hi: int | None = None,
    segs: Iterable[int] | None = None,
) -> Series:
    """A series between two steps (both included) in at most about `points` buckets a segment.

    Where the range has no more than `points` points they come as they are. segs: the process
    lives it has points in, where that is known already.
    """
    found = Series(name)
    lives = tops(connection, job).get(name, ()) if segs is None else segs
    spans = {seg: span(connection, job, name, seg) for seg in lives}
    low = min((first for first, _ in spans.values()), default=0) if lo is None else lo
    high = max((last for _, last in spans.values()), default=-1) if hi is None else hi
    for seg, (first, last) in sorted(spans.items()):
        reader = _Reader(connection, job, name, seg)
        for bucket in reader.buckets(max(low, first), min(high, last), max(points, 1)):
            found.add(seg, bucket)
    return found


def span(connection: Connection, job: int, name: str, seg: int) -> tuple[int, int]:
    """First and last step of a series in a process life that has points of it."""
    m = metrics.c
    mine = (m.job_id == job) & (m.name == name) & (m.seg == seg)
    first, last = (
        connection.execute(select(end(m.step)).where(mine)).scalar_one()
        for end in (func.min, func.max)  # one a query: the index answers each at once
    )
    return first, last


class _Reader:
    """Reads one series of one segment."""

    def __init__(self, connection: Connection, job: int, name: str, seg: int) -> None:
        self._connection = connection
        self._place = {"job_id": job, "name": name, "seg": seg}

    def buckets(self, low: int, high: int, points: int) -> list[Bucket]:
        """Buckets that hold each point from low to high once."""
        if low > high:
            return []
        level = 0
        while (high - low + 1) // FACTOR**level > FACTOR * points and level < LEVELS:
            level += 1
        rows = self._rows(level, low, high)
        if level and sum(row.n for row in rows) <= points:
            rows = self._rows(0, low, high)
        return rows if len(rows) <= points else _gather(rows, low, high, points)

    def _rows(self, level: int, low: int, high: int) -> list[Bucket]:
        width = FACTOR**level
        first, end = -(-low // width), (high + 1) // width  # rows that lie inside whole
        if level == 0 or first >= end:
            return self._raw(low, high)
        return [
            *self._raw(low, first * width - 1),
            *self._level(level, first, end),
            *self._raw(end * width, high),
        ]

    def _raw(self, low: int, high: int) -> list[Bucket]:
        if low > high:
            return []
        m = metrics.c
        query = select(m.step, m.value, m.flag).filter_by(**self._place)
        query = query.where(m.step.between(low, high)).order_by(m.step, m.line)
        rows = self._connection.execute(query)
        return [Bucket.of(unpack(value, flag), step) for step, value, flag in rows]

    def _level(self, level: int, first: int, end: int) -> list[Bucket]:
        c = metric_levels.c
        query = select(*(c[name] for name in _VALUES)).filter_by(**self._place)
        query = query.where(c.level == level, c.bucket >= first, c.bucket < end)
        rows: Sequence[Any] = self._connection.execute(query.order_by(c.bucket)).all()
        return [Bucket(*row) for row in rows]


def _gather(rows: list[Bucket], low: int, high: int, points: int) -> list[Bucket]:
    width = -(-(high - low + 1) // points)
    gathered: dict[int, Bucket] = {}
    for row in rows:
        place = (row.last_step - low) // width
        known = gathered.get(place)
        if known is None:
            gathered[place] = row  # made for this answer alone
        else:
            known.merge(row)
    return list(gathered.values())
