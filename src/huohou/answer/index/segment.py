"""One part of an index that never changes once written: rows, keys and postings in a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from huohou.answer.index.canonical import DENSE_ONE, canonical, normal_form, units
from huohou.answer.index.grams import grams
from huohou.answer.index.keys import Keys, write_keys
from huohou.answer.index.postings import Postings, write_postings
from huohou.answer.index.rows import Row, Rows, write_rows
from huohou.data.facts import Fact, plain_code
from huohou.data.names import abbreviations, everyday, split_name

EXACT, NORMAL, FORM, SHORT, VALUE = "exact", "normal", "form", "short", "value"
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
    shaper = _Shaper()
    rows = [shaper.row(fact, row) for fact, row in zip(facts, cells, strict=True)]
    write_rows(folder, rows)
    write_keys(folder, _carried(facts, rows))
    write_postings(folder, (grams_of(row) for row in rows))


def grams_of(row: Row) -> list[str]:
    """What a row is found by: its name and what its other cells add to it."""
    found = dict.fromkeys(grams(units(row.form)))
    for words in row.context.split("\n"):
        found.update(dict.fromkeys(grams(units(words))))
    return list(found)


class _Shaper:
    """Makes stored rows; remembers other cells, which repeat."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def row(self, fact: Fact, cells: tuple[str, ...]) -> Row:
        form = canonical(normal_form(fact.key))
        tail = canonical(normal_form(split_name(fact.key, fact.city)[1]))
        context = dict.fromkeys(self._context(cell) for cell in fact.columns.values())
        kept = "\n".join(one for one in context if one and one not in form)
        return Row(cells, form, tail if tail and form.endswith(tail) else form, kept)

    def _context(self, cell: str) -> str:
        if cell not in self._seen:
            words = any(one.isalpha() for one in cell) and len(cell) <= LONGEST_CONTEXT
            self._seen[cell] = canonical(normal_form(cell)) if words else ""
        return self._seen[cell]


def _carried(facts: Sequence[Fact], rows: Sequence[Row]) -> Iterator[tuple[str, str, int]]:
    for number, (fact, row) in enumerate(zip(facts, rows, strict=True)):
        normal = normal_form(fact.key)
        yield EXACT, fact.key, number
        yield NORMAL, normal, number
        yield FORM, row.form, number
        yield VALUE, plain_code(fact.value), number
        shorts = {canonical(normal_form(form)) for form in _short_forms(fact)}
        for short in shorts - {row.form, ""}:
            yield SHORT, short, number


def _short_forms(fact: Fact) -> list[str]:
    if not DENSE_ONE.search(fact.key):
        return []
    return [*everyday(fact.key, fact.city), *abbreviations(fact.key, fact.city)]
