"""How many slips of the fingers lie between a text and a name, whichever way the name is written.

A person who means a row writes its name, or what people call it, in some order, and slips once or
twice; or writes a sentence around it. Somebody who means another thing writes another word: that is
many letters away from every way to write this one. Where the letters stand decides here, and no
rarity: a slip in the form of the company costs as much as one in the name of a street.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from huohou.answer.index.canonical import canonical, folded, joined, normal_form
from huohou.answer.types import KEYED, Entry, Hit
from huohou.data.facts import Fact
from huohou.data.names import (
    BANKS,
    KINDS,
    REGION,
    abbreviations,
    branch_kind,
    everyday,
    is_chinese,
    parts,
)

MOST = 4  # slips that are told apart; more are as many
LONGEST = 80  # letters of a text that may be a name
NEAREST = 12  # rows whose letters are looked at
ALIKE = ("sound", "shape", "accent")  # features of a look-up that explain another character
COVERS = ("cover.asked", "cover.tail", "cover.head")
CONTAINED = 4  # letters that a way to write a name must have to be looked for inside a text
# Words between the parts of a name that belong to none of them.
FILLERS = re.compile(
    "那个|那家|那边|那儿|那里|这个|这家|附近|旁边|边上|对面|一家|一个|镇上|路上|街上|的|在|(?<=[路街镇乡道村])上"
)


RURAL_SHORT = re.compile("农商(?:银(?!行)|(?![行银村]))")  # as a branch's own people say it
# Those that may stand in the name of a road (光大 in 龙光大道) only as a bank's.
SHORTS = tuple(dict.fromkeys(one if one[-1] in "行社" else f"{one}银行" for _, _, one in BANKS))
_BANK = "|".join(sorted(map(re.escape, (*SHORTS, "农商行")), key=len, reverse=True))
# In front of a bank the kind of a place, and behind it the kind of a branch, that its name has not.
PLACE_KIND = re.compile(rf"(?<=..)[镇乡村](?=(?:{_BANK}))")
LOOSE_KIND = re.compile(rf"(?<=..)({_BANK})支行$")


class Forms(NamedTuple):
    """Ways to write a name: with bank and kind of branch, without the kind, the branch alone; and
    what tells the branch from others and the bank in short, empty where they are not known."""

    full: tuple[str, ...]
    bare: tuple[str, ...]
    alone: tuple[str, ...]
    core: str
    bank: str


class Said(NamedTuple):
    """What was asked, as letters: as it stands, and with banks in short and without fillers."""

    whole: str
    short: str


def said_of(text: str) -> Said:
    """The letters of a question's name."""
    short = RURAL_SHORT.sub("农商行", FILLERS.sub("", canonical(normal_form(text))))
    short = LOOSE_KIND.sub(r"\1", short)
    return Said(letters(text), letters(PLACE_KIND.sub("", short)))


