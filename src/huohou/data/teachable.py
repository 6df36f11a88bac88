"""Which facts of a table can be taught, and by which names: those that mean one thing only."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from huohou.data.facts import Fact, FactTable
from huohou.data.names import abbreviations, everyday, split_name
from huohou.data.normal import normal
from huohou.text import say


@dataclass(frozen=True, slots=True)
class Taught:
    """A fact with the form of its name in each style it can be asked for in."""

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


def style_forms(name: str, city: str) -> dict[str, list[str]]:
    """Style to the forms of a name, best first."""
    return {
        "full": [name],
        "everyday": everyday(name, city),
        "abbreviation": abbreviations(name, city),
    }


def known_forms(table: FactTable) -> dict[str, set[str]]:
    """Normal form of everything a fact of the table can be called, to the names it may mean."""
    owners: dict[str, set[str]] = defaultdict(set)
    for fact in table.facts:
        for forms in style_forms(fact.key, fact.city).values():
            for form in forms:
                owners[normal(form)].add(normal(fact.key))
        owners[normal(fact.value)].add(normal(fact.key))
    return owners


def forms_of(fact: Fact, owners: Mapping[str, set[str]]) -> dict[str, str]:
    """Style to the best form that means this fact alone."""
    forms: dict[str, str] = {}
    for style, names in style_forms(fact.key, fact.city).items():
        alone = [name for name in names if len(owners[normal(name)]) == 1]
        if alone:
            forms[style] = alone[0]
    if len(owners[normal(fact.value)]) == 1:
        forms["reverse"] = fact.value
    return forms


def spread(facts: Sequence[Fact], count: int | None, seed: int) -> list[Fact]:
    """As many facts as wanted, in turn from every institution, shuffled inside each."""
    groups: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[split_name(fact.key, fact.city)[0]].append(fact)
    dice = random.Random(f"{seed}/facts")
    for group in groups.values():
        dice.shuffle(group)
    in_turn = [f for row in zip_longest(*groups.values()) for f in row if f is not None]
    return in_turn[:count]


def missing_forms(taught: Sequence[Taught], styles: Sequence[str]) -> list[str]:
    """A sentence for each style in which some facts cannot be asked for."""
    notes = []
    for style in styles:
        missing = sum(style not in one.forms for one in taught)
        if missing:
            notes.append(say("data.no_form", style=style, count=missing, facts=len(taught)))
    return notes
