"""A Record as the events it would have been written with."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import merge

from huohou.record.events import Event
from huohou.record.record import Point, Record

# Names that an event keeps for itself; a series that is called so gets a dash behind its name.
_TAKEN = frozenset({"t", "seg", "kind", "step", "epoch", "line"})
_Row = tuple[int, int | None, int | None, float | None, str]


def as_events(record: Record, have: Mapping[str, int] | None = None) -> list[Event]:
    """Metrics and evaluations of a record, one event a row of the log, in the log's order.

    have: points of each series that are left out at its begin, because they are known.
    Header and place (t, step, epoch, line in the log) are None where the log does not say.
    """
    rows: dict[_Row, Event] = {}
    known = have or {}
    parts = [_numbered(name, points, known.get(name, 0)) for name, points in record.series.items()]
    for _, _, name, point in merge(*parts, key=lambda part: part[:2]):
        kind = "eval" if name.startswith("eval_") else "metrics"
        row = (point.seg, point.line, point.step, point.epoch, kind)
        if row not in rows:
            place = {"step": point.step, "epoch": point.epoch, "line": point.line}
            rows[row] = {"t": point.t, "seg": point.seg, "kind": kind, **place}
        rows[row][f"{name}_" if name in _TAKEN else name] = point.value
    return list(rows.values())


def _numbered(
    name: str, points: Sequence[Point], known: int
) -> Iterator[tuple[int, float, str, Point]]:
    """Points with what orders them across series: process life, then line, else step."""
    for point in points[known:]:
        at = point.line if point.line is not None else point.step
        yield point.seg, -1.0 if at is None else at, name, point
