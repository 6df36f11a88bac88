"""Markdown tables of a report."""

import re
from dataclasses import dataclass

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import Mood, lead_mood

_RULE = re.compile(r":?-+:?")
_EARLIER = re.compile(
    r"训练前|微调前|之前|优化前|基[线座]|原始|before|base(?:line)?\b|original|untuned", re.I
)
_LATER = re.compile(r"训练后|微调后|之后|优化后|after|tuned|ours", re.I)


@dataclass(frozen=True, slots=True)
class Head:
    """The heading row of a table. context: the words the table stands under."""

    cells: tuple[str, ...]
    context: str

    def measured(self, column: int) -> bool:
        """Whether a column holds what was measured: its heading does not expect or advise."""
        mood = lead_mood(self.cells[column]) if column < len(self.cells) else None
        return mood in (None, Mood.MEASURED, Mood.EARLIER)

    def when(self, column: int) -> str:
        """ "before" or "after" where the column's heading says so, else ""."""
        head = self.cells[column] if column < len(self.cells) else ""
        return "before" if _EARLIER.search(head) else "after" if _LATER.search(head) else ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row below the heading of a table."""

    head: Head
    cells: tuple[str, ...]


class Tables:
    """Finds tables while a report is read: neighbouring lines with cells whose second is a rule."""

    def __init__(self) -> None:
        self._lines = 0  # of the table that is read
        self._last = 0  # number of its last one
        self._heading: tuple[str, ...] = ()
        self._ruled = False
        self._head: Head | None = None

    def row(self, line: Line) -> Row | None:
        """The row that a line is of a table; None for headings, rules and all other lines."""
        if line.kind != "table":
            self._lines = 0
            return None
        self._lines = self._lines + 1 if line.number == self._last + 1 else 1
        self._last = line.number
        found = cells(line.text)
        if self._lines == 1:
            self._heading, self._head = found, None
        elif self._lines == 2:
            self._ruled = all(_RULE.fullmatch(cell) for cell in found)
        elif self._ruled:
            self._head = self._head or Head(self._heading, line.context)
            return Row(self._head, found)
        return None


def cells(text: str) -> tuple[str, ...]:
    """Cells of a row.

    >>> cells("| Top-1 | 10.0% (5/50) | |")
    ('Top-1', '10.0% (5/50)', '')
    """
    return tuple(
        cell.strip() for cell in text.strip().removeprefix("|").removesuffix("|").split("|")
    )
