"""Names that could be in a table and are not, put together from parts of those that are."""

import random
from collections.abc import Sequence

from huohou.data.facts import Fact, FactTable
from huohou.data.names import REGION, abbreviations, everyday, split_name
from huohou.data.namesakes import Namesakes, plain
from huohou.data.styles import Style

TRIES = 2000  # in a row without a new name, before giving up
CROSSED = 0.1  # part of the names that cross two endings instead of taking one whole


class Inventor:
    """Gives plausible unknown names, each once, in an order that the seed decides."""

    def __init__(self, table: FactTable, names: Namesakes, seed: int) -> None:
        self._names, self._given = names, set[str]()
        self._random = random.Random(f"{seed}/unknown")
        parts = sorted({(*split_name(f.key, f.city), f.city) for f in table.facts})
        self._heads = sorted({(head, city) for head, tail, city in parts if tail})
        self._tails = sorted({tail for _, tail, _ in parts if tail})

    def name(self) -> tuple[str, str] | None:
        """A name that is not in the table, and its city; None when no more are found."""
        for _ in range(TRIES if self._tails else 0):
            head, city = self._random.choice(self._heads)
            name = head + self._tail(alone=len(self._heads) == 1)
            if self._is_new(name, city):
                return name, city
        return None

    def _is_new(self, name: str, city: str) -> bool:
        """Whether nothing that it is called is a name of the table, or was given before."""
        forms = {plain(f) for f in (name, *everyday(name, city), *abbreviations(name, city))}
        if forms & self._given or any(form in self._names for form in forms):
            return False
        self._given |= forms
        return True

    def near_miss(self, facts: Sequence[Fact], style: Style) -> tuple[str, str, str] | None:
        """As ``name``, close to a fact of these, whose name comes third."""
        for _ in range(TRIES if facts else 0):
            fact, other = self._random.choice(facts), self._random.choice(facts)
            texts = list(style.texts(fact.key, fact.city, other.key, other.city))
            if not texts:
                continue
            name = self._random.choice(texts)
            places = (one.city for one in (fact, other) if REGION.sub("", one.city) in name)
            city = next(places, fact.city)
            if self._is_new(name, city):
                return name, city, fact.key
        return None

    def _tail(self, *, alone: bool) -> str:
        """Another name's ending, or the halves of two: where one head has them all, always that."""
        one, other = self._random.choice(self._tails), self._random.choice(self._tails)
        if not alone and self._random.random() >= CROSSED:
            return one
        if " " in one and " " in other:
            left, right = one.split(), other.split()
            return " ".join(left[: (len(left) + 1) // 2] + right[len(right) // 2 :])
        return one[: (len(one) + 1) // 2] + other[len(other) // 2 :]
