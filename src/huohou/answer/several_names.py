"""Several names in one question, and one that continues another: A支行和B支行的行号."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from huohou.answer import phrases, wording
from huohou.answer.index.canonical import canonical, normal_form
from huohou.answer.types import Answer, Entry, Mode
from huohou.answer.understand import Asked
from huohou.data.facts import Fact
from huohou.data.names import branch_kind, parts

if TYPE_CHECKING:
    from huohou.answer.lookups import LookUps

MOST_NAMES = 5  # in one question
BETWEEN = re.compile("|".join(map(re.escape, phrases.BOTH)), re.IGNORECASE)


def between(text: str) -> list[str]:
    """Several names in one text; the text alone where it names one, or too many."""
    names = [name.strip() for name in BETWEEN.split(text) if name.strip()]
    return names if len(names) <= MOST_NAMES else [text]


def joins(text: str, rows: Sequence[Entry]) -> bool:
    """Whether a word between two names stands there, and is no part of the name that is meant."""
    around = [text[max(0, one.start() - 1) : one.end() + 1] for one in BETWEEN.finditer(text)]
    return any(not any(one in row.key for row in rows[:1]) for one in around)


def both(table: "LookUps", asked: Asked, mode: Mode) -> Answer | None:
    """The values of several names in one question, where each is found by itself."""
    column = asked.column or table.columns.value
    for name in table.names_of(asked):
        names, rows = between(name), list[Entry]()
        for one in names:
            row = _alone(table, one, rows[0] if rows else None, names[0])
            rows += [row] if row else []
        if len(names) > 1 and len({row.id for row in rows}) == len(names):
            words = "\n".join(
                wording.cell(row, column) if asked.column else wording.found(row, table.nouns)
                for row in rows
            )
            return table.sure(asked, mode, words, [row.columns[column] for row in rows], rows)
    return None


def _alone(table: "LookUps", name: str, first: Entry | None, said: str) -> Entry | None:
    """The one row of a name, or of what was said before the branch of the first, and the name.

    first: the row of the first name; said: how that was written.
    """
    heads = _before_branch(said, first) if first is not None else []
    for one in (name, *(f"{head}{name}" for head in heads)):
        found = table.meant(Asked("value", one, (one,)))
        if found.decision.status == "found":
            return found.rows[0]
    return None


def _before_branch(said: str, entry: Entry) -> list[str]:
    """What was said in front of a row's branch: the institution, which the next name shares."""
    city = Fact(entry.key, entry.value, entry.line, entry.columns).city
    branch = parts(entry.key, city).branch
    for ending in (branch, branch.removesuffix(branch_kind(entry.key))):
        told = canonical(normal_form(ending))
        before, found, _ = canonical(normal_form(said)).partition(told) if told else ("", "", "")
        if found and before:
            return [before]
    return []
