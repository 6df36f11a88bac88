"""Slips inside what all names share: the form of the company, the name of a large institution.

Canonical forms say these in short or drop them, which one wrong character would hinder. A phrase
that is there but for one slip is put right first: two neighbours swapped, one character missing or
doubled, or one in place of another that sounds or looks alike.
"""

from collections.abc import Callable, Iterator
from functools import cache

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from huohou.answer.index.canonical import INSTITUTION, INSTITUTIONS
from huohou.data.names import PROVINCE_NAMES, RURAL
from huohou.data.names import PROVINCES as PROVINCE

Why = Callable[[str, str], str]

LONG = "股份有限公司"
SHORTEST = 4  # characters of a phrase that is put right
SHORTEST_CUT = 5  # of one that a character may be missing of: 农银行 may be another bank
ALIKE = 70.0  # a slip leaves at least so much of the shortest phrase (of 100)


def mended(text: str, why: Why) -> str:
    """The text with its common phrases put right; why: tells whether two characters are a slip.

    >>> mended("中国农业银行股份限有公司大悟支行", lambda one, other: "")
    '中国农业银行股份有限公司大悟支行'
    >>> mended("胡北广水农商行", lambda one, other: "sound" * ({one, other} == set("胡湖")))
    '湖北广水农商行'
    """
    text = _with_province(text, why)
    has_bank = INSTITUTION.search(text) is not None
    if LONG not in text and len(set(text) & set(LONG)) >= SHORTEST:
        text = _with_phrases(text, [*([] if has_bank else _whole_names()), LONG], why)
    return text if has_bank else _with_phrases(text, _banks(), why)


def _with_province(text: str, why: Why) -> str:
    """A province in front of a rural bank, of which one character is another that is a slip."""
    if PROVINCE.match(text) or not RURAL.search(text, 3):
        return text
    for name in PROVINCE_NAMES:
        pairs = [(a, b) for a, b in zip(text, name, strict=False) if a != b]
        if len(pairs) == 1 and why(*pairs[0]):
            return name + text[len(name) :]
    return text


@cache
def _banks() -> list[str]:
    named = [one for one in INSTITUTIONS if len(one) >= SHORTEST]
    return sorted(named, key=lambda one: (-len(one), one))


@cache
def _whole_names() -> list[str]:
    return [bank + LONG for bank in _banks()]


def _with_phrases(text: str, phrases: list[str], why: Why) -> str:
    """The first phrase that is there but for a slip, put right."""
    for phrase in phrases:
        found = fuzz.partial_ratio_alignment(phrase, text, score_cutoff=ALIKE)
        if found is None:
            continue
        for start, end in _windows(found.dest_start, len(phrase), len(text)):
            kept = _slip(text[start:end], phrase, why)
            if kept is not None:
                return text[:start] + phrase + kept + text[end:]
    return text


def _windows(near: int, size: int, length: int) -> Iterator[tuple[int, int]]:
    """Stretches about a place, of the phrase's own length first."""
    for width in (size, size + 1, size - 1):
        for start in range(max(0, near - 2), min(near + 3, length - width + 1)):
            yield start, start + width


def _slip(found: str, phrase: str, why: Why) -> str | None:
    """What stays behind the phrase when it is put right; None when this is no slip of it."""
    if found == phrase or OSA.distance(found, phrase, score_cutoff=1) > 1:
        return None
    at = next((i for i, (a, b) in enumerate(zip(found, phrase, strict=False)) if a != b), -1)
    if len(found) == len(phrase):
        swapped = sorted(found) == sorted(phrase)
        return "" if swapped or why(found[at], phrase[at]) else None
    if len(found) < len(phrase):
        return "" if len(phrase) >= SHORTEST_CUT else None
    other = found[at] if at >= 0 else found[-1]
    if at > 0 and other == found[at - 1]:
        return ""
    # A stranger just before the phrase's last character was swapped with it: 公安司国 is 公司安国.
    return other if found[-1] == phrase[-1] and at == len(phrase) - 1 else None
