"""Markdown tables of a report."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from huohou.record.readers.prose.lines import Line
from huohou.record.readers.prose.moods import Mood, lead_mood

_RULE = re.compile(r":?-+:?")
_EARLIER = re.compile(
    r"训练前|微调前|之前|优化前|基[线座]|原始|before|base(?:line)?\b|original|untuned", re.I
)
_LATER = re.compile(r"训练后|微调后|之后|优化后|after|tuned|ours", re.I)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its heading row and the rows below it, each with its line."""

    head: tuple[str, ...]
    rows: tuple[tuple[Line, tuple[str, ...]], ...]

    def measured(self, column: int) -> bool:
        """Whether a column holds what was measured: its heading does not expect or advise."""
        mood = lead_mood(self.head[column]) if column < len(self.head) else None
        return mood in (None, Mood.MEASURED, Mood.EARLIER)

    def when(self, column: int) -> str:
        """ "before" or "after" where the column's heading says so, else ""."""
        head = self.head[column] if column < len(self.head) else ""
        return "before" if _EARLIER.search(head) else "after" if _LATER.search(head) else ""


def tables(lines: Iterable[Line]) -> Iterator[Table]:
    """The tables, in order: neighbouring lines with cells whose second is a rule."""
    group: list[tuple[Line, tuple[str, ...]]] = []
    for line in lines:
        if line.kind == "table" and (not group or group[-1][0].number == line.number - 1):
            group.append((line, cells(line.text)))
            continue
        yield from _table(group)
        group = [(line, cells(line.text))] if line.kind == "table" else []
    yield from _table(group)


def _table(group: list[tuple[Line, tuple[str, ...]]]) -> Iterator[Table]:
    if len(group) > 2 and all(_RULE.fullmatch(cell) for cell in group[1][1]):
        yield Table(group[0][1], tuple(group[2:]))


def cells(text: str) -> tuple[str, ...]:
    """Cells of a row.

    >>> cells("| Top-1 | 10.0% (5/50) | |")
    ('Top-1', '10.0% (5/50)', '')
    """
    return tuple(
        cell.strip() for cell in text.strip().removeprefix("|").removesuffix("|").split("|")
    )
