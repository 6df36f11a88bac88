"""The end of a log, what is added to it, and a look into its middle."""

import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from huohou.record.workspace import bytes_of

_BLOCK = 1 << 16
_SEARCHED = 1 << 26  # bytes that one search looks through, at most
_FOUND = 200  # lines that it finds, at most
_LONGEST = 5000  # characters of a line that is shown on a page
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_PAUSE = 0.3  # seconds between two looks at a growing file


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a text file, without reading what comes before; none if it is not there.

    Of a line that was drawn over (a progress bar) the last state is kept.
    """
    return _last(path, count, bytes_of(path))


def follow(path: Path, count: int, is_over: Callable[[], bool]) -> Iterator[str]:
    """The last lines and then those that are added, until is_over and nothing more is there."""
    offset = bytes_of(path)
    yield from _last(path, count, offset)
    rest = b""
    while True:
        over = is_over()  # asked first: what was written before the end is still shown
        if bytes_of(path) > offset:
            with path.open("rb") as log:
                log.seek(offset)
                data = log.read()
            offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            yield from (_drawn(line.decode("utf-8", "replace")) for line in lines)
        if over:
            break
        time.sleep(_PAUSE)
    if rest:
        yield _drawn(rest.decode("utf-8", "replace"))


def _last(path: Path, count: int, end: int) -> list[str]:
    if not end or count <= 0:
        return []
    data, at = b"", end
    with path.open("rb") as log:
        while at > 0 and data.count(b"\n") <= count:
            start = max(at - _BLOCK, 0)
            log.seek(start)
            data = log.read(at - start) + data
            at = start
    lines = data.decode("utf-8", "replace").removesuffix("\n").split("\n")
    return [_drawn(line) for line in lines[-count:]]


def _drawn(line: str) -> str:
    return line.rstrip("\r\n").rpartition("\r")[2]


def shown(data: bytes) -> list[str]:
    """Lines of a part of a log as a page shows them: without colours and other commands to a
    terminal, a progress bar in its last state, and not endless.

    >>> shown(b"\\x1b[31mred\\x1b[0m\\r\\n 10%\\r 20%")
    ['red', ' 20%']
    """
    text = data.decode("utf-8", "replace")
    return [_cut(_CONTROL.sub("", _drawn(line))) for line in text.removesuffix("\n").split("\n")]


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


@dataclass(frozen=True, slots=True)
class Page:
    """Whole lines of a log, from byte begin to byte end of size; partial: what its last line,
    which has no end yet, shows by now."""

    begin: int
    end: int
    size: int
    lines: list[str]
    partial: str = ""


def page(path: Path, end: int | None = None, size: int = 20_000) -> Page:
    """The lines that end at or before a byte, about `size` bytes of them; the last by default.

    What stands before is not read. Of a line that is longer than that its last part is given.
    """
    whole = bytes_of(path)
    stop = whole if end is None else min(max(end, 0), whole)
    with _opened(path) as log:
        begin = max(stop - size, 0)
        log.seek(begin)
        data = log.read(stop - begin)
    cut = data.rfind(b"\n") + 1
    partial = "".join(shown(data[cut:])) if end is None and cut < len(data) else ""
    if not cut and begin and not partial:  # one line, longer than what was asked for
        return Page(begin, stop, whole, shown(data))
    first = data.find(b"\n") + 1 if begin and data.find(b"\n") + 1 < cut else 0
    told = shown(data[first:cut]) if first < cut else []
    return Page(begin + first, begin + cut, whole, told, partial)


@dataclass(frozen=True, slots=True)
class Found:
    """Lines that have a text in them, each with the byte it begins at, the last one first.

    begin: everything from here on has been looked through, so a further search ends there.
    """

    begin: int
    end: int
    size: int
    lines: list[tuple[int, str]]


def search(path: Path, text: str, end: int | None = None) -> Found:
    """Lines before a byte that have a text in them, whatever the case of its letters (A to Z).

    Looks backwards through a part of the log at a time.
    """
    whole = bytes_of(path)
    stop = at = whole if end is None else min(max(end, 0), whole)
    wanted = text.encode("utf-8", "surrogateescape").lower()
    found: list[tuple[int, str]] = []
    rest = b""  # begin of the line that the block before ends in
    with _opened(path) as log:
        while at > 0 and stop - at < _SEARCHED and len(found) < _FOUND:
            start = max(at - _BLOCK * 16, 0)
            log.seek(start)
            data = log.read(at - start) + rest
            first = data.find(b"\n", 0, at - start) + 1  # where a line begins for certain
            if start and not first and len(data) < 4 * (at - start):  # it began before
                rest, at = data, start
                continue
            first = first if start else 0
            found += _lines_with(data, first, start, wanted)[: _FOUND - len(found)]
            rest, at = data[:first], start
    begin = found[-1][0] if len(found) == _FOUND else at + len(rest)
    return Found(begin, stop, whole, found)


def _lines_with(data: bytes, first: int, start: int, wanted: bytes) -> list[tuple[int, str]]:
    """Lines of a block from its byte `first` on, the last one first."""
    low = data.lower()
    found = []
    at = low.rfind(wanted, first)
    while at >= first and wanted:
        begin = data.rfind(b"\n", first, at) + 1 or first
        after = data.find(b"\n", at)
        line = data[begin : len(data) if after < 0 else after]
        found.append((start + begin, " ".join(shown(line))))
        at = low.rfind(wanted, first, begin) if begin > first else -1
    return found


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return io.BytesIO()
