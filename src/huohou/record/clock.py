"""When each step of a run was done: a few knots of the clock instead of every point's time.

Between two knots time and epoch go on as a straight line. A run of a million steps is told by
some hundred of them, found through the pyramid's rows: nothing else of it is read.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from huohou.record import series
from huohou.record.schema import metric_levels, metrics
from huohou.record.series import FACTOR, LEVELS, Tops


class Knot(NamedTuple):
    """A step of a process life. t: unix seconds, epoch: passes over the rows, None where the log
    does not say; line: byte of events.jsonl."""

    seg: int
    step: int
    t: float | None
    epoch: float | None
    line: int


@dataclass(frozen=True, slots=True)
class _Life:
    """The series of one process life."""

    connection: Connection
    job: int
    seg: int

    def knots(self, counts: dict[str, int], points: int) -> set[Knot]:
        """Knots of the series with the most points, every point of the short ones (evaluations),
        and where each of the others begins and ends."""
        densest = max(counts, key=lambda name: (counts[name], name == "loss"))
        found = set(self._thinned(densest, counts[densest], points))
        for name, n in counts.items():
            if name != densest:
                short = n <= points // 8
                found |= set(self._all(name) if short else self._ends(name))
        return found

    def _thinned(self, name: str, n: int, points: int) -> list[Knot]:
        first, last = series.span(self.connection, self.job, name, self.seg)
        level = 0
        while (last - first + 1) // FACTOR**level > 2 * points and level < LEVELS:
            level += 1
        if n <= points or level == 0:
            rows = self._all(name)
        else:
            rows = [*self._ends(name), *self._level(name, level)]
        rows.sort(key=lambda knot: (knot.step, knot.line))
        stride = -(-len(rows) // points)
        return [*rows[:1], *rows[1:-1:stride], *rows[-1:]]

    def _all(self, name: str) -> list[Knot]:
        m = metrics.c
        query = select(m.step, m.t, m.epoch, m.line)
        return self._rows(query.where(m.job_id == self.job, m.name == name, m.seg == self.seg))

    def _level(self, name: str, level: int) -> list[Knot]:
        m, top = metrics.c, metric_levels.c
        mine = (m.job_id == self.job) & (m.name == name) & (m.seg == self.seg)
        theirs = (top.job_id == self.job) & (top.level == level)
        theirs &= (top.name == name) & (top.seg == self.seg)
        query = select(m.step, m.t, m.epoch, m.line)
        query = query.join_from(metric_levels, metrics, m.step == top.last_step)
        return self._rows(query.where(mine & theirs))

    def _ends(self, name: str) -> list[Knot]:
        m = metrics.c
        ends = series.span(self.connection, self.job, name, self.seg)
        query = select(m.step, m.t, m.epoch, m.line).where(m.job_id == self.job, m.name == name)
        return self._rows(query.where(m.seg == self.seg, m.step.in_(ends)))

    def _rows(self, query: Select[Any]) -> list[Knot]:
        return [Knot(self.seg, *row) for row in self.connection.execute(query)]


def knots(connection: Connection, job: int, points: int = 1000) -> list[Knot]:
    """Knots of a job's clock by seg and line, about so many; short runs have every point."""
    lives: dict[int, dict[str, int]] = {}
    found: Tops = series.tops(connection, job)
    for name, segs in found.items():
        for seg, n in segs.items():
            lives.setdefault(seg, {})[name] = n
    each = max(points // max(len(lives), 1), 10)
    told = [
        knot
        for seg, counts in lives.items()
        for knot in _Life(connection, job, seg).knots(counts, each)
    ]
    return sorted(told, key=lambda knot: (knot.seg, knot.line, knot.step))
