"""The rows of an institution, a place, or both: "all branches of this bank in that town"."""

import numpy as np
from numpy.typing import NDArray

from huohou.answer.index.canonical import DENSE_ONE, units
from huohou.answer.index.grams import grams
from huohou.answer.index.search import forms
from huohou.answer.index.segment import Segment
from huohou.answer.index.state import State
from huohou.data.names import REGION

Numbers = NDArray[np.int64]
MOST_READ = 2_000  # rows read to make sure that they hold the whole of a part
LONGEST_PART = 20


def listed(state: State, text: str) -> list[int]:
    """Numbers of the rows that hold every part of the text, in the table's order.

    A part is a stretch that rows hold as it is; where the text as a whole occurs nowhere, it is
    cut into the longest parts that do. Empty when a part of it occurs in no row.
    """
    form = forms(state, text)[2]
    found = [
        segment.first + number
        for segment in state.segments
        for number in _of_segment(state, segment, form)
        if state.alive[segment.first + number]
    ]
    return sorted(found, key=lambda number: int(state.lines[number]))


def _of_segment(state: State, segment: Segment, form: str) -> list[int]:
    rest = units(form)[: 4 * LONGEST_PART]
    kept: Numbers | None = None
    while rest:
        length, rows = _longest(segment, rest, kept)
        if not length:
            return []
        kept, rest = rows, rest[length:]
    return [] if kept is None else [int(one) for one in kept]


def _longest(
    segment: Segment, pieces: list[str], among: Numbers | None
) -> tuple[int, Numbers | None]:
    """How many of the first pieces stand together in some of the rows, and in which."""
    for length in range(min(len(pieces), LONGEST_PART), 0, -1):
        part = pieces[:length]
        if length == 1 and len(pieces) > 1 and DENSE_ONE.match(part[0]):
            break  # one character of several says nothing
        rows = _holding(segment, part, among)
        if len(rows):
            return length, rows
        place = REGION.sub("", "".join(part))  # 大悟县 is written 大悟 in many names
        if length > 2 and len(place) in range(2, length):
            rows = _holding(segment, part[: len(place)], among)
            if len(rows):
                return length, rows
    if DENSE_ONE.match(pieces[0]) and REGION.fullmatch(pieces[0]) and among is not None:
        return 1, among
    return 0, among


def _holding(segment: Segment, part: list[str], among: Numbers | None) -> Numbers:
    """Rows that hold the pieces side by side."""
    wanted = sorted(grams(part), key=segment.postings.count)
    rows = among
    for gram in wanted:
        if len(part) > 1 and gram in part and DENSE_ONE.match(gram):
            continue  # its pairs say it
        held = segment.postings.rows(gram)
        rows = held if rows is None else np.intersect1d(rows, held, assume_unique=True)
        if not len(rows):
            return rows
    if rows is None:
        return np.zeros(0, dtype=np.int64)
    if len(part) <= 2 or len(rows) > MOST_READ:
        return rows
    return np.array([one for one in rows if _has(segment, int(one), part)], dtype=np.int64)


def _has(segment: Segment, number: int, part: list[str]) -> bool:
    row = segment.rows[number]
    size = len(part)
    for text in (row.form, *row.context.split("\n")):
        held = units(text)
        if any(held[i : i + size] == part for i in range(len(held) - size + 1)):
            return True
    return False
