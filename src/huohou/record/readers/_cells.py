"""CSV files of known trainers: their heading, and their rows as cells with their lines."""

import csv
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO, TextIOWrapper
from itertools import compress, islice
from typing import TYPE_CHECKING

from huohou.errors import DataError
from huohou.record.readers._frame import Frame
from huohou.record.readers._source import Source

if TYPE_CHECKING:
    from _csv import Reader as Rows

_BLOCK = 4096  # rows
_HEAD = 65536  # characters of a heading, at most


def heading(source: Source, delimiter: str = ",") -> list[str]:
    """Names of the first line; empty where it cannot be a heading."""
    if not source.is_text or source.head[:1] in ("{", "["):
        return []
    line = source.head[:_HEAD].partition("\n")[0].replace("\0", "")
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def rows(source: Source, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Rows after the heading and the line each begins in. Raises DataError where it is broken."""
    for lines, part in blocks(source, delimiter):
        yield from zip(lines, part, strict=True)


def blocks(source: Source, delimiter: str = ",") -> Iterator[tuple[list[int], list[list[str]]]]:
    """The same, thousands of rows at a time."""
    reader = csv.reader(_lines(source), delimiter=delimiter)
    try:
        next(reader, None)
        while True:
            lines, part = _block(reader)
            if not lines:
                return
            full = list(map(any, part))
            yield list(compress(lines, full)), list(compress(part, full))
    except csv.Error as error:
        where = f"{source.path}:{reader.line_num}"
        raise DataError("reader.broken_csv", where=where, problem=error) from error


def _block(reader: "Rows") -> tuple[list[int], list[list[str]]]:
    lines, part = [reader.line_num + 1], []
    for cells in islice(reader, _BLOCK):
        part.append(cells)
        lines.append(reader.line_num + 1)
    return lines[:-1], part


def framed(source: Source, steps: Callable[[str], bool] = lambda name: False) -> Frame:
    """All rows as columns by the names of the heading; of two alike the first counts."""
    columns = heading(source)
    names = tuple(name if columns.index(name) == at else "" for at, name in enumerate(columns))
    frame = Frame(steps)
    fill(frame, names, source)
    return frame


def fill(frame: Frame, names: tuple[str, ...], source: Source, delimiter: str = ",") -> None:
    """Put all rows after the heading into a frame."""
    width = len(names)
    for lines, part in blocks(source, delimiter):
        if all(len(cells) == width for cells in part):
            frame.put_block(lines, names, part)
            continue
        for line, cells in zip(lines, part, strict=True):  # some are cut off, or have too much
            frame.put(line, names[: len(cells)], cells[:width])


def _lines(source: Source) -> Iterable[str]:
    """Lines with their ends, one at a time: a list of them all takes ten times the file."""
    # A NUL ends a field in the csv module of Python 3.11 and is nothing in a log.
    raw = source.utf8.replace(b"\0", b"") if b"\0" in source.utf8 else source.utf8
    return TextIOWrapper(BytesIO(raw), encoding="utf-8", errors="replace", newline="\n")
