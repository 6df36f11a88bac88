"""Codes that a spreadsheet turned into numbers: restored where that is exact, refused where not.

A spreadsheet shows 402535510938 as 402535510938.0 or 4.02535510938E+11, drops leading zeros, and
rounds what does not fit into the cell. What was rounded cannot be restored, and is never guessed.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from huohou.data.excel import Number
from huohou.text import say

_NUMBER = re.compile(r"\s*[=\"']*\d")
_WHOLE = re.compile(r"\d+(?:\.0+|,0)")  # 402,000 may be thousands
_POWER = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,3})")
_QUOTED = re.compile(r"=?\"(\d+)\"|'(\d+)")
LIKE = 4  # first digits that a code with its last digit lost shares with others of the table


@dataclass(frozen=True, slots=True)
class Rounded:
    """A number of which digits are lost. kept, whole: how many are left, how many it had."""

    kept: int
    whole: int


@dataclass(frozen=True, slots=True)
class Restored:
    """Cells as codes, and what was done to them in words."""

    cells: list[str]
    notes: list[str]


def digits_of(cell: str) -> str | Rounded:
    """The digits behind a number as a spreadsheet writes it; anything else as it is.

    >>> digits_of("402535510938.0"), digits_of("4.02535510938E+11")
    ('402535510938', '402535510938')
    >>> digits_of("4.0253551E+11"), digits_of("no number")
    (Rounded(kept=8, whole=12), 'no number')
    """
    if not _NUMBER.match(cell):
        return cell.strip()
    text = unicodedata.normalize("NFKC", cell).strip()
    if text.isascii() and text.isdigit():
        return text
    if _WHOLE.fullmatch(text):
        return re.split("[.,]", text)[0]
    if quoted := _QUOTED.fullmatch(text):
        return quoted[1] or quoted[2]
    if power := _POWER.fullmatch(text):
        kept, whole = 1 + len(power[2] or ""), 1 + int(power[3])
        return power[1] + (power[2] or "") if kept == whole else Rounded(kept, whole)
    return cell.strip()


def plain_digits(cell: str) -> str:
    """The digits where they are all there, else the cell as it is."""
    if cell.isdigit() and cell.isascii():
        return str(cell)
    found = digits_of(cell)
    return cell.strip() if isinstance(found, Rounded) else found


def restored(
    cells: Sequence[str], lines: Sequence[int], length: int, verifies: Callable[[str], bool] | None
) -> Restored:
    """Cells of a column of codes of this length, each as it was before a spreadsheet had it.

    verifies: whether a code is right by its check digit, None where the codes carry none. A cell
    that cannot be restored stays as it is.
    """
    plain = [plain_digits(cell) for cell in cells]
    begins = {one[:LIKE] for one in plain if len(one) == length}
    whole = [
        _with_zeros(one, cell, length, begins, verifies)
        for one, cell in zip(plain, cells, strict=True)
    ]
    notes: list[str] = []
    for key, before, after in (
        ("data.codes_restored", [cell.strip() for cell in cells], plain),
        ("data.zeros_restored", plain, whole),
    ):
        changed = [i for i, one in enumerate(after) if one != before[i]]
        if changed:
            at = changed[0]
            notes.append(
                say(key, count=len(changed), line=lines[at], before=before[at], after=after[at])
            )
    return Restored(whole, notes)


def _with_zeros(
    plain: str,
    cell: str,
    length: int,
    begins: set[str],
    verifies: Callable[[str], bool] | None,
) -> str:
    """With its leading zeros, where only these can be what is missing.

    A number has lost leading zeros and nothing else. A text may have lost its last digit as well:
    it must then verify, and must not begin like the other codes of the table do.
    """
    if not 0 < len(plain) < length or not (plain.isascii() and plain.isdigit()):
        return plain
    filled = plain.zfill(length)
    if verifies is None:
        return filled if isinstance(cell, Number) else plain
    sure = isinstance(cell, Number) or plain[:LIKE] not in begins
    return filled if sure and verifies(filled) else plain
