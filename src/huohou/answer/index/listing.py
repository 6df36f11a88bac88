"""The rows of an institution, a place, or both: "all branches of this bank in that town"."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huohou.answer.index.canonical import DENSE_ONE, canonical, normal_form, units
from huohou.answer.index.grams import grams
from huohou.answer.index.rows import Row
from huohou.answer.index.search import forms
from huohou.answer.index.segment import Segment
from huohou.answer.index.state import State
from huohou.answer.several import ANY, Held, Where
from huohou.data.facts import plain_code
from huohou.data.names import REGION, branch_kind

Numbers = NDArray[np.int64]
Part = tuple[str, ...]
MOST_READ = 2_000  # rows read one by one to see where in them the parts stand
LONGEST = 40  # pieces of a text that asks for a list
MOST_PARTS = 4
KEPT = 2  # ways to cut the same beginning that are followed


@dataclass(frozen=True, slots=True)
class _Cut:
    """A beginning of the text cut into parts: where it ends, the rows that hold them all, and what
    must stand in their names with something between."""

    end: int
    parts: tuple[Part, ...]
    rows: Numbers
    gaps: tuple[re.Pattern[str], ...] = ()


def listed(state: State, text: str, holds: Sequence[Held] = ()) -> list[int]:
    """Numbers of the rows that hold every part of the text, in the table's order.

    The text is cut into as few parts as can be, each a stretch that rows hold as it is. A part that
    stands in the institution, the place or another column of some rows is not looked for in the
    rest of a name: Beijing is a city before it is a street. Where the text has ANY, something more
    stands between what is before and behind it. Empty when the text cannot be cut so.

    holds: what the name, or the value, must hold besides, or alone where the text is empty.
    """
    stretches = [units(forms(state, one).form)[:LONGEST] for one in text.split(ANY)]
    held = [(canonical(normal_form(one.text)), one.where) for one in holds]
    cuts = [(segment, cut) for segment in state.segments if (cut := _cuts(segment, stretches))]
    if holds and not any(stretches):
        cuts = [(segment, _Cut(0, (), _all_holding(segment, held))) for segment in state.segments]
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
    if held or len(stretches) > 1:
        gaps = {number: cut.gaps for number, _, cut in found}
        numbers = [
            one
            for one in numbers
            if all(gap.search(state.row(one).form) for gap in gaps[one])
            and all(_told_of(state, one, part, where) for part, where in held)
        ]
    return sorted(numbers, key=lambda number: int(state.lines[number]))


def _all_holding(segment: Segment, held: Sequence[tuple[str, Where]]) -> Numbers:
    """Rows that hold the parts anywhere; all where only the beginning of a value is told."""
    rows: Numbers | None = None
    for part, where in held:
        pieces = tuple(units(part))
        if where != "value" and pieces and DENSE_ONE.match(pieces[0]):
            rows = _holding(segment, pieces, rows)
    return np.arange(len(segment), dtype=np.int64) if rows is None else rows


def _told_of(state: State, number: int, part: str, where: Where) -> bool:
    """Whether a row's name, or its value, has the part where it is said to be."""
    row = state.row(number)
    if where == "value":
        return plain_code(state.entry(number, row).value).startswith(part)
    ends = (row.tail, row.tail.removesuffix(branch_kind(row.tail)), REGION.sub("", row.tail))
    if where == "start":
        return row.tail.startswith(part)
    return any(one.endswith(part) for one in ends) if where == "end" else part in row.tail


def _cuts(segment: Segment, stretches: Sequence[list[str]]) -> _Cut | None:
    """Every stretch in as few parts as can be; between two of them stands something more."""
    whole: _Cut | None = None
    for at, pieces in enumerate(stretches):
        if not pieces:
            continue
        loose = (at > 0, at + 1 < len(stretches))
        among = whole.rows if whole else None
        cut = _cut(segment, pieces, among, loose)
        if cut is None:
            return None
        gaps = whole.gaps if whole else ()
        if loose[0]:
            before = "".join(whole.parts[-1]) if whole else ""
            gaps += (re.compile(re.escape(before) + ".+" + re.escape("".join(cut.parts[0]))),)
        if loose[1] and not any(stretches[at + 1 :]):
            gaps += (re.compile(re.escape("".join(cut.parts[-1])) + "."),)
        whole = _Cut(cut.end, (*(whole.parts if whole else ()), *cut.parts), cut.rows, gaps)
    return whole


def _cut(
    segment: Segment, pieces: list[str], among: Numbers | None, loose: tuple[bool, bool]
) -> _Cut | None:
    """A text in as few parts as can be; of several ways the one with the most rows.

    loose: whether something unsaid stands before and behind it: there one character is a part.
    """
    fronts = [_Cut(0, (), np.zeros(0, dtype=np.int64))] if pieces else []
    for _ in range(MOST_PARTS):
        longer = [more for cut in fronts for more in _longer(segment, pieces, cut, among, loose)]
        longer.sort(key=lambda cut: -len(cut.rows))
        whole = [cut for cut in longer if cut.end == len(pieces)]
        if whole:
            return whole[0]
        ends = {cut.end for cut in longer}
        fronts = [cut for end in ends for cut in [c for c in longer if c.end == end][:KEPT]]
    return None


def _longer(
    segment: Segment,
    pieces: list[str],
    cut: _Cut,
    first: Numbers | None,
    loose: tuple[bool, bool],
) -> Iterator[_Cut]:
    """The beginning with one part more: a place's "city" or "county" may be left out of it."""
    among = cut.rows if cut.parts else first
    for end in range(cut.end + 1, len(pieces) + 1):
        part = tuple(pieces[cut.end : end])
        at_edge = (loose[0] and cut.end == 0) or (loose[1] and end == len(pieces))
        if len(part) == 1 and DENSE_ONE.match(part[0]) and len(pieces) > 1 and not at_edge:
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
