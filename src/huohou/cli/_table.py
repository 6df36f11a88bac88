"""Columns that line up on a terminal, Chinese ones as well."""

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Terminal columns a text takes: Chinese characters take two.

    >>> width("loss"), width("损失")
    (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as lines with their columns below each other; those in right end at the same place.

    >>> aligned([["a", "1"], ["bb", "22"]], right=[1])
    ['a    1', 'bb  22']
    """
    widest = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for i, cell in enumerate(row):
            space = " " * (widest[i] - width(cell))
            cells.append(space + cell if i in right else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines
