"""A name beside another cell of its row: 江西东乡县, where the table has a column of provinces.

What another cell says tells rows of one name apart and is no slip in the name. So a row is held
against the text once more without its own cell, and the fewer slips count.
"""

import re
from collections.abc import Iterator, Sequence

from huohou.answer.slips import with_slips
from huohou.answer.types import Entry, Hit

PLACE = re.compile(r"(省|市|县|区|自治州|自治区|地区|盟)$")  # left out as often as said
SHORTEST = 2  # characters of a cell, and of what is left beside it


def with_cells(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, with the slips of the text without what other cells of their rows say in it."""
    return [_best(text.strip(), hit) for hit in hits]


def _best(text: str, hit: Hit) -> Hit:
    best, fewest = hit, hit.features.get("slips")
    if not fewest:  # none, or not told: nothing to gain
        return best
    for left in without_cells(text, hit.entry):
        other = with_slips(left, [hit])[0]
        if other.features["slips"] < fewest:
            best, fewest = other, other.features["slips"]
    return best


def without_cells(text: str, entry: Entry) -> Iterator[str]:
    """The text without another cell of the row, where it begins or ends with that.

    >>> row = Entry(0, "东乡县", "4381", {"city": "东乡县", "code": "4381", "in": "江西省"}, 2)
    >>> list(without_cells("江西东乡县", row)), list(without_cells("甘肃东乡县", row))
    (['东乡县'], [])
    """
    for cell in entry.columns.values():
        if cell in (entry.key, entry.value) or not any(one.isalpha() for one in cell):
            continue
        for part in dict.fromkeys((cell, PLACE.sub("", cell))):
            if len(part) < SHORTEST or len(text) < len(part) + SHORTEST:
                continue
            for left in (text.removeprefix(part), text.removesuffix(part)):
                if left != text and left.strip():
                    yield left.strip()
