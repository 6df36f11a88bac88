"""Whether a text names the place or the institution of other rows, and not that of a row."""

from collections.abc import Sequence
from itertools import pairwise

from huohou.answer.index.canonical import DENSE_ONE, units
from huohou.answer.index.rows import Row
from huohou.answer.index.search import forms
from huohou.answer.index.segment import Segment
from huohou.answer.index.state import State

Pair = tuple[str, str]
LOOKED_AT = 200  # rows that hold a stretch, of which one shows that it is a place's name


def elsewhere(state: State, text: str, number: int) -> bool:
    """Whether two characters side by side, of which the row has neither there, stand in other rows
    before what tells branches apart, while nothing is said of this row's own place that those rows
    have not.

    What stands in no other row's institution or place is chatter, or a slip.
    """
    row = state.row(number)
    if row.tail == row.form:
        return False
    pieces = units(forms(state, text).form)
    said, mine = set(pairwise(pieces)), _pairs(row.form, row.context)
    beside = [pair in mine for pair in pairwise(pieces)]
    held = [a or b for a, b in zip([False, *beside], [*beside, False], strict=True)]
    head = _head(row)
    foreign = [
        (pieces[i], pieces[i + 1])
        for i in range(len(pieces) - 1)
        if not held[i] and not held[i + 1] and all(map(DENSE_ONE.match, pieces[i : i + 2]))
    ]
    return any(
        not (head - other) & said
        for pair in foreign
        for segment in state.segments
        for other in _heads_with(state, segment, pair)[:1]
    )


def _heads_with(state: State, segment: Segment, pair: Pair) -> Sequence[set[Pair]]:
    """Heads of the first rows that hold the pair in it."""
    numbers = segment.postings.rows("".join(pair))[:LOOKED_AT]
    heads = (_head(segment.rows[int(n)]) for n in numbers if state.alive[segment.first + int(n)])
    return [head for head in heads if pair in head]


def _head(row: Row) -> set[Pair]:
    """Pairs of what stands before the tail of a name, and of its other cells."""
    return _pairs(row.form[: len(row.form) - len(row.tail)], row.context)


def _pairs(form: str, context: str) -> set[Pair]:
    return {pair for line in (form, *context.split("\n")) for pair in pairwise(units(line))}
