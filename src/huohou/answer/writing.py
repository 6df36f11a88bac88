"""A model that writes by itself, for comparison: held to the table's values, or left alone.

``constrained``: every character it writes continues a value of the table (a trie of them all), so
the value is real; that it is the right one is the model's claim, and is checked against what the
look-up finds for the name. ``closed``: its own words; each code in them is looked up, and one that
is not in the table is said to be so and is not given as a value.
"""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from huohou.answer.choose import Writer
from huohou.answer.types import Check, Entry, Hit, Status
from huohou.errors import UsageError
from huohou.measure.text import pattern_of
from huohou.probe.answers import Heard
from huohou.text import say

if TYPE_CHECKING:
    from huohou.answer.index import FactIndex

LETTERS = sorted(string.ascii_letters + string.digits + "-_./ ")
SPELT = frozenset(LETTERS)
FITTING = 3  # rows of the look-up that the name may mean, best first


@dataclass(frozen=True, slots=True)
class Written:
    """What a model wrote. text: its words; entries: rows of the real values in them; invented:
    values that no row has."""

    text: str
    entries: tuple[Entry, ...]
    invented: tuple[str, ...]
    status: Status
    verified: bool
    confidence: float
    checks: tuple[Check, ...]
    note: str


class Values:
    """All values of a table, to be spelt a character at a time, and what its codes look like.

    >>> values = Values(["120", "121", "1"])
    >>> values.after("1"), values.after("12"), values.after("9")
    (['', '2'], ['0', '1'], [])
    """

    def __init__(self, values: Iterable[str]) -> None:
        from marisa_trie import Trie

        every = sorted(set(values))
        self.pattern = pattern_of(every)
        self.odd = next((value for value in every if not SPELT.issuperset(value)), None)
        self._trie: Any = Trie(every)

    def after(self, begun: str) -> list[str]:
        """Characters that continue what is begun to a value; "" where it is one already."""
        more = (one for one in LETTERS if next(self._trie.iterkeys(begun + one), None) is not None)
        return ([""] if begun in self._trie else []) + list(more)

    def codes(self, text: str) -> list[str]:
        """What looks like one of the codes in a text; nothing where they have no pattern."""
        return self.pattern.find(text) if self.pattern else []


def constrained(
    index: "FactIndex", values: Values, writer: Writer, question: str, hits: Sequence[Hit]
) -> Written:
    """The value that the model spells, and whether the look-up agrees that the name may mean it.

    Raises UsageError for a table whose values are not all plain letters and digits.
    """
    if values.odd is not None:
        column = index.about.value
        raise UsageError("answer.not_spelt", column=column, value=values.odd)
    value, chance = writer.spell(question, values.after)
    entries = tuple(index.by_value(value))
    fits = {hit.entry.value for hit in hits[:FITTING]}
    real = Check("real", bool(entries), say("answer.check.real"))
    meant = Check("meant", value in fits, say("answer.check.meant"))
    status: Status = "found" if entries else "unsure"
    note = say("answer.note.constrained")
    return Written(value, entries, (), status, meant.passed, chance, (real, meant), note)


def closed(
    index: "FactIndex",
    values: Values,
    writer: Writer,
    question: str,
    heard: Heard | None = None,
) -> Written:
    """The model's own words, with what the table says of each code in them."""
    text, chance = writer.write(question, heard)
    codes = values.codes(text)
    rows = {code: index.by_value(code) for code in codes}
    entries = tuple(row for found in rows.values() for row in found)
    invented = tuple(code for code, found in rows.items() if not found)
    notes = [say("answer.note.by_itself")]
    if invented:
        listed = ", ".join(invented)
        notes.append(say("answer.note.invented", count=len(invented), codes=listed))
    elif entries:
        names = say("answer.and").join(dict.fromkeys(row.key for row in entries))
        notes.append(say("answer.note.other_name", names=names))
    status: Status = "found" if entries and not invented else "unsure"
    checks = (Check("real", not invented, say("answer.check.real")),) if codes else ()
    return Written(text, entries, invented, status, False, chance, checks, " ".join(notes))
