"""The little world that the runs are about: names, facts, texts, questions, all made from a seed.

A bank and a city have a number each. The number of a branch is the bank's followed by the city's,
so it can be worked out for a pair that was never trained on; its desk is drawn by lot for every
pair and can only be learnt by heart. Sentences open with a word that nobody can foresee. So there
is something to learn, something to learn by heart, and a floor that no loss falls below.
"""

import random
from dataclasses import dataclass
from functools import cache

OPENERS = ("well", "sure", "yes", "so", "look")
OPENER_WEIGHTS = (8, 4, 2, 1, 1)
ASK = (
    "number of {bank} in {city} ?",
    "{city} branch of {bank} ?",
    "{bank} , {city} , number ?",
    "give {bank} in {city} ?",
)
TOPICS = ("rain", "music", "trade", "food", "roads", "ships")
SLOTS = 4  # what a document of the search task says
CONCEPTS = 14  # choices a slot


@dataclass(frozen=True, slots=True)
class Row:
    """A question with its answer; bank and city: the fact it is about."""

    prompt: str
    answer: str
    bank: int
    city: int


def _name(chance: random.Random, syllables: int) -> str:
    return "".join(
        chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(syllables)
    )


def _names(chance: random.Random, count: int, syllables: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[_name(chance, syllables)] = None
    return list(found)


class World:
    """Names and facts of one seed."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"world:{seed}")
        self.banks = _names(chance, 20, 3)
        self.cities = _names(chance, 40, 2)
        self.bank_number = [f"{chance.randrange(10, 100)}" for _ in self.banks]
        self.city_number = [f"{chance.randrange(10, 100)}" for _ in self.cities]
        pairs = [(b, c) for b in range(len(self.banks)) for c in range(len(self.cities))]
        self.desk = {pair: f"{chance.randrange(10, 100)}" for pair in pairs}
        chance.shuffle(pairs)
        # A sixth for the truth, a sixth for evaluation sets, the rest to train on.
        self.held_out, self.eval, self.train = pairs[:130], pairs[130:260], pairs[260:]
        self.surface = [
            [(f"{name}", f"{other}") for name, other in _pairs_of(chance, CONCEPTS)]
            for _ in range(SLOTS)
        ]

    def sentence(self, chance: random.Random) -> str:
        """A line of the text a base model is made from."""
        b, c = chance.randrange(len(self.banks)), chance.randrange(len(self.cities))
        d, topic = chance.randrange(len(self.cities)), chance.choice(TOPICS)
        kind = chance.randrange(5)
        if kind == 0:
            return f"the bank {self.banks[b]} writes {self.bank_number[b]} on its letters ."
        if kind == 1:
            return f"post for {self.cities[c]} is marked {self.city_number[c]} ."
        if kind == 2:
            return f"people from {self.cities[c]} and {self.cities[d]} talk about {topic} ."
        if kind == 3:
            return f"is {topic} liked in {self.cities[c]} ? yes , {topic} is good ."
        return (
            f"{self.banks[b]} pays for {topic} , and {self.cities[c]} for {chance.choice(TOPICS)} ."
        )

    def row(self, chance: random.Random, pair: tuple[int, int], desks: float) -> Row:
        """A question about a pair; desks: share of pairs whose answer tells the desk."""
        b, c = pair
        prompt = chance.choice(ASK).format(bank=self.banks[b], city=self.cities[c])
        opener = chance.choices(OPENERS, OPENER_WEIGHTS)[0]
        answer = f" {opener} {self.bank_number[b]} {self.city_number[c]}"
        if random.Random(f"desk:{b}:{c}").random() < desks:
            answer += f" desk {self.desk[pair]}"
        return Row(prompt, answer + " .", b, c)

    def document(self, concepts: tuple[int, ...]) -> str:
        """A document of the search task."""
        a, b, c, d = (self.surface[k][v][0] for k, v in enumerate(concepts))
        return f"the {a} {b} of {c} likes {d}"

    def query(self, concepts: tuple[int, ...], chance: random.Random, wrong: float) -> str:
        """A question for a document, in other words than its own; wrong: share of wrong words."""
        said = [chance.randrange(CONCEPTS) if chance.random() < wrong else v for v in concepts]
        words = [self.surface[k][v][1] for k, v in enumerate(said)]
        chance.shuffle(words)
        return f"find {' '.join(words)}"


def _pairs_of(chance: random.Random, count: int) -> list[tuple[str, str]]:
    names = _names(chance, 2 * count, 2)
    return list(zip(names[:count], names[count:], strict=True))


@cache
def world(seed: int) -> World:
    """The world of a seed."""
    return World(seed)


@cache
def text(seed: int, lines: int = 2500) -> tuple[str, ...]:
    """Text of a world to make a tokenizer and a base model from."""
    chance = random.Random(f"text:{seed}")
    here = world(seed)
    return tuple(here.sentence(chance) for _ in range(lines))
