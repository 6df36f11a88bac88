"""Which runs there are: names of runs to drafts, and the order in which they are made.

``dev-healthy-017`` is the 17th healthy draw of the dev split; ``test-overfit-b3-102`` is the fault
overfit, planted the second way with severity 3 in the healthy draw 102 of the test split, its
healthy twin; ``dev-like-dropout-1003`` is a look-alike.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.faultbench.draft import Draft
from bench.faultbench.draws import healthy
from bench.faultbench.faults import FAULTS, Fault
from bench.faultbench.looks import LOOKS

HEALTHY = 215  # draws of a split
ENOUGH = 165  # of them that are sound
LOOKS_EACH = 3  # look-alikes of a kind in a split
FIRST_LOOK = 1000  # look-alikes are numbered from here on
# Draws of a split, with its look-alikes, are numbered from here on.
FIRST = {
    "test2": 2000,
    "test3": 4000,
    "test4": 6000,
    "test5": 8000,
    "test6": 10000,
    "test7": 12000,
    "test8": 14000,
}
# The way in which a split plants its faults, and the one in which it plants each once more.
WAYS = {
    "dev": ("a", ""),
    "test": ("b", "a"),
    "test2": ("c", "b"),
    "test3": ("d", "c"),
    "test4": ("e", "d"),
    "test5": ("f", "e"),
    "test6": ("g", "f"),
    "test7": ("h", "g"),
    "test8": ("i", "h"),
}


@dataclass(frozen=True, slots=True)
class Spec:
    """One run: what it is made from. way, severity: of a fault, else "" and 0."""

    split: str
    kind: str
    name: str
    seed: int
    way: str = ""
    severity: int = 0

    @property
    def id(self) -> str:
        """Its name."""
        if self.kind == "healthy":
            return f"{self.split}-healthy-{self.seed:03d}"
        if self.kind == "look-alike":
            return f"{self.split}-like-{self.name}-{self.seed}"
        return f"{self.split}-{self.name}-{self.way}{self.severity}-{self.seed:03d}"

    @property
    def twin(self) -> str:
        """Name of the healthy run with the same draw."""
        return f"{self.split}-healthy-{self.seed:03d}"


def spec(name: str) -> Spec:
    """The spec of a run's name. Raises KeyError for a name that is none."""
    split, rest = name.split("-", 1)
    body, number = rest.rsplit("-", 1)
    if body == "healthy":
        return Spec(split, "healthy", "healthy", int(number))
    if body.startswith("like-"):
        return Spec(split, "look-alike", body.removeprefix("like-"), int(number))
    fault, how = body.rsplit("-", 1)
    if fault not in FAULTS:
        raise KeyError(name)
    return Spec(split, "fault", fault, int(number), how[0], int(how[1:]))


def draft_of(given: Spec) -> Draft:
    """The draft of a spec, with what is planted."""
    if given.kind == "look-alike":
        look = LOOKS[given.name]
        draft = healthy(given.split, given.seed, look.family)
        look.plant(draft)
        return draft
    draft = healthy(given.split, given.seed)
    if given.kind == "fault":
        fault = FAULTS[given.name]
        fault.planted(given.way).plant(draft, given.severity)
    return draft


def plans(
    split: str, done: Mapping[str, dict[str, Any]], only: str | None = None
) -> Iterator[Spec]:
    """Runs that are missing, in the order to make them. done is looked at again after each.

    only: name of a fault (with the healthy twins that it needs), healthy or look-alike.
    """
    faults = [fault for fault in FAULTS.values() if only in (None, fault.name)]
    way, again = WAYS[split]
    if only in (None, "healthy"):
        for seed in _draws(split)[:24]:
            yield from _missing(Spec(split, "healthy", "healthy", seed), done)
    for fault in faults:
        yield from _of(split, fault, way, (3,), 1, done)
    if only in (None, "look-alike"):
        yield from _looks(split, done)
    for fault in faults:
        yield from _of(split, fault, way, (3, 2, 1), 3, done)
    for fault in faults if again else ():
        yield from _of(split, fault, again, (2,), 1, done)
    for seed in _draws(split) if only in (None, "healthy") else ():
        if sum(run["kind"] == "healthy" for run in done.values()) >= ENOUGH:
            break
        yield from _missing(Spec(split, "healthy", "healthy", seed), done)


def _draws(split: str) -> range:
    """Numbers of the healthy draws of a split."""
    first = FIRST.get(split, 0)
    return range(first, first + HEALTHY)


def _missing(one: Spec, done: Mapping[str, Any]) -> Iterator[Spec]:
    if one.id not in done:
        yield one


def _of(  # noqa: PLR0917
    split: str,
    fault: Fault,
    way: str,
    severities: tuple[int, ...],
    seeds: int,
    done: Mapping[str, Any],
) -> Iterator[Spec]:
    """A fault in so many healthy draws, each of the family that is its turn."""
    for turn in range(min(seeds, fault.seeds)):
        needs = fault.planted(way).needs
        for seed in _order(split, fault.name, way, turn):
            draft = healthy(split, seed)
            if draft.family != fault.families[turn] or not needs(draft):
                continue
            twin = Spec(split, "healthy", "healthy", seed)
            yield from _missing(twin, done)
            if done[twin.id]["kind"] == "healthy":
                for severity in severities:
                    one = Spec(split, "fault", fault.name, seed, way, severity)
                    yield from _missing(one, done)
                break


def _order(split: str, fault: str, way: str, turn: int) -> list[int]:
    """Draws in the order they are tried: of every third one, so that turns never meet."""
    seeds = [s for s in _draws(split) if s % 3 == turn]
    random.Random(f"twins:{split}:{fault}:{way}:{turn}").shuffle(seeds)
    return seeds


def _looks(split: str, done: Mapping[str, Any]) -> Iterator[Spec]:
    for place, look in enumerate(LOOKS.values()):
        good, first = 0, FIRST.get(split, 0) + FIRST_LOOK + 20 * place
        for seed in range(first, first + 20):
            if good == LOOKS_EACH:
                break
            if not look.needs(healthy(split, seed, look.family)):
                continue
            one = Spec(split, "look-alike", look.name, seed)
            yield from _missing(one, done)
            good += done[one.id]["kind"] == "look-alike"
