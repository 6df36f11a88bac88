"""Questions that mean several rows: a list, or a name of which a part is forgotten."""

from typing import TYPE_CHECKING

from huohou.answer import wording
from huohou.answer.confidence import MOST_CHOICES, Decision
from huohou.answer.meant import PARTLY, Meant
from huohou.answer.several_names import between, both
from huohou.answer.types import Answer, Entry, Mode, Status
from huohou.answer.understand import Asked
from huohou.text import say

if TYPE_CHECKING:
    from huohou.answer.lookups import LookUps

LISTED = 50  # rows of a list that an answer carries


def listed(table: "LookUps", asked: Asked, mode: Mode) -> Answer:
    """All rows of an institution or a place, or with a part of the name."""
    rows, total = _rows_of(table, asked, LISTED)
    if not rows:
        rows, total = _of_each(table, asked)
    if not rows:
        return both(table, asked, mode) or table.answer(
            asked, mode, say("answer.unknown_list"), status="unknown", confidence=1.0
        )
    values = [row.value if asked.values else row.key for row in rows]
    return table.sure(asked, mode, wording.listed(rows, total), values, rows)


def vague(table: "LookUps", asked: Asked, mode: Mode) -> Answer | None:
    """What fits a name of which a part is forgotten: one row is given, of several one is asked
    back; None where nothing fits."""
    rows, total = _rows_of(table, asked, MOST_CHOICES)
    if not rows:
        return None
    status: Status = "found" if total == 1 else "ambiguous"
    sure = PARTLY if total == 1 else len(rows) / total
    decision = Decision(status, tuple(range(len(rows))), sure)
    shares = (1 / total,) * len(rows)
    return table.told(asked, mode, Meant(tuple(rows), shares, (), decision, total, 0.0))


def _rows_of(table: "LookUps", asked: Asked, limit: int) -> tuple[list[Entry], int]:
    """The rows of the first text that has some."""
    for text in asked.parts or (("",) if asked.holds else ()):
        rows, total = table.index.listed(text, limit, asked.holds)
        if rows:
            return rows, total
    return [], 0


def _of_each(table: "LookUps", asked: Asked) -> tuple[list[Entry], int]:
    """The rows of several institutions or places, where each has several."""
    for name in asked.parts:
        found = [table.index.listed(part, LISTED, asked.holds) for part in between(name)]
        if len(found) > 1 and all(total > 1 for _, total in found):
            rows = {row.id: row for some, _ in found for row in some}
            whole = sum(total for _, total in found)
            return list(rows.values()), max(whole, len(rows))
    return [], 0