def with_slips(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits with what the letters say of them: see ``features``.

    Only the nearest have it, and none where the text is too long for a name; where a row bears
    the very name, resemblances are not looked at.
    """
    if any(hit.how in KEYED for hit in hits) or not text.strip():
        return list(hits)
    said = said_of(text[: 4 * LONGEST])
    if not said.whole or len(said.whole) > LONGEST:
        return list(hits)
    near = [replace(hit, features=_told(said, hit)) for hit in hits[:NEAREST]]
    return [*near, *hits[NEAREST:]]


def _told(said: Said, hit: Hit) -> dict[str, float]:
    """With what the look-up says of the same characters: which sound or look so, or which stand in
    a phrase that tells no names apart (股坟有限公司), when all the rest is there."""
    found = {**hit.features, **features(said, hit.entry)}
    all_there = all(found.get(part, 0.0) >= 1 for part in COVERS)
    if all_there or any(found.get(name, 0.0) > 0 for name in ALIKE):
        found.pop("unlike", None)
    return found


def features(said: Said, entry: Entry) -> dict[str, float]:
    """What the letters say of a row.

    slips: letters to change, add, leave out or swap with the next, at least, 0 to MOST, to come to
    a way to write it (optimal string alignment, Damerau 1964); and where there are several:
    other.bank: whether it names another bank and not the row's;
    unlike: whether the one slip puts another character into what tells the branch from others;
    inside, inside.bare: whether the text contains a way to write it, with and without the kind of
    branch; alone: whether it is the branch without its bank, alone.slip: but for one slip.
    """
    city = Fact(entry.key, entry.value, entry.line, entry.columns).city
    forms = forms_of(entry.key, city)
    apart, every = _apart(said, forms), len(forms.full) + len(forms.bare)
    fewest = int(apart[:, :every].min(initial=MOST))
    other = fewest > 0 and _other_bank(said, forms.bank)
    replaced = fewest == 1 and _replaced(said, (*forms.full, *forms.bare))
    if other and replaced:
        fewest = 2  # the short names of two banks are one character apart, and no slip
    found = {"slips": float(fewest)}
    if replaced and fewest == 1 and not (forms.core and forms.core in said.whole):
        found["unlike"] = 1.0
    if other:
        found["other.bank"] = 1.0
    if fewest > 0 and is_chinese(entry.key):
        branch = int(apart[:, every:].min(initial=2))
        told = {
            "inside": _inside(said, forms.full),
            "inside.bare": _inside(said, forms.bare),
            "alone": branch == 0,
            "alone.slip": branch == 1,
        }
        found |= {name: 1.0 for name, there in told.items() if there}
    return found


def _apart(said: Said, forms: Forms) -> NDArray[np.int32]:
    """Slips from both texts to every form, full, bare, alone; MOST for all that is farther."""
    texts = list(dict.fromkeys(said))
    every = [*forms.full, *forms.bare, *forms.alone]
    found = cdist(texts, every, scorer=OSA.distance, score_cutoff=MOST - 1, dtype=np.int32)
    return np.asarray(found, dtype=np.int32)


def _replaced(said: Said, forms: Iterable[str]) -> bool:
    """Whether the one slip can only be a character in the place of another."""
    found = False
    for text in (said.whole, said.short):
        for form in forms:
            apart = abs(len(form) - len(text)) <= 1 and OSA.distance(text, form, score_cutoff=1)
            if apart != 1:
                continue
            pairs = zip(text, form, strict=False)
            if len(form) != len(text) or sum(a != b for a, b in pairs) > 1:
                return False
            found = True
    return found


def _other_bank(said: Said, own: str) -> bool:
    """Whether the text names banks, and the row's is not among them."""
    return bool(own) and own not in said.short and any(one in said.short for one in SHORTS)


def _inside(said: Said, forms: Iterable[str]) -> bool:
    """Whether the text contains one of them, and around it nothing that ends as a branch does."""
    return any(
        not _another(text, form)
        for text in dict.fromkeys(said)
        for form in [one for one in forms if one in text and len(one) >= CONTAINED]
    )


def _another(text: str, form: str) -> bool:
    """Whether what stands around the form ends as a branch does."""
    before, _, after = text.partition(form)
    return any(kind in before + after for kind in KINDS)


@lru_cache(maxsize=4096)
def forms_of(name: str, city: str) -> Forms:
    """Ways to write a name: in full, as people say it, in short, with its parts in turn."""
    found = parts(name, city)
    branch, kind = letters(found.branch), letters(branch_kind(name))
    banks = [letters(one) for one in (found.official, found.bank, found.short)] if branch else []
    places = [letters(one) for one in (city, REGION.sub("", city), "")] if city else [""]
    usual = [letters(one) for one in (name, *everyday(name, city), *abbreviations(name, city))]
    full = [*usual, *_turned(banks, places, branch)]
    core = branch.removesuffix(kind) if kind else ""
    bank = letters(canonical(normal_form(found.short))) if branch else ""
    bare = [one.removesuffix(kind) for one in usual] if core else []
    bare += _turned(banks, places, core) if core else []
    alone = [place + one for place in places for one in (branch, core) if len(one) > 1]
    return Forms(_distinct(full), _distinct(bare), _distinct(alone), core or branch, bank)


def _distinct(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, forms)))


def _turned(banks: Sequence[str], places: Sequence[str], branch: str) -> list[str]:
    """Bank, place and branch in every order in which people say them."""
    return [
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


@lru_cache(maxsize=4096)
def letters(text: str) -> str:
    """A text in one width, script and case, without blanks and marks.

    >>> letters("ＩＣＢＣ (農業 銀行)")
    'icbc农业银行'
    """
    return joined(folded(text)).replace(" ", "")
