"""Events of a run as lines of JSON: how they are written, read and followed.

One JSON object a line, one write a line, one writer a file:
``{"t": unix seconds, "seg": n, "kind": "metrics", "step": 5, "epoch": 0.4, "loss": 1.25}``.
JSON knows no NaN and no infinities: they are the strings "NaN", "Infinity", "-Infinity" and come
back as numbers wherever an event holds numbers (``NUMERIC`` kinds). A line that a dying process
left half written is closed with a newline before anything is appended, and skipped on reading.
"""

import contextlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from huohou.errors import StoreError
from huohou.record import locks

Event = dict[str, Any]

HEADER = ("t", "seg", "kind")
NUMERIC = frozenset({"metrics", "eval", "checkpoint"})
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_TEXT_FIELDS = frozenset({*HEADER, "path"})
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode
_CHUNK = 1 << 22  # bytes read at once, so that a long file is followed in little memory


def plain(value: Any) -> Any:
    """Value with JSON's types only: NaN and infinities as words, numbers of NumPy as numbers.

    >>> plain({"loss": float("nan"), "path": Path("a")})
    {'loss': 'NaN', 'path': 'a'}
    """
    kind = type(value)  # what nearly every value is comes first: this runs for each logged number
    if kind is float:
        return _number(value)
    if kind in _AS_THEY_ARE or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _number(float(value))
    return str(value)


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def short(values: Iterable[float]) -> list[float | str]:
    """Numbers for a chart, with six digits that count, as JSON has them.

    >>> short([1 / 3, float("nan"), float("-inf")])
    [0.333333, 'NaN', '-Infinity']
    """
    return [float(f"{v:.6g}") if math.isfinite(v) else _number(v) for v in values]


def dumps(event: Event) -> bytes:
    """The event as one line, newline included."""
    text = _encode(plain(event))
    # A file name may hold bytes that are no text; JSON's own escape keeps them.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def loads(line: bytes) -> Event | None:
    """The event of a line; None for a torn line or what is no event."""
    try:
        event = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
        return None
    return revived(event)


def number_for(value: Any) -> Any:
    """The number that "NaN", "Infinity" or "-Infinity" stands for, any other value as it is."""
    return _WORDS.get(value, value) if isinstance(value, str) else value


def revived(event: Event) -> Event:
    """The event with NaN and infinities as numbers again, where it holds numbers."""
    if event["kind"] not in NUMERIC:
        return event
    words = [k for k, v in event.items() if type(v) is str and v in _WORDS]
    return event | {key: _WORDS[event[key]] for key in words if key not in _TEXT_FIELDS}


def events_with(path: Path, word: str) -> Iterator[Event]:
    """Events with that word among their values; the lines without it, of a million, are not read
    as JSON. None where there is no file."""
    quoted = f'"{word}"'.encode()
    with contextlib.suppress(FileNotFoundError), path.open("rb") as source:
        for line in source:
            if quoted in line and line.endswith(b"\n"):
                event = loads(line)
                if event is not None and word in event.values():
                    yield event


class Appender:
    """The one writer of a file of events.

    Raises StoreError when another living process writes the file, OSError when it cannot be
    written (a full disk); the lines before stay whole.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(path, flags, 0o644)
        if locks.acquire(self._descriptor) is False:
            os.close(self._descriptor)
            raise StoreError("store.second_writer", path=path)
        size = os.fstat(self._descriptor).st_size
        os.lseek(self._descriptor, max(size - 1, 0), os.SEEK_SET)
        self._torn = size > 0 and os.read(self._descriptor, 1) != b"\n"

    def append(self, event: Event) -> None:
        """Write one line with one write; it is with the system when this returns."""
        line = b"\n" * self._torn + dumps(event)
        written = os.write(self._descriptor, line)
        self._torn = written < len(line)
        if self._torn:  # the disk took a part: writing the rest tells why
            os.write(self._descriptor, line[written:])
            self._torn = False

    def close(self) -> None:
        """Give the file back; a second close does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Follower:
    """Reads a growing file of events from where it stopped the last time.

    offset: bytes read so far, always at the begin of a line; skipped: lines that were no event;
    chunk: bytes of a piece.
    """

    def __init__(self, path: Path, offset: int = 0, chunk: int = _CHUNK) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0
        self._chunk = chunk

    def poll(self) -> list[Event]:
        """Events that came since the last call; empty when there are none yet."""
        return [event for _, event in self.lines()]

    def lines(self) -> list[tuple[int, Event]]:
        """Like poll, each event with the byte its line begins at. Long files come in pieces."""
        while whole := self._whole_lines():
            found = []
            for line in whole[:-1].split(b"\n"):
                event = loads(line)
                if event is not None:
                    found.append((self.offset, event))
                else:
                    self.skipped += bool(line)
                self.offset += len(line) + 1
            if found:
                return found
        return []

    def _whole_lines(self) -> bytes:
        size = self._chunk
        try:
            with self.path.open("rb") as source:
                while True:
                    source.seek(self.offset)
                    data = source.read(size)
                    end = data.rfind(b"\n") + 1
                    if end or len(data) < size:
                        return data[:end]
                    size *= 2
        except FileNotFoundError:
            return b""
