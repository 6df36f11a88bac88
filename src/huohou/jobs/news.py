"""What is new in a job's folder, exactly: nothing is left out and nothing is told twice.

A cursor says how many bytes of events.jsonl, job.jsonl and train.log have been told. Files only
grow, so whoever keeps the cursor of the last message goes on from there with the next one, in
this process or another.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from huohou.jobs.logs import page, shown
from huohou.record.events import Event, Follower, plain
from huohou.record.ingest import points_of
from huohou.record.series import unpack
from huohou.record.workspace import EVENTS, JOURNAL, TRAIN_LOG, bytes_of

MOST = 500  # points in one message, about
_PIECE = 1 << 18  # bytes of a file read at once
_PIECES = 16  # of them in one poll
_TOLD = frozenset({"finding", "checkpoint", "alert"})
_CURSOR = re.compile(r"(\d{1,15})\.(\d{1,15})(?:\.(\d{1,15}))?")

Kind = Literal["points", "finding", "checkpoint", "alert", "log", "reset"]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Bytes told of each file; log: None where nobody reads it.

    >>> str(Cursor.read("120.80.7")), str(Cursor(5, 6))
    ('120.80.7', '5.6')
    """

    events: int = 0
    journal: int = 0
    log: int | None = None

    @staticmethod
    def read(text: str) -> "Cursor":
        """The cursor that was written so. Raises ValueError."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no cursor")
        log = int(found[3]) if found[3] else None
        return Cursor(int(found[1]), int(found[2]), log)

    @staticmethod
    def of(taken: Mapping[str, int], log: int | None = None) -> "Cursor":
        """The cursor of what the store has taken in."""
        return Cursor(taken.get(EVENTS, 0), taken.get(JOURNAL, 0), log)

    def __str__(self) -> str:
        parts = (self.events, self.journal) + (() if self.log is None else (self.log,))
        return ".".join(map(str, parts))

    def reaches(self, other: "Cursor") -> bool:
        """Whether everything that the other has told is told here, the log where both read it."""
        log = self.log is None or other.log is None or self.log >= other.log
        return self.events >= other.events and self.journal >= other.journal and log


@dataclass(frozen=True, slots=True)
class Message:
    """Something new, as plain data; cursor: where one stands when one has read it."""

    kind: Kind
    data: dict[str, Any]
    cursor: Cursor


class News:
    """Follows the files of a job from a cursor on. It only reads.

    number: of the job; after: what its reader has been told already; log: whether train.log is
    followed too, where the cursor says nothing of it from its last whole line on; missed: the
    reader has missed what came before, which the first message says.
    """

    def __init__(
        self,
        number: int,
        folder: Path,
        after: Cursor,
        *,
        log: bool = False,
        missed: bool = False,
    ) -> None:
        self.cursor = replace(after, log=None)
        self._number = number
        self._events = Follower(folder / EVENTS, after.events, _PIECE)
        self._journal = Follower(folder / JOURNAL, after.journal, _PIECE)
        self._log: LogFollower | None = None
        self._seen: tuple[int, ...] = ()
        self._missed = missed
        if log:
            self.read_log(after.log)

    def copy(self) -> "News":
        """Another one that stands at the same place."""
        log = self.cursor.log is not None
        return News(self._number, self._events.path.parent, self.cursor, log=log)

    def go_on(self, after: Cursor) -> None:
        """Its reader was told by another what comes before this cursor, lines of the log left
        out."""
        self._events.offset, self._journal.offset = after.events, after.journal
        self.cursor = replace(self.cursor, events=after.events, journal=after.journal)

    def read_log(self, offset: int | None) -> None:
        """Follow train.log too, from that byte or from its last whole line on."""
        path = self._events.path.with_name(TRAIN_LOG)
        at = page(path).end if offset is None else offset
        self._log = LogFollower(path, at)
        self.cursor = replace(self.cursor, log=at)

    def leave_log(self) -> None:
        """Nobody reads the log any more."""
        self._log = None
        self.cursor = replace(self.cursor, log=None)

    def stirs(self) -> bool:
        """Whether a file has another size than when it was polled last."""
        return self._sizes() != self._seen

    def _sizes(self) -> tuple[int, ...]:
        paths = [self._events.path, self._journal.path]
        paths += [self._events.path.with_name(TRAIN_LOG)] if self._log is not None else []
        return tuple(map(bytes_of, paths))

    def left(self) -> int:
        """Bytes of both files that have not been told; a line that is being written counts."""
        return sum(max(bytes_of(one.path) - one.offset, 0) for one in (self._events, self._journal))

    def poll(self, until: Cursor | None = None) -> list[Message]:
        """What is new; a long file comes in pieces, so ask again until the cursor stays.

        until: nothing is told that begins at or after it. Where a file is shorter than what has
        been told of it, it is another one: ``reset`` says so, and what is new goes on from its end.
        """
        told = self.said_first()
        if told:
            return told
        seen, before = self._sizes(), self.cursor
        if seen[0] < self._events.offset or seen[1] < self._journal.offset:
            return [self._reset(*seen[:2])]
        found: list[Message] = []
        if seen[0] > self._events.offset:
            found += self._of_run(until.events if until else None)
        if seen[1] > self._journal.offset:
            found += self._of_journal(until.journal if until else None)
        if self._log is not None:
            found += self._of_log(self._log, until.log if until else None)
        # A piece was read: there may be more, also where nothing is written any more.
        self._seen = seen if self.cursor == before else ()
        return found

    def said_first(self) -> list[Message]:
        """What is to be told before anything that is new; once."""
        if not self._missed:
            return []
        self._missed = False
        return [Message("reset", {"job": self._number}, self.cursor)]

    def _reset(self, events: int, journal: int) -> Message:
        self._events.offset, self._journal.offset = events, journal
        self.cursor = replace(self.cursor, events=events, journal=journal)
        return Message("reset", {"job": self._number}, self.cursor)

    def _of_run(self, until: int | None) -> Iterator[Message]:
        points: list[dict[str, Any]] = []
        for begin, end, event in _lines(self._events, until):
            if points and (event["kind"] in _TOLD or len(points) >= MOST):
                self.cursor = replace(self.cursor, events=begin)
                yield Message("points", {"job": self._number, "points": points}, self.cursor)
                points = []
            if event["kind"] in ("metrics", "eval"):
                points += map(_point, points_of(0, begin, event))
            elif event["kind"] in _TOLD:
                self.cursor = replace(self.cursor, events=end)
                yield self._told(event)
        self.cursor = replace(self.cursor, events=self._events.offset)
        if points:
            yield Message("points", {"job": self._number, "points": points}, self.cursor)

    def _of_journal(self, until: int | None) -> Iterator[Message]:
        for _, end, event in _lines(self._journal, until):
            self.cursor = replace(self.cursor, journal=end)
            if event["kind"] in _TOLD:
                yield self._told(event)
        self.cursor = replace(self.cursor, journal=self._journal.offset)

    def _of_log(self, log: "LogFollower", until: int | None) -> Iterator[Message]:
        for _ in range(_PIECES):
            news = log.poll(until)
            if news is None:
                return
            self.cursor = replace(self.cursor, log=log.offset)
            data = {"job": self._number, "lines": news.lines, "partial": news.partial}
            yield Message("log", data, self.cursor)

    def _told(self, event: Event) -> Message:
        data = plain({key: value for key, value in event.items() if key != "kind"})
        return Message(event["kind"], {"job": self._number, **data}, self.cursor)


@dataclass(frozen=True, slots=True)
class LogNews:
    """Lines that came; partial: what a line without its end shows by now (a progress bar)."""

    lines: list[str]
    partial: str


class LogFollower:
    """Follows a text. offset: bytes told, always whole lines (of a line that is far too long, a
    piece)."""

    def __init__(self, path: Path, offset: int) -> None:
        self.offset = offset
        self._path = path
        self._seen = -1  # its size when everything had been told

    def poll(self, until: int | None = None) -> LogNews | None:
        """What came since the last call, at most a piece; None when there is nothing."""
        try:
            size = self._path.stat().st_size
        except OSError:
            return None
        if size < self.offset:  # another log under the same name
            self.offset, self._seen = 0, -1
        end = size if until is None else min(until, size)
        if end <= self.offset or size == self._seen:
            return None
        with self._path.open("rb") as log:
            log.seek(self.offset)
            data = log.read(min(end - self.offset, _PIECE))
        cut = data.rfind(b"\n") + 1 or (len(data) if len(data) == _PIECE else 0)
        self.offset += cut
        everything = self.offset + len(data) - cut >= end
        self._seen = size if everything and until is None else -1
        told = shown(data[:cut]) if cut else []
        return LogNews(told, "".join(shown(data[cut:])) if everything else "")


def _lines(follower: Follower, until: int | None) -> list[tuple[int, int, Event]]:
    """The next events: where each line begins, where the next one does, and the event."""
    if until is not None and follower.offset >= until:
        return []
    lines = follower.lines()
    if until is not None and follower.offset > until:
        lines = [line for line in lines if line[0] < until]
        follower.offset = until
    ends = [begin for begin, _ in lines[1:]] + [follower.offset]
    return [(begin, end, event) for (begin, event), end in zip(lines, ends, strict=False)]


def _point(row: Mapping[str, Any]) -> dict[str, Any]:
    # Written out, because this is done for each point that anybody watches.
    return {
        "name": row["name"],
        "seg": row["seg"],
        "step": row["step"],
        "epoch": plain(row["epoch"]),
        "t": plain(row["t"]),
        "value": plain(unpack(row["value"], row["flag"])),
    }
