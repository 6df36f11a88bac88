"""One part of an index that never changes once written: rows, keys and postings in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from huohou.answer.index.canonical import DENSE_ONE, canonical, normal_form, units
from huohou.answer.index.grams import grams
from huohou.answer.index.keys import Keys, KeysWriter
from huohou.answer.index.learned import initials, learned_places, without_place
from huohou.answer.index.postings import Postings, PostingsWriter
from huohou.answer.index.rows import Row, Rows, RowsWriter
from huohou.answer.index.sounds import write_readings
from huohou.data.facts import Fact, city_column, plain_code
from huohou.data.names import split_name

NORMAL, FORM, SHORT, VALUE = "normal", "form", "short", "value"
LONGEST_CONTEXT = 40  # characters of another cell; what is longer is a text, not a place


class Segment:
    """An opened segment. first: global number of its first row."""

    def __init__(self, folder: Path, first: int) -> None:
        self.first = first
        self.rows = Rows(folder)
        self.keys = Keys(folder)
        self.postings = Postings(folder)

    def __len__(self) -> int:
        return len(self.rows)


def write_segment(folder: Path, facts: Sequence[Fact], cells: Sequence[tuple[str, ...]]) -> None:
    """A new segment of these rows. cells: each row whole, in the order of the table's columns."""
    folder.mkdir(parents=True)
    shaper = _Shaper(facts)
    rows, keys, postings = RowsWriter(folder), KeysWriter(), PostingsWriter()
    for number, (fact, row) in enumerate(zip(facts, cells, strict=True)):
        shaped = shaper.shape(fact, row)
        rows.add(shaped.row)
        postings.add(shaped.grams)
        keys.add(VALUE, plain_code(fact.value), number)
        keys.add(NORMAL, shaped.normal, number)
        keys.add(FORM, shaped.row.form, number)
        for short in shaped.shorts:
            keys.add(SHORT, short, number)
    rows.write()
    keys.write(folder)
    postings.write(folder)
    write_readings(folder)


@dataclass(frozen=True, slots=True)
class _Shaped:
    """A row to store, its grams, the normal form of its name and its short forms."""

    row: Row
    grams: list[str]
    normal: str
    shorts: set[str]


class _Shaper:
    """Makes rows to store; remembers institutions and other cells, which repeat."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        columns = tuple(facts[0].columns) if facts else ()
        self._city = city_column(columns)
        self._places: frozenset[str] = frozenset()
        if self._city is None:
            self._places = learned_places(split_name(fact.key)[1] for fact in facts)
        self._canonical = cache(lambda text: canonical(normal_form(text)))
        self._context_of = cache(self._context)

    def shape(self, fact: Fact, cells: tuple[str, ...]) -> _Shaped:
        normal = normal_form(fact.key)
        form = canonical(normal)
        city = fact.columns[self._city] if self._city else ""
        rest = without_place(split_name(fact.key, city)[1], self._places)
        tail = canonical(normal_form(rest)) if rest else ""
        if not form.endswith(tail):
            tail = ""
        shorts = (self._shorts(fact.key, tail, city) | initials(normal)) - {form, ""}
        context = dict.fromkeys(self._context_of(cell) for cell in fact.columns.values())
        kept = [one for one in context if one and one != form]
        found = dict.fromkeys(grams(units(form)))
        for words in kept:
            found.update(dict.fromkeys(grams(units(words))))
        row = Row(cells, form, tail or form, "\n".join(kept))
        return _Shaped(row, list(found), normal, shorts)

    def _shorts(self, key: str, tail: str, city: str) -> set[str]:
        """Institution and branch without the place, and with the place said in full."""
        if not tail or not DENSE_ONE.search(key):
            return set()
        institution = self._canonical(split_name(key)[0])
        return {institution + tail, institution + self._canonical(city) + tail}

    def _context(self, cell: str) -> str:
        words = len(cell) <= LONGEST_CONTEXT and any(one.isalpha() for one in cell)
        return canonical(normal_form(cell)) if words else ""
