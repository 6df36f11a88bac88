"""The text a fact is asked for by, in a style: its form, or what hands and keys made of it.

Ambiguity is known here and nowhere else: a slip that makes the name of another fact is thrown
away, and where the same text may come from other facts by a slip, their names go with it.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from huohou.data.facts import Fact
from huohou.data.names import REGION
from huohou.data.namesakes import Namesakes
from huohou.data.normal import normal
from huohou.data.styles import USUAL, Style, of_kind
from huohou.data.teachable import MEANINGS, Taught

TRIES = 40  # slips of one form that are looked at before it is given up


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fact is asked for by. base: what it was made of; also: names it may mean as well."""

    text: str
    base: str | None = None
    also: tuple[str, ...] = ()


class Asker:
    """Finds the text for a fact in a style, the same for the same seed."""

    def __init__(self, names: Namesakes, wanted: Iterable[Style], seed: int) -> None:
        self.names, self.seed = names, seed
        self._slips = of_kind("slip")
        wanted = list(wanted)
        self.strict = any(one.kind in ("slip", "near") for one in wanted)

    def text(self, one: Taught, style: Style, turn: str) -> Asked | None:
        """What to ask for the fact by; another slip each turn. None where there is no text."""
        if style.kind in ("look", "slip"):
            dice = random.Random(f"{self.seed}/{style.name}/{one.fact.key}/{turn}")
            return self._made(one, style, dice)
        form = one.forms.get(style.name)
        if form is None:
            return None
        if style.kind != "several":  # forms of other kinds mean one fact alone
            return Asked(form)
        return Asked(form, None, self._others(one.fact, self.names.owners(form)))

    def _made(self, one: Taught, style: Style, dice: random.Random) -> Asked | None:
        bases = [one.forms[name] for name in USUAL if name in one.forms]
        dice.shuffle(bases)
        for base in bases:
            texts = list(style.texts(base))
            for text in dice.sample(texts, min(TRIES, len(texts))):
                if style.kind == "look":
                    return Asked(text, base)
                if text in self.names:  # no slip any more but some fact's name
                    continue
                also = self._others(one.fact, self.names.slipped(text, self._slips))
                if len(also) < MEANINGS:
                    return Asked(text, base, also)
        return None

    def _others(self, fact: Fact, keys: Iterable[str]) -> tuple[str, ...]:
        own = normal(fact.key)
        return tuple(self.names.keys[key] for key in keys if key != own)

    def doubtful(self, text: str, name: str, city: str) -> bool:
        """Whether a name made up, asked for by this text, may mean a fact of the table after all.

        So it is when the text is a name, or one edit away from one; when it leaves out the place;
        and when the same bank has a branch there whose name contains this one's.
        """
        if text in self.names or self.names.near(text):
            return True
        place = REGION.sub("", city)
        return (place in name and place not in text) or bool(self.names.like(name, city))
