"""Which facts of a table can be taught, and by which names: those that mean one thing only."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from huohou.data.facts import Fact, FactTable
from huohou.data.names import abbreviations, everyday, split_name
from huohou.data.namesakes import Namesakes
from huohou.data.normal import normal
from huohou.data.styles import DEFAULT, UNKNOWN_KINDS, Style, styles
from huohou.text import say

MEANINGS = 3  # names that one text may mean at most; a question about more is no fair one


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact with the form of its name in each style it can be asked for in.

    Slips have no form of their own: they are made of the others.
    """

    fact: Fact
    forms: Mapping[str, str]


def unambiguous(table: FactTable) -> tuple[list[Fact], list[str]]:
    """One fact a name; names that stand for two values cannot be taught."""
    values: dict[str, set[str]] = defaultdict(set)
    for fact in table.facts:
        values[normal(fact.key)].add(fact.value)
    first = {normal(fact.key): fact for fact in reversed(table.facts)}
    facts = [fact for fact in table.facts if first[normal(fact.key)] is fact]
    good = [fact for fact in facts if len(values[normal(fact.key)]) == 1]
    torn = len(facts) - len(good)
    return good, [say("data.ambiguous_names", count=torn)] if torn else []


def usual_forms(name: str, city: str) -> dict[str, list[str]]:
    """Usual style to the forms of a name, best first."""
    return {
        "full": [name],
        "everyday": everyday(name, city),
        "abbreviation": abbreviations(name, city),
    }


def taught_facts(
    facts: Sequence[Fact], count: int | None, wanted: Sequence[Style], names: Namesakes, seed: int
) -> list[Taught]:
    """As many facts as wanted that can be asked for in some style, spread over institutions."""
    every = (Taught(fact, forms_of(fact, wanted, names, seed)) for fact in spread(facts, seed))
    return list(islice((one for one in every if _can_be_asked(one, wanted)), count))


def _can_be_asked(one: Taught, wanted: Sequence[Style]) -> bool:
    asking = [style for style in wanted if style.kind not in UNKNOWN_KINDS]
    made = any(style.kind in ("look", "slip") for style in asking)
    return made or not asking or any(style.name in one.forms for style in asking)


def forms_of(
    fact: Fact, wanted: Iterable[Style], names: Namesakes, seed: int = 0
) -> dict[str, str]:
    """Style to a form that means this fact alone, or for ``several`` it and a few others.

    Of the default styles the best form, of others one that the seed decides.
    """
    forms: dict[str, str] = {}
    for style in dict.fromkeys((*map(styles.get, DEFAULT), *wanted)):
        good = list(_good(fact, style, names))
        if good:
            dice = random.Random(f"{seed}/{style.name}/{fact.key}")
            forms[style.name] = good[0] if style.name in DEFAULT else dice.choice(good)
    return forms


def _good(fact: Fact, style: Style, names: Namesakes) -> Iterator[str]:
    if style.kind == "value":
        if len(names.owners(fact.value)) == 1:
            yield from style.texts(fact.value)
    elif style.kind in ("name", "several"):
        taken: set[str] = set()  # what is asked in a usual style already
        if style.kind == "name" and style.name not in DEFAULT:
            taken = {form for forms in usual_forms(fact.key, fact.city).values() for form in forms}
        for form in style.texts(fact.key, fact.city):
            owners = len(names.owners(form))
            # A full name means its own fact, whatever others are called in short.
            alone = owners == 1 or form == fact.key
            few = 1 < owners <= MEANINGS and not names.is_name(form)
            wanted = few if style.kind == "several" else alone
            if wanted and form not in taken:
                yield form


def spread(facts: Sequence[Fact], seed: int) -> list[Fact]:
    """In turn from every institution, shuffled inside each."""
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[split_name(fact.key, fact.city)[0]].append(fact)
    dice = random.Random(f"{seed}/facts")
    for group in groups.values():
        dice.shuffle(group)
    return [f for row in zip_longest(*groups.values()) for f in row if f is not None]


def missing_forms(taught: Sequence[Taught], wanted: Sequence[Style]) -> list[str]:
    """A sentence for each style in which some facts cannot be asked for."""
    notes = []
    for style in wanted:
        missing = sum(style.name not in one.forms for one in taught)
        if missing and style.kind in ("name", "value", "several"):
            notes.append(say("data.no_form", style=style.name, count=missing, facts=len(taught)))
    return notes
