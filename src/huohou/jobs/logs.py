"""The end of a log, and what is added to it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

_BLOCK = 1 << 16
_PAUSE = 0.3  # seconds between two looks at a growing file


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a text file, without reading what comes before; none if it is not there.

    Of a line that was drawn over (a progress bar) the last state is kept.
    """
    return _last(path, count, _size(path))


def follow(path: Path, count: int, is_over: Callable[[], bool]) -> Iterator[str]:
    """The last lines and then those that are added, until is_over and nothing more is there."""
    offset = _size(path)
    yield from _last(path, count, offset)
    rest = b""
    while True:
        over = is_over()  # asked first: what was written before the end is still shown
        if _size(path) > offset:
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


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
