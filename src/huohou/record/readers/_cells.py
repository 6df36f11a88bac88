"""CSV files of known trainers: their heading, and their rows as cells with their lines."""

import csv
from collections.abc import Iterator

from huohou.errors import DataError
from huohou.record.readers._source import Source

_HEAD = 65536  # characters of a heading, at most


def heading(source: Source) -> list[str]:
    """Names of the first line; empty where it cannot be a heading."""
    if not source.is_text or source.text[:1] in ("{", "["):
        return []
    line = source.text[:_HEAD].partition("\n")[0].replace("\0", "")
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def rows(source: Source) -> Iterator[tuple[int, list[str]]]:
    """Rows after the heading and the line each begins in. Raises DataError where it is broken."""
    reader = csv.reader(_lines(source.text))
    line = 1
    try:
        for cells in reader:
            if line > 1 and any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        where = f"{source.path}:{reader.line_num}"
        raise DataError("reader.broken_csv", where=where, problem=error) from error


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends, one at a time: a list of them all takes ten times the file."""
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        # A NUL ends a field in the csv module of Python 3.11 and is nothing in a log.
        yield text[at:end].replace("\0", "")
        at = end
