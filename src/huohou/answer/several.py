"""What a question tells of a name without saying it whole: a part of it, or a forgotten word.

``名字里带“新”字的支行`` holds a part, ``世纪什么支行`` has a word that stands for another, and who
has forgotten the rest says so. Pure text; the words are in ``phrases``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from huohou.answer import phrases
from huohou.data.names import KINDS

Where = Literal["in", "start", "end", "value"]
ANY = "＊"  # stands for characters that were not told; no question has it after NFKC
_QUOTES = "\"'“”‘’「」『』《》"
_WORD = re.compile(r"[^\W_]")
_DENSE = "\u3400-\u9fff"


@dataclass(frozen=True, slots=True)
class Held:
    """A part of what is looked for. where: in the name, at its start or end (that of a branch,
    behind its institution), or at the start of the value."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Told:
    """What was told. rest: the question without it, with ANY for a forgotten word; holds: parts of
    the name; vague: whether the asker has forgotten a part."""

    rest: str
    holds: tuple[Held, ...] = ()
    vague: bool = False


def told(text: str) -> Told:
    """The parts of a name in a question.

    >>> told("大悟农商行名字里带“新”字的支行")
    Told(rest='大悟农商行\\n支行', holds=(Held(text='新', where='in'),), vague=False)
    >>> told("工行世纪什么支行").rest, told("offices whose name contains Hill").holds[0].text
    ('工行世纪＊支行', 'Hill')
    """
    text, forgot = _without_forgotten(text)
    text = _wild().sub(ANY, _such().sub("", text))
    holds: list[Held] = []
    for pattern, where in _patterns() if _hints().search(text) else ():

        def taken(found: re.Match[str], where: Where = where) -> str:
            part = next(one for one in found.groups() if one).strip(_QUOTES + " ?？。.")
            if ANY in part:
                return part
            by_value = where == "start" and part.isdecimal() and len(part) > 1
            holds.append(Held(part, "value" if by_value else where))
            return "\n"

        text = pattern.sub(taken, text)
    return Told(text, tuple(dict.fromkeys(one for one in holds if one.text)), forgot or ANY in text)


def _without_forgotten(text: str) -> tuple[str, bool]:
    """Without the parts of a sentence that say only that something is forgotten."""
    words = _any(phrases.FORGOT)
    parts = re.split(r"(?<=[,，。;；!！?？])", text)
    if not any(words.search(part) for part in parts):
        return text, False
    kept = "".join(_before(part) if len(parts) == 1 else _said(part) for part in parts)
    if not _WORD.search(kept):  # it is all there is
        return text, False
    near = re.compile(rf"(?:{'|'.join(phrases.NEARBY)})的?")
    return near.sub("\n", kept), True


def _said(part: str) -> str:
    """A part of a sentence, up to where it says what is forgotten, if much stands before that."""
    before = _before(part)
    return part if before == part else f"{before}," if _counted(before) else ""


def _before(part: str) -> str:
    """Up to the words that say it, and without who forgot."""
    said = _any(phrases.FORGOT).split(part)
    if len(said) == 1:
        return part
    return re.sub(rf"(?:{_either(phrases.FORGETTERS)})*\s*$", "", said[0], flags=re.IGNORECASE)


def _counted(text: str) -> bool:
    return any(word in text for word in phrases.MANY)


@cache
def _such() -> re.Pattern[str]:
    """Examples behind what is asked for: 城关城东什么的."""
    return re.compile(rf"[\s,，][{_DENSE}]{{1,12}}(?:{_either(phrases.SUCH)})(?=$|[\s,，])")


@cache
def _wild() -> re.Pattern[str]:
    words = "|".join(re.escape(one) for one in sorted(phrases.WILD, key=len, reverse=True))
    units = _either((*KINDS, *phrases.WILD_BEFORE))
    after = rf"(?=[{_DENSE}]{{0,3}}(?:的)?(?:{units}))"
    before = rf"(?<=[{_DENSE}])(?<![{phrases.NOT_WILD}])"
    twice = rf"(?<=[{_DENSE}])(?:什么什么|啥啥|某某|叉叉)"
    return re.compile(rf"(?:{twice}|{before}(?:{words})){after}", re.IGNORECASE)


