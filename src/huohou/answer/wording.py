"""Answers in words. Every value in them is handed in, copied from a row."""

from collections.abc import Sequence
from dataclasses import dataclass

from huohou.answer.phrases import CHINESE
from huohou.answer.types import Entry
from huohou.data.facts import BANK_DIGITS
from huohou.text import language, say

SHOWN = 20  # rows of a list that are named in words


@dataclass(frozen=True, slots=True)
class Nouns:
    """What is said for the table's columns: of names, and of values."""

    key: str
    value: str

    @staticmethod
    def of(key: str, value: str, digits: int | None, check_digits: bool) -> "Nouns":
        """The columns' own names, but for bank codes, which have a name of their own."""
        bank = digits == BANK_DIGITS and check_digits
        return Nouns(said(key), say("answer.noun.bank_code") if bank else said(value))


def said(column: str) -> str:
    """A column's name as a word of the language in force, where there is one.

    >>> said("city_code")
    'city code'
    """
    word = " ".join(column.replace("_", " ").split())
    return CHINESE.get(word.casefold(), word) if language() == "zh" else word


def found(entry: Entry, nouns: Nouns) -> str:
    """The value of a name."""
    return say("answer.found", name=entry.key, noun=nouns.value, value=entry.value)


def cell(entry: Entry, column: str) -> str:
    """Another column of a row."""
    value = entry.columns[column]
    if not value:
        return say("answer.cell_empty", name=entry.key, noun=said(column))
    return say("answer.found", name=entry.key, noun=said(column), value=value)


def named(entries: Sequence[Entry], nouns: Nouns) -> str:
    """The names of a value."""
    names = say("answer.and").join(dict.fromkeys(entry.key for entry in entries))
    return say("answer.named", noun=nouns.value, value=entries[0].value, names=names)


def listed(entries: Sequence[Entry], total: int) -> str:
    """Rows, one a line, and how many more there are."""
    lines = [say("answer.line", name=entry.key, value=entry.value) for entry in entries[:SHOWN]]
    more = total - len(lines)
    head = say("answer.list" if total > 1 else "answer.list_one", count=total)
    return "\n".join([head, *lines, *([say("answer.more", count=more)] if more > 0 else [])])


def which(entries: Sequence[Entry], total: int, nouns: Nouns, hint: str = "") -> str:
    """The question back: which of these. hint: a column that tells them apart."""
    lines = [
        say("answer.line_choice", name=entry.key, **apart(entry, entries)) for entry in entries
    ]
    more = total - len(entries)
    tail: list[str] = []
    if more > 0:
        key = "answer.which_more_by" if hint else "answer.which_more"
        tail = [say(key, count=more, column=said(hint))]
    return "\n".join([say("answer.which", noun=nouns.value), *lines, *tail])


def apart(entry: Entry, entries: Sequence[Entry]) -> dict[str, str]:
    """What tells a row from others of the same name: its other cells that differ."""
    same = [one for one in entries if one.key == entry.key and one is not entry]
    differ = [
        value
        for name, value in entry.columns.items()
        if value != entry.key and any(one.columns.get(name) != value for one in same)
    ]
    return {"apart": f" ({', '.join(differ)})" if differ else ""}


def perhaps(entries: Sequence[Entry]) -> str:
    """Not sure: rows to look at."""
    lines = [say("answer.line_choice", name=e.key, **apart(e, entries)) for e in entries]
    return "\n".join([say("answer.unsure"), *lines])


def telling(entries: Sequence[Entry], key: str, value: str) -> str:
    """The first other column in which rows differ, empty where there is none."""
    if not entries:
        return ""
    for name in entries[0].columns:
        if name in (key, value):
            continue
        if len({entry.columns.get(name, "") for entry in entries}) > 1:
            return name
    return ""
