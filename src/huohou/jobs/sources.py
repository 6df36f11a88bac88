"""What can be watched: the two files of a job, or a log that some other program writes.

A source is asked for what is new. It only reads.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from huohou.errors import DataError
from huohou.jobs import logs
from huohou.record.events import Event, Follower
from huohou.record.flow import as_events
from huohou.record.readers import candidates, read
from huohou.record.record import Record
from huohou.record.recorder import FINAL
from huohou.record.workspace import EVENTS, JOURNAL, TRAIN_LOG

LOOK = 1.0  # seconds between two looks at a foreign log, at least
SHARE = 0.05  # part of a core that reading it again may take


_Key = tuple[float, bool]


class Source(Protocol):
    """Something that grows. has_more: it has grown, and that is not read yet."""

    has_more: bool

    def poll(self) -> list[Event]:
        """Events that came since the last call."""

    def tail(self, count: int) -> list[str]:
        """Last lines of what the run printed."""


class JobFiles:
    """Both files of a job's folder as one stream, in the order of their times."""

    has_more = False  # what there is is read at once

    def __init__(self, folder: Path) -> None:
        self._events = Follower(folder / EVENTS)
        self._journal = Follower(folder / JOURNAL)
        self._held: list[Event] = []
        self._log = folder / TRAIN_LOG
        self._tail: tuple[tuple[int, int], list[str]] = ((-1, 0), [])

    def poll(self) -> list[Event]:
        """What is new; a long file comes in pieces, so ask again until nothing comes."""
        self._held += self._journal.poll()
        news = self._events.poll()
        until = max(map(_of_run, news), default=(math.inf, True))
        due = list(takewhile(lambda event: _of_journal(event) <= until, self._held))
        self._held = self._held[len(due) :]
        # Both keys say when; that a run is over is told after what happened at the same time.
        both = merge(_keyed(due, _of_journal), _keyed(news, _of_run), key=itemgetter(0))
        return [event for _, event in both]

    def tail(self, count: int) -> list[str]:
        """Last lines of train.log."""
        try:
            key = (self._log.stat().st_size, count)
        except OSError:
            return []
        if key != self._tail[0]:
            self._tail = (key, logs.last_lines(self._log, count))
        return self._tail[1]


def _of_run(event: Event) -> _Key:
    return _time(event, 0.0), False


def _of_journal(event: Event) -> _Key:
    """A job is queued before everything, also one whose numbers are older: an imported log."""
    if event["kind"] == "queued":
        return -math.inf, False
    return _time(event, math.inf), event.get("state") in FINAL


def _keyed(events: list[Event], key: Callable[[Event], _Key]) -> Iterator[tuple[_Key, Event]]:
    return ((key(event), event) for event in events)


def _time(event: Event, unknown: float) -> float:
    t = event.get("t")
    return t if isinstance(t, int | float) and math.isfinite(t) else unknown


@dataclass(slots=True)
class ForeignLog:
    """A log of any trainer, read again when it has changed: at most once a LOOK, and so seldom
    that it takes no more than SHARE of a core.

    path: a file or a folder, as ``readers.read`` takes them. Raises DataError when it holds no log
    at the begin; later a half-written file is simply read again.
    """

    path: Path
    reader: str | None = None
    has_more: bool = False
    _seen: tuple[Any, ...] = ()
    _have: Counter[str] = field(default_factory=Counter)
    _last: Record | None = None
    _look_at: float = 0.0
    _read_at: float = 0.0

    def poll(self) -> list[Event]:
        """What is new. After a ``reset`` event everything comes anew: the log was replaced."""
        now = time.monotonic()
        if now < self._look_at:
            return []
        self._look_at = now + LOOK
        looks = tuple(_look(path) for path in candidates(self.path, self.reader))
        self.has_more = looks != self._seen or self._last is None
        if not self.has_more or now < self._read_at:
            return []
        begin = time.thread_time()
        try:
            news = self._news(read(self.path, self.reader))
        except DataError:
            if self._last is None:
                raise
            return []
        finally:
            self._read_at = now + (time.thread_time() - begin) / SHARE
        self._seen, self.has_more = looks, False
        return news

    def tail(self, count: int) -> list[str]:
        """A foreign log is no printed text."""
        return []

    def _news(self, record: Record) -> list[Event]:
        before, self._last = self._last, record
        replaced = before is not None and not _goes_on(before, record)
        found: list[Event] = [{"t": None, "seg": 0, "kind": "reset"}] if replaced else []
        if replaced:
            self._have.clear()
        if before is None or replaced or before.facts != record.facts:
            found.append(_start(record))
        found += as_events(record, self._have)
        self._have = Counter({name: len(points) for name, points in record.series.items()})
        return found


def _look(path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_size, found.st_mtime_ns


def _goes_on(before: Record, after: Record) -> bool:
    """Whether a log is an earlier one with more at its end."""
    for name, points in before.series.items():
        new = after.points(name)
        if len(new) < len(points) or repr(new[len(points) - 1]) != repr(points[-1]):
            return False
    return True


def _start(record: Record) -> Event:
    planned = {"updates": record.facts.get("max_steps")}
    planned["epochs"] = record.facts.get("num_train_epochs")
    known = {name: value for name, value in planned.items() if value}
    return {"t": None, "seg": 0, "kind": "start", **known}
