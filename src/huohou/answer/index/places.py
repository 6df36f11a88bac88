"""Whether a text names the place or the institution of other rows, and not that of a row."""

from collections.abc import Mapping
from itertools import pairwise

from huohou.answer.index.canonical import DENSE_ONE, normal_form, units
from huohou.answer.index.rows import Row
from huohou.answer.index.search import forms
from huohou.answer.index.segment import Segment
from huohou.answer.index.state import State
from huohou.data.names import PROVINCES, RURAL

Pair = tuple[str, str]
LOOKED_AT = 50  # rows that hold a stretch, of which one shows that it is a place's name


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
    loose = {piece for piece, one in zip(pieces, held, strict=True) if not one}  # 云农梦 is 云梦农
    foreign = [
        (pieces[i], pieces[i + 1])
        for i in range(len(pieces) - 1)
        if not held[i] and not held[i + 1] and all(map(DENSE_ONE.match, pieces[i : i + 2]))
    ]
    return any(
        not any(mine in said or loose.issuperset(mine) for mine in head - other)
        for pair in foreign
        for segment in state.segments
        if (other := _head_with(state, segment, pair)) is not None
    )


def other_province(text: str, columns: Mapping[str, str]) -> bool:
    """Whether a text begins with the province of a rural bank, and the row is of another one.

    A short form leaves the province out, since the place says it: 四川金川农商行 is looked for as
    金川农商行, and 甘肃泾川农商行 sounds like that. A row that names no province decides nothing.
    """
    said = normal_form(text)
    province = PROVINCES.match(said)
    if province is None or RURAL.search(said, province.end() + 1) is None:
        return False
    own = {one for cell in columns.values() for one in _provinces(cell)}
    return bool(own) and province.group().removesuffix("省") not in own


def _provinces(cell: str) -> list[str]:
    found = PROVINCES.match(normal_form(cell))
    return [found.group().removesuffix("省")] if found else []


def _head_with(state: State, segment: Segment, pair: Pair) -> set[Pair] | None:
    """The head of a row that holds the pair in it, of some rows from all over the table."""
    text, numbers = "".join(pair), segment.postings.rows("".join(pair))
    for number in numbers[:: max(1, len(numbers) // LOOKED_AT)]:
        row = segment.rows[int(number)]
        head = row.form[: len(row.form) - len(row.tail)]
        if (text in head or text in row.context) and state.alive[segment.first + int(number)]:
            return _head(row)
    return None


def _head(row: Row) -> set[Pair]:
    """Pairs of what stands before the tail of a name, and of its other cells."""
    return _pairs(row.form[: len(row.form) - len(row.tail)], row.context)


def _pairs(form: str, context: str) -> set[Pair]:
    return {pair for line in (form, *context.split("\n")) for pair in pairwise(units(line))}
