"""CSV files of known trainers: their heading, and their rows as cells with their lines."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO, TextIOWrapper
from itertools import count, islice

from huohou.errors import DataError
from huohou.record.readers._frame import Frame
from huohou.record.readers._rows import MOST_NAMES, most_names, refuse_many
from huohou.record.readers._source import Source

_BLOCK = 512  # rows that are split at once, and of wide ones at least and cells at most
_LEAST, _SPLIT = 4, 16_384
_CELLS = 1000  # of a line, that are read whatever the heading has
_QUOTED = re.compile('"[^"]*"')
_HEAD = 65536  # characters of a heading, at most


def heading(source: Source, delimiter: str = ",") -> list[str]:
    """Names of the first line; empty where it cannot be a heading."""
    if not source.is_text or source.head[:1] in ("{", "["):
        return []
    line = _first(source)
    if line.count(delimiter) >= MOST_NAMES:
        return []
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _first(source: Source) -> str:
    return source.head[:_HEAD].partition("\n")[0].replace("\0", "")


def columns_of(source: Source, delimiter: str = ",") -> list[str]:
    """The heading of a table that is to be read. Raises DataError where it has none, or more
    columns than any log of a training."""
    found = heading(source, delimiter)
    if not found:
        refuse_many(range(_first(source).count(delimiter) + 1))
        raise DataError("reader.no_columns", path=source.path, columns="-")
    return found


def rows(source: Source, width: int, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """Rows after the heading and the line each begins in. Raises DataError where it is broken.

    width: columns of the heading; cells far behind the last of them may be left out.
    """
    reader = csv.reader(_bounded(source, width, delimiter), delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            if line > 1 and any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        where = f"{source.path}:{reader.line_num}"
        raise DataError("reader.broken_csv", where=where, problem=error) from error


def framed(source: Source, steps: Callable[[str], bool] = lambda name: False) -> Frame:
    """All rows as columns by the names of the heading; of two alike the first counts."""
    columns = columns_of(source)
    names = tuple(name if columns.index(name) == at else "" for at, name in enumerate(columns))
    frame = Frame(steps, most=most_names(source))
    fill(frame, names, source)
    return frame


def fill(frame: Frame, names: tuple[str, ...], source: Source, delimiter: str = ",") -> None:
    """Put all rows after the heading into a frame. Raises DataError where a file is broken."""
    if b'"' not in source.utf8:
        _fill_unquoted(frame, names, source, delimiter)
        return
    width = len(names)
    for line, cells in rows(source, width, delimiter):  # some are cut off, or have too much
        frame.put(line, names[: len(cells)], cells[:width])


def _fill_unquoted(frame: Frame, names: tuple[str, ...], source: Source, delimiter: str) -> None:
    """Where nothing is quoted each line is a row: thousands are split at once."""
    width, lines = len(names), iter(_lines(source))
    block = max(_LEAST, min(_BLOCK, _SPLIT // width))
    for first in count(1, block):
        part = [line.rstrip("\r\n") for line in islice(lines, block)]
        if not part:
            return
        if first > 1 and all(line.count(delimiter) == width - 1 for line in part) and all(part):
            cells = delimiter.join(part).split(delimiter)
            columns = [cells[place::width] for place in range(width)]
            frame.put_block(range(first, first + len(part)), names, columns)
            continue
        for number, line in enumerate(part, start=first):
            row = line.split(delimiter, width)
            if number > 1 and line.strip(delimiter):  # there is a cell that is not empty
                frame.put(number, names[: len(row)], row[:width])


def _bounded(source: Source, width: int, delimiter: str) -> Iterator[str]:
    """Lines in which cells far behind the columns are cut off: each takes memory. Raises DataError
    where quoted cells stand among as many. What is between quotes is one cell: left as it is."""
    inside = False  # the quotes that an earlier line opened
    for line in _lines(source):
        begun, quotes = inside, line.count('"')
        inside ^= bool(quotes % 2)
        if line.count(delimiter) <= _CELLS or (begun and not quotes):
            yield line
        elif not quotes:
            yield delimiter.join(line.split(delimiter, 2 * width)[: 2 * width]) + "\n"
        else:
            cells = _QUOTED.sub("", '"' + line if begun else line)
            refuse_many(range(cells.partition('"')[0].count(delimiter)))
            yield line


def _lines(source: Source) -> Iterable[str]:
    """Lines with their ends, one at a time: a list of them all takes ten times the file."""
    # A NUL ends a field in the csv module of Python 3.11 and is nothing in a log.
    raw = source.utf8.replace(b"\0", b"") if b"\0" in source.utf8 else source.utf8
    return TextIOWrapper(BytesIO(raw), encoding="utf-8", errors="replace", newline="\n")
