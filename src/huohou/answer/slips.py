"""How many slips of the fingers lie between a text and a name, whichever way the name is written.

A person who means a row writes its name, or what people call it, in some order, and slips once or
twice. Somebody who means another thing writes another word: that is many letters away from every
way to write this one. Where the letters stand decides here, and no rarity: a slip in the form of
the company costs as much as one in the name of a street.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from rapidfuzz.distance import OSA

from huohou.answer.index.canonical import folded, joined
from huohou.answer.types import KEYED, Entry, Hit
from huohou.data.facts import Fact
from huohou.data.names import REGION, abbreviations, branch_kind, everyday, parts

MOST = 4  # slips that are told apart; more are as many
PLACE = re.compile(r"(省|市|县|区|自治州|自治区|地区|盟)$")
LONGEST = 80  # letters of a text that may be a name


def with_slips(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits with a feature more: ``slips``, 0 to MOST. None has it where the text is too long
    for a name; where a row bears the very name, resemblances are not looked at."""
    said = letters(text[: 4 * LONGEST])
    if not said or len(said) > LONGEST or any(hit.how in KEYED for hit in hits):
        return list(hits)
    return [replace(hit, features=_counted(said, hit)) for hit in hits]


def _counted(said: str, hit: Hit) -> dict[str, float]:
    return {**hit.features, "slips": float(slips(said, hit.entry))}


def slips(said: str, entry: Entry) -> int:
    """Letters to change, add, leave out or swap with the next, at least, 0 to MOST.

    said: letters of what was asked. Source: optimal string alignment (Damerau 1964).
    """
    city = Fact(entry.key, entry.value, entry.line, entry.columns).city
    forms, fewest = _forms(entry.key, city), MOST
    for text in dict.fromkeys([said, *_without_cells(said, entry)]):
        for form in forms:
            if abs(len(form) - len(text)) < fewest:
                fewest = min(fewest, OSA.distance(text, form, score_cutoff=fewest - 1))
    return fewest


def _without_cells(said: str, entry: Entry) -> Iterator[str]:
    """The text without what another cell says beside the name: 江西 in 江西东乡县."""
    for cell in entry.columns.values():
        if cell in (entry.key, entry.value) or not any(one.isalpha() for one in cell):
            continue
        word = letters(cell)
        for part in (word, PLACE.sub("", word)):
            if len(part) > 1 and len(said) > len(part) + 1:
                for left in (said.removeprefix(part), said.removesuffix(part)):
                    if left != said:
                        yield left


@lru_cache(maxsize=4096)
def _forms(name: str, city: str) -> tuple[str, ...]:
    """Ways to write a name: in full, as people say it, in short, with its parts in turn; each also
    without the word for what kind of branch it is."""
    found = parts(name, city)
    branch, kind = letters(found.branch), letters(branch_kind(name))
    banks = [letters(one) for one in (found.official, found.bank, found.short)] if branch else []
    places = [letters(one) for one in (city, REGION.sub("", city))] if city else []
    turned = [
        form
        for bank in banks
        for place in places
        for form in (
            place + bank + branch,
            place + branch + bank,
            branch + place + bank,
            bank + place + branch,
        )
    ]
    usual = [letters(one) for one in (name, *everyday(name, city), *abbreviations(name, city))]
    every = usual + turned
    bare = [form.removesuffix(kind) for form in every] if kind else []
    return tuple(dict.fromkeys([*every, *filter(None, bare)]))


def letters(text: str) -> str:
    """A text in one width, script and case, without blanks and marks.

    >>> letters("ＩＣＢＣ (農業 銀行)")
    'icbc农业银行'
    """
    return joined(folded(text)).replace(" ", "")
