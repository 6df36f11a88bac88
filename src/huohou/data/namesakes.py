"""Everything that the facts of a table can be called, and which of them a text may mean.

Made for tables of 155,000 rows: one dictionary from the plain form of every name to the facts
that it may stand for. What one slip of the fingers may have come from is found backwards, by
undoing each possible edit, and then made forwards again by the styles to be certain.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property

from huohou.data.facts import Fact, FactTable
from huohou.data.names import REGION, abbreviations, branch_kind, is_chinese, parts, split_name
from huohou.data.normal import normal
from huohou.data.styles import Style, of_kind

PLAIN = re.compile("[\u4e00-\u9fff]+")
EDGE = "\0"  # stands before and after a form where neighbours are counted


def plain(text: str) -> str:
    """The normal form, in Chinese also without blanks: what mixed width does not change.

    >>> plain("工行 知春路\u3000支行？"), plain("Ａcme  Ltd.")
    ('工行知春路支行', 'acme ltd')
    """
    if PLAIN.fullmatch(text):  # nearly all names: nothing to fold
        return text
    found = normal(text)
    return found.replace(" ", "") if is_chinese(found) else found


class Namesakes:
    """Which facts of a table a text may mean. A fact is known by its name in normal form.

    keys: these names, to the names as the table has them.
    """

    def __init__(self, table: FactTable) -> None:
        self.keys: dict[str, str] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._by_place: dict[str, list[Fact]] = defaultdict(list)
        naming = of_kind("name")
        for fact in table.facts:
            key, city = normal(fact.key), fact.city
            self.keys.setdefault(key, fact.key)
            self._by_place[_place(fact.key, city)].append(fact)
            self._own(fact.value, key)
            for style in naming:
                for form in style.texts(fact.key, city):
                    self._own(form, key)

    def _own(self, form: str, key: str) -> None:
        wanted = plain(form)
        owners = self._owners.get(wanted, ())
        if key not in owners:
            self._owners[wanted] = (*owners, key)

    def __contains__(self, text: object) -> bool:
        return plain(str(text)) in self._owners

    def owners(self, text: str) -> tuple[str, ...]:
        """The facts that are called exactly so."""
        return self._owners.get(plain(text), ())

    def is_name(self, text: str) -> bool:
        """Whether the text is a fact's own name in full."""
        return normal(text) in self.keys

    def slipped(self, text: str, slips: Iterable[Style]) -> tuple[str, ...]:
        """All facts of whose forms one slip makes this text."""
        wanted, chosen = plain(text), list(slips)
        found: set[str] = set()
        for form in self.near(text):
            if any(wanted == plain(made) for slip in chosen for made in slip.texts(form)):
                found.update(self._owners[form])
        return tuple(sorted(found))

    def near(self, text: str) -> list[str]:
        """All plain forms one edit away: a character more, less or other, or two swapped."""
        found = plain(text)
        return sorted({form for form in self._edits(found) if form in self._owners} - {found})

    def _edits(self, text: str) -> Iterator[str]:
        framed = EDGE + text + EDGE
        nothing: set[str] = set()
        for i in range(len(text) + 1):
            left, right = framed[i], framed[i + 1]
            before, after = text[:i], text[i:]
            for one in self._after.get(left, nothing) & self._before.get(right, nothing):
                yield before + one + after
            if i == len(text):
                return
            yield before + after[1:]
            if i + 1 < len(text):
                yield before + text[i + 1] + text[i] + text[i + 2 :]
            for one in self._after.get(left, nothing) & self._before.get(framed[i + 2], nothing):
                yield before + one + after[1:]

    @cached_property
    def _after(self) -> dict[str, set[str]]:
        """Each character to those that follow it in some form: few edits need be tried."""
        pairs: set[tuple[str, str]] = set()
        for form in self._owners:
            pairs.update(zip(EDGE + form, form + EDGE, strict=True))
        found: dict[str, set[str]] = defaultdict(set)
        for one, other in pairs:
            found[one].add(other)
        return dict(found)

    @cached_property
    def _before(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for one, others in self._after.items():
            for other in others:
                found[other].add(one)
        return dict(found)

    def like(self, name: str, city: str) -> list[str]:
        """Names of the same institution and place whose branch contains this one's, or is in it.

        人民路支行 and 西湖人民路分理处 of one bank in one city: who asks for the one may mean the
        other, so neither can be called unknown while the other is in the table.
        """
        core = _core(name, city)
        road = _road(name, city)
        return [
            fact.key
            for fact in self._by_place.get(_place(name, city), ())
            if _within(core, fact.key)
            or (_within(_road(fact.key, fact.city), road) and _same_bank(name, city, fact))
        ]


def _place(name: str, city: str) -> str:
    return REGION.sub("", city) or split_name(name, city)[0]


def _core(name: str, city: str) -> str:
    """Bank in short, place and road: what the asker would not leave out."""
    form = (abbreviations(name, city) or [name])[-1]
    return form.removesuffix(branch_kind(form))


def _road(name: str, city: str) -> str:
    tail = split_name(name, city)[1] or name
    return tail.removesuffix(branch_kind(tail)) or tail


def _same_bank(name: str, city: str, fact: Fact) -> bool:
    return parts(name, city).short == parts(fact.key, fact.city).short


def _within(part: str, whole: str) -> bool:
    """Whether all characters of the part are in the whole, in their order."""
    rest = iter(whole)
    return all(one in rest for one in part)
