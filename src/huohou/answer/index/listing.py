"""The rows of an institution, a place, or both: "all branches of this bank in that town"."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huohou.answer.index.canonical import DENSE_ONE, units
from huohou.answer.index.grams import grams
from huohou.answer.index.rows import Row
from huohou.answer.index.search import forms
from huohou.answer.index.segment import Segment
from huohou.answer.index.state import State
from huohou.data.names import REGION

Numbers = NDArray[np.int64]
Part = tuple[str, ...]
MOST_READ = 2_000  # rows read one by one to see where in them the parts stand
LONGEST = 40  # pieces of a text that asks for a list
MOST_PARTS = 4
KEPT = 2  # ways to cut the same beginning that are followed


@dataclass(frozen=True, slots=True)
class _Cut:
    """A beginning of the text cut into parts: where it ends, and the rows that hold them all."""

    end: int
    parts: tuple[Part, ...]
    rows: Numbers


def listed(state: State, text: str) -> list[int]:
    """Numbers of the rows that hold every part of the text, in the table's order.

    The text is cut into as few parts as can be, each a stretch that rows hold as it is. A part that
    stands in the institution, the place or another column of some rows is not looked for in the
    rest of a name: Beijing is a city before it is a street. Empty when the text cannot be cut so.
    """
    pieces = units(forms(state, text).form)[:LONGEST]
    cuts = [(segment, cut) for segment in state.segments if (cut := _cut(segment, pieces))]
    fewest = min((len(cut.parts) for _, cut in cuts), default=0)
    found: list[tuple[int, Segment, _Cut]] = [
        (segment.first + int(number), segment, cut)
        for segment, cut in cuts
        if len(cut.parts) == fewest
        for number in cut.rows
        if state.alive[segment.first + int(number)]
    ]
    numbers = [number for number, _, _ in found]
    if len(found) <= MOST_READ:
        rows = {number: segment.rows[number - segment.first] for number, segment, _ in found}
        for at in range(fewest):
            parts = {number: cut.parts[at] for number, _, cut in found}
            strong = [one for one in numbers if _stands_before_tail(rows[one], parts[one])]
            numbers = strong or numbers
    return sorted(numbers, key=lambda number: int(state.lines[number]))


def _cut(segment: Segment, pieces: list[str]) -> _Cut | None:
    """The text in as few parts as can be; of several ways the one with the most rows."""
    fronts = [_Cut(0, (), np.zeros(0, dtype=np.int64))] if pieces else []
    for _ in range(MOST_PARTS):
        longer = [more for cut in fronts for more in _longer(segment, pieces, cut)]
        longer.sort(key=lambda cut: -len(cut.rows))
        whole = [cut for cut in longer if cut.end == len(pieces)]
        if whole:
            return whole[0]
        ends = {cut.end for cut in longer}
        fronts = [cut for end in ends for cut in [c for c in longer if c.end == end][:KEPT]]
    return None


def _longer(segment: Segment, pieces: list[str], cut: _Cut) -> Iterator[_Cut]:
    """The beginning with one part more: a place's "city" or "county" may be left out of it."""
    among = cut.rows if cut.parts else None
    for end in range(cut.end + 1, len(pieces) + 1):
        part = tuple(pieces[cut.end : end])
        if len(part) == 1 and DENSE_ONE.match(part[0]) and len(pieces) > 1:
            continue  # one character of several says nothing
        rows = _holding(segment, part, among)
        if not len(rows):
            return
        after = "".join(pieces[end : end + 3])
        suffix = REGION.match(after) or REGION.match(after[:2]) or REGION.match(after[:1])
        if suffix and len(part) > 1:
            yield _Cut(end + len(suffix.group()), (*cut.parts, part), rows)
        yield _Cut(end, (*cut.parts, part), rows)


def _holding(segment: Segment, part: Part, among: Numbers | None) -> Numbers:
    """Rows that hold the pieces side by side."""
    whole = set(part)
    wanted = [
        gram
        for gram in grams(list(part))
        if len(part) == 1 or gram not in whole or not DENSE_ONE.match(gram)  # pairs say it
    ]
    rows = among
    for gram in sorted(wanted, key=segment.postings.count):
        held = segment.postings.rows(gram)
        rows = held if rows is None else np.intersect1d(rows, held, assume_unique=True)
        if not len(rows):
            return rows
    if rows is None or len(part) <= 2 or len(rows) > MOST_READ:
        return np.zeros(0, dtype=np.int64) if rows is None else rows
    held_by = (int(one) for one in rows)
    return np.array([one for one in held_by if _has(segment.rows[one], part)], dtype=np.int64)


def _has(row: Row, part: Part) -> bool:
    return any(_inside(units(text), part) for text in (row.form, *row.context.split("\n")))


def _stands_before_tail(row: Row, part: Part) -> bool:
    head = row.form[: len(row.form) - len(row.tail)] or row.form  # a name without a tail is one
    return any(_inside(units(text), part) for text in (head, *row.context.split("\n")))


def _inside(pieces: list[str], part: Part) -> bool:
    size = len(part)
    return any(tuple(pieces[i : i + size]) == part for i in range(len(pieces) - size + 1))
