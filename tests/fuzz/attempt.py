"""Reads a file whatever is in it, and holds the reader to its promises.

A reader gives a Record whose points could have been written by somebody, or raises DataError; it
takes at most 2 seconds for each megabyte (a begun one counts), and besides a megabyte at most ten
times the size of the file in memory, whether that is of its format or was made to break it. Memory
is what Python allocates; what SQLite takes for a page cache is not seen.

Known to take more, and not tried: small tables of thousands of columns of one-digit cells, of which
each takes two bytes in the file and eight as a number, and each column half a kilobyte: 5,000 such
columns take 20 times a file of 240 KB, 10 times one of a megabyte.
"""

import math
import sys
import time
import tracemalloc
from pathlib import Path

from huohou.diagnose.engine import diagnose
from huohou.errors import DataError
from huohou.record.readers import read
from huohou.record.record import Record

MEGABYTE = 1_000_000
SIZES = (20_000, 100_000, 240_000, 400_000, MEGABYTE)  # what is taken of a small file weighs more
SECONDS = 2.0  # a megabyte
TIMES = 10  # the file's size, of the reader's own format or made to break it
BESIDE = MEGABYTE  # what may be needed for the smallest file: tables, patterns


class BrokenPromiseError(Exception):
    """What a reader did that it must not do."""


def attempt(path: Path, reader: str | None) -> Record | None:
    """The record of a file; None where it is refused. Any exception is a finding."""
    record = _read(path, reader)
    if record is not None:
        check(record, path.stat().st_size)
    return record


def _read(path: Path, reader: str | None) -> Record | None:
    try:
        return read(path, reader)
    except DataError as error:
        if not str(error):
            raise BrokenPromiseError("refused without a word") from error
        return None


def check(record: Record, size: int) -> None:
    """Raises BrokenPromiseError for points that nobody can have written."""
    for each in (record, *record.others):
        points = sum(map(len, each.series.values()))
        if points + len(each.figures) > size:
            raise BrokenPromiseError(f"{points} points in {size} bytes")
        for name in each.series:
            _check_points(each, name)


def _check_points(record: Record, name: str) -> None:
    if not isinstance(name, str) or not name:
        raise BrokenPromiseError(f"a series called {name!r}")
    for point in record.points(name):
        step, line = point.step, point.line
        if (step is not None and step < 0) or (line is not None and line < 0) or point.seg < 0:
            raise BrokenPromiseError(f"{name}: {point}")
        if not isinstance(point.value, float) or any(
            known is not None and math.isnan(known) for known in (point.epoch, point.t)
        ):
            raise BrokenPromiseError(f"{name}: {point}")


def judged(record: Record) -> None:
    """Diagnose it: whatever was read, the doctor has something to say."""
    diagnose(record).as_dict()


def measure(path: Path, reader: str | None) -> tuple[float, float]:
    """Processor seconds a megabyte, and memory at most in sizes of the file beside the fixed."""
    began = time.process_time()
    _read(path, reader)
    seconds = time.process_time() - began
    return seconds / max(path.stat().st_size / MEGABYTE, 1.0), memory(path, reader)


def memory(path: Path, reader: str | None) -> float:
    """Memory at most, in sizes of the file beside the fixed."""
    tracemalloc.start()
    try:
        _read(path, reader)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return max(most - BESIDE, 0) / path.stat().st_size


def hold(path: Path, reader: str | None) -> None:
    """Raises BrokenPromiseError where a reader takes too long or too much memory."""
    seconds, times = measure(path, reader)
    if seconds > SECONDS or times > TIMES:
        raise BrokenPromiseError(f"{seconds:.2f} s a MB, {times:.1f} times the file in memory")


def magnified(content: bytes, size: int = MEGABYTE) -> bytes:
    """The content again and again until it has that size."""
    return (content * (size // max(len(content), 1) + 1))[:size]


if __name__ == "__main__":  # python attempt.py FILE READER: is it really too slow, too large?
    hold(Path(sys.argv[1]), sys.argv[2] or None)
