"""Short forms that are learned from the table itself: places to leave out, and initials."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from huohou.answer.index.canonical import DENSE_ONE
from huohou.data.names import REGION

PLACE_SIZES = (4, 3, 2)  # characters of a place at the beginning of a branch's name
FEWEST_ROWS = 10  # that begin with a place
FEWEST_NEXT = 8  # characters that come after it: a street is followed by "road" and few others
MANY_NEXT = 2.0  # of them for the square root of a place's rows, as streets have in many towns
SMALL_WORDS = frozenset({"a", "an", "and", "de", "der", "for", "in", "la", "of", "on", "the", "to"})
INITIALS = range(2, 9)  # letters of an abbreviation


def learned_places(branches: Iterable[str]) -> frozenset[str]:
    """Beginnings of branches' names after which nearly anything may follow: places.

    >>> names = [f"北京{one}支行" for one in "东西南北中上下天地人日月"]
    >>> sorted(learned_places([*names, *["人民路支行"] * 12]))
    ['北京']
    """
    counts: Counter[str] = Counter()
    after: dict[str, set[str]] = defaultdict(set)
    for branch in branches:
        for size in PLACE_SIZES:
            if len(branch) > size:
                counts[branch[:size]] += 1
                after[branch[:size]].add(branch[size])
    return frozenset(
        place
        for place, count in counts.items()
        if count >= FEWEST_ROWS and len(after[place]) >= max(FEWEST_NEXT, MANY_NEXT * count**0.5)
    )


def without_place(branch: str, places: frozenset[str]) -> str:
    """The branch's name without the place it begins with, where something remains.

    >>> without_place("北京市知春路支行", frozenset({"北京"}))
    '知春路支行'
    """
    for size in PLACE_SIZES:
        if branch[:size] in places:
            rest = branch[size:]
            bare = rest[1:] if REGION.fullmatch(rest[:1]) else rest
            return bare if len(bare) > size else branch
    return branch


def initials(normal: str) -> set[str]:
    """First letters of a name of several words, with and without its small words.

    >>> sorted(initials("bank of america")), initials("london"), initials("北京银行")
    (['ba', 'boa'], set(), set())
    """
    words = normal.split(" ")
    if len(words) < 2 or DENSE_ONE.search(normal):
        return set()
    chosen = (words, [word for word in words if word not in SMALL_WORDS])
    found = {"".join(word[0] for word in some) for some in chosen}
    return {one for one in found if len(one) in INITIALS and one.isalpha()}
