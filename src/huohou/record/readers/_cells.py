"""CSV files of known trainers: their heading, and their rows as cells with their lines."""

import csv
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO, TextIOWrapper

from huohou.errors import DataError
from huohou.record.readers._frame import Frame
from huohou.record.readers._source import Source

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
    reader = csv.reader(_lines(source), delimiter=delimiter)
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
    columns = heading(source)
    names = tuple(name if columns.index(name) == at else "" for at, name in enumerate(columns))
    frame = Frame(steps)
    for line, cells in rows(source):
        frame.put(line, names[: len(cells)], cells[: len(names)])
    return frame


def _lines(source: Source) -> Iterable[str]:
    """Lines with their ends, one at a time: a list of them all takes ten times the file."""
    # A NUL ends a field in the csv module of Python 3.11 and is nothing in a log.
    raw = source.utf8.replace(b"\0", b"") if b"\0" in source.utf8 else source.utf8
    return TextIOWrapper(BytesIO(raw), encoding="utf-8", errors="replace", newline="\n")
