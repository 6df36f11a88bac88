"""Entries of a long JSON list one at a time, each with the line it begins in.

A list that is loaded whole takes ten times its file in memory, and nobody knows afterwards which
line an entry stood in.
"""

import re
from collections.abc import Iterator
from typing import Any

from huohou.record.readers._source import decoded

_GAP = re.compile(rb"[\s,]*")
_NESTED = 64  # ends of inner objects that are tried as the end of an entry


class Entries:
    """The objects of the list that begins behind ``start``, in raw JSON.

    Iterating raises ValueError where the list is broken or has entries that are no objects; what
    is to be said of it then is what loading the document whole says. end: behind the list, when
    all entries were given.
    """

    def __init__(self, raw: bytes, start: int) -> None:
        self.end = start
        self._raw = raw

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        raw, at = self._raw, self.end
        line, counted = 1, 0
        while True:
            gap = _GAP.match(raw, at)
            at = gap.end() if gap else at
            if raw[at : at + 1] == b"]":
                self.end = at + 1
                return
            row, end = _entry(raw, at)
            line += raw.count(b"\n", counted, at)
            counted = at
            yield line, row
            at = end


def _entry(raw: bytes, at: int) -> tuple[dict[str, Any], int]:
    """The object that begins at a place and where it ends."""
    end = at
    if raw[at : at + 1] == b"{":
        for _ in range(_NESTED):
            end = raw.find(b"}", end) + 1
            if not end:
                break
            try:
                row: dict[str, Any] = decoded(raw[at:end])
            except ValueError:
                continue
            return row, end
    raise ValueError(at)
