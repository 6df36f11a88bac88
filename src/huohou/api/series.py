"""Series of a run for charts, and what came after them. Nothing heavy is imported early."""

import contextlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from huohou.api.common import numbered
from huohou.errors import StoreError, UsageError

if TYPE_CHECKING:
    from huohou.jobs.lookup import Run
    from huohou.jobs.news import Cursor, Message, News
    from huohou.record.series import Series
    from huohou.record.store import Chart

__all__ = ["Cursor", "Message", "News", "changes", "clock", "follow", "read_cursor", "series"]

BEHIND = 1 << 20  # bytes by which the store may be behind the files when a chart is read
MOST = 10_000  # points of an answer
FAR = 1 << 22  # bytes that a reader may have missed; who missed more reads the series anew
TORN = 1 << 16  # bytes that may be one line which is being written


def series(
    number: int,
    names: Collection[str] | None = None,
    *,
    points: int = 600,
    lo: int | None = None,
    hi: int | None = None,
) -> dict[str, Any]:
    """Series of a run from step lo to step hi, in about `points` buckets each.

    names: all of them by default. The answer: ``cursor``, where ``changes`` goes on from with
    exactly the next point; ``series``: name to ``seg, step, min, max, last, mean, n, nans``, one
    entry a bucket, min and max None where every bucket is one point; ``total``: points of each
    whole series. Numbers have six digits that count; "NaN" and "Infinity" are words.
    Raises UsageError.
    """
    from huohou.jobs.news import Cursor

    run = numbered(number)
    chart = _chart(run, names, min(max(points, 1), MOST), lo, hi)
    return {
        "schema": 1,
        "cursor": str(Cursor.of(chart.taken)),
        "series": {name: _columns(found) for name, found in chart.series.items()},
        "total": dict(chart.totals),
    }


def _chart(
    run: "Run", names: Collection[str] | None, points: int, lo: int | None, hi: int | None
) -> "Chart":
    number = run.job.id
    chart = run.store.chart(number, names, points, lo, hi)
    if _behind(run, chart.taken) <= BEHIND:
        return chart
    with contextlib.suppress(StoreError):  # it cannot be written: then as it is
        run.store.take_in(run.folder)
        chart = run.store.chart(number, names, points, lo, hi)
    return chart


def _behind(run: "Run", taken: Mapping[str, int]) -> int:
    """Bytes that the store has not taken in yet."""
    from huohou.record.workspace import EVENTS

    try:
        return (run.folder / EVENTS).stat().st_size - taken.get(EVENTS, 0)
    except OSError:
        return 0


def _columns(found: "Series") -> dict[str, Any]:
    from huohou.record.events import short

    single = all(n == 1 for n in found.n)
    last = short(found.last)
    return {
        "seg": found.seg,
        "step": found.step,
        "min": None if single else short(found.min),
        "max": None if single else short(found.max),
        "last": last,
        "mean": last if single else short(found.mean),
        "n": found.n,
        "nans": found.nans,
    }


def clock(number: int, points: int = 1000) -> dict[str, Any]:
    """When each step of a run was done: knots, between which time and epoch go on in a line.

    The answer: ``seg, step, t`` (unix seconds), ``epoch``, one entry a knot, by seg and step; t
    and epoch are None where the log does not say. Raises UsageError.
    """
    from huohou.record.events import plain

    run = numbered(number)
    first: dict[tuple[int, int], tuple[float | None, float | None]] = {}
    for knot in run.store.clock(number, min(max(points, 1), MOST)):
        first.setdefault((knot.seg, knot.step), (knot.t, knot.epoch))
    rows = sorted(first.items())
    found: dict[str, Any] = plain({
        "schema": 1,
        "seg": [seg for (seg, _), _ in rows],
        "step": [step for (_, step), _ in rows],
        "t": [t for _, (t, _) in rows],
        "epoch": [epoch for _, (_, epoch) in rows],
    })  # fmt: skip
    return found


def changes(number: int, after: str | None = None, *, log: bool = False) -> dict[str, Any]:
    """What came after a cursor: each event exactly once, for who asks now and then.

    after: the cursor of the answer before, of ``series`` at first; by default that of the store;
    log: lines of train.log too. The answer: ``cursor``, ``events`` with ``event`` and ``data`` as
    the stream has them, ``more`` where the next call finds more at once. Raises UsageError.
    """
    from huohou.api.job_list import jobs_now

    news = follow(number, after, log=log)
    found: list[dict[str, Any]] = [{"event": one.kind, "data": one.data} for one in news.poll()]
    found += [{"event": "job", "data": now} for now in jobs_now([number]).values()]
    more = news.left() > TORN
    return {"schema": 1, "cursor": str(news.cursor), "events": found, "more": more}


def follow(number: int, after: str | None = None, *, log: bool = False) -> "News":
    """A run's files from a cursor on, by default that of the store; log: train.log too.

    Who comes back after a long time is told to read the series anew (``reset``), and goes on from
    the store's cursor. Raises UsageError.
    """
    from huohou.jobs.news import Cursor, News

    run = numbered(number)
    cursor = read_cursor(after) if after else None
    taken = run.store.taken(number)
    known = Cursor.of(taken, cursor.log if cursor else None)
    if cursor is not None and known.events - cursor.events > FAR:
        return News(number, run.folder, known, log=log, missed=True)
    return News(number, run.folder, cursor or known, log=log)


def read_cursor(text: str) -> "Cursor":
    """A cursor from its written form. Raises UsageError."""
    from huohou.jobs.news import Cursor

    try:
        return Cursor.read(text)
    except ValueError as error:
        raise UsageError("live.bad_cursor", cursor=text[:40]) from error