@cache
def _hints() -> re.Pattern[str]:
    """One of these words stands in every question that tells a part of a name."""
    dense = (*phrases.HOLDS, *phrases.NAME_HOLDS, *phrases.CALLED, *phrases.FIRST, *phrases.LAST)
    letters = (
        rf"\b(?:{phrases.HOLDS_EN}|{phrases.FIRST_EN}|{phrases.LAST_EN}|{phrases.CALLED_EN})\b"
    )
    return re.compile(rf"{_either((*dense, phrases.SURNAME))}|{letters}", re.IGNORECASE)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Where], ...]:
    name, holds = _either(phrases.NAME_HOLDS), _either(phrases.HOLDS)
    after = _either((*phrases.HOLDS, *phrases.HOLDS_AFTER_NAME))
    letter, first, last = map(_either, (phrases.LETTER, phrases.FIRST, phrases.LAST))
    quoted = rf"[{_QUOTES}]([^{_QUOTES}]{{1,20}})[{_QUOTES}]"
    some = rf"(?:这)?(?:[一二两三四五六\d]?个)?(?:{letter})?"
    said = rf"(?:{name})?(?:里|中)?都?(?:{holds})(?:一?个)?|(?:{name})都?(?:{after})(?:一?个)?"
    dense = rf"(?!字)[{_DENSE}{ANY}]"
    edge = rf"(?:(?:以|用){quoted}{some}|(?:以|用)((?:{dense}){{1,8}}?|\d+)(?:{letter})?"
    edge += rf"|{quoted}{some}"
    edge += rf"|({dense})(?:{letter})"
    edge += rf"|(?:(?<=^)|(?<=[\s,，]))((?:(?![以用]){dense}){{1,8}}?|\d+)|(\d{{2,}}))"
    raw: tuple[tuple[str, Where], ...] = (
        (rf"(?:{name})?(?:是|里)?{edge}(?:{first})的?", "start"),
        (rf"(?:{name})?(?:是|里)?{edge}(?:{last})的?", "end"),
        (rf"(?:{said}){quoted}{some}的?", "in"),
        (rf"(?:{said})((?:{dense}){{1,8}}?)(?:这)?(?:[一二两三四五六\d]+个)?(?:{letter})的?", "in"),
        (rf"(?:{name})都?(?:{after})((?:{dense}){{1,16}}?)的", "in"),
        (rf"(?:{_either(phrases.CALLED)})((?:{dense}){{1,8}}?)的(?!是|吗|呢)", "in"),
        (rf"{phrases.SURNAME}({dense})的", "start"),
        *_english(),
    )
    return tuple((re.compile(pattern, re.IGNORECASE), where) for pattern, where in raw)


def _english() -> tuple[tuple[str, Where], ...]:
    word, quoted = rf"[^\s{_QUOTES}?]+", rf"[{_QUOTES}]([^{_QUOTES}]+)[{_QUOTES}]"
    words = rf"(?:{quoted}|({word}(?:\s+(?!in\b|are\b|do\b|there\b){word}){{0,3}}?))"
    end = r"(?=\s+(?:in|are|do|does|there)\b|\s*[?.!]?\s*$|\s*,)"
    letters = r"(?:the\s+)?(?:words?\s+|letters?\s+)?"
    whose = r"(?:(?:whose|with|their|that|which|in)\s+)?(?:the\s+|a\s+)?names?\s+"
    return (
        (rf"\b(?:{whose})?{phrases.FIRST_EN}\s+{letters}{words}{end}", "start"),
        (rf"\b(?:{whose})?{phrases.LAST_EN}\s+{letters}{words}{end}", "end"),
        (rf"\b{whose}(?:{phrases.HOLDS_EN})\s+{letters}{words}{end}", "in"),
        (rf"\b(?:contain(?:s|ing)?)\s+{letters}{words}{end}", "in"),
        (
            rf"\b(?:{phrases.HOLDS_EN})\s+{letters}{words}\s+in\s+(?:the|its|their)\s+names?\b",
            "in",
        ),
        (rf"\b(?:{phrases.CALLED_EN})\s+{quoted}", "in"),
    )


def _either(words: Iterable[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(words, key=len, reverse=True))


@cache
def _any(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_either(words), re.IGNORECASE)
