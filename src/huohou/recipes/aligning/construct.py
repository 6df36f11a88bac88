"""A question, its ground truth and so many negatives: what stage 2 ranks and learns from.

Negatives that the data names come first, then those that were mined, then passages drawn at
random; where each came from is kept. A passage that answers the question, or has the same text as
one that does, is never taken for a negative.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from huohou.data.pairs import PairSet, Query
from huohou.errors import DataError
from huohou.probe.mine import minable

Source = Literal["given", "mined", "random"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question and its candidates by id, the ground truth first; sources: of the negatives."""

    query: str
    candidates: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def truth(self) -> str:
        """Id of the passage that answers the question."""
        return self.candidates[0]


@dataclass(frozen=True, slots=True)
class Construction:
    """Samples with equally many negatives. asked: how many were wanted of each; dropped: questions
    for which there was none at all."""

    samples: tuple[Sample, ...]
    negatives: int
    asked: int
    dropped: int

    def counted(self) -> dict[str, int]:
        """Negatives by where they came from."""
        found = {"given": 0, "mined": 0, "random": 0}
        for sample in self.samples:
            for source in sample.sources:
                found[source] += 1
        return found


def construct(
    pairs: PairSet,
    negatives: int,
    seed: int,
    *,
    drawable: Sequence[str],
    mined: Mapping[str, Sequence[str]] | None = None,
) -> Construction:
    """Samples of all questions that have a ground truth, in their order.

    The ground truth is the positive with the highest gain, the first of equals. drawable: passages
    that may be drawn; mined: question to passages, best first. Where the passages do not suffice,
    all samples have fewer. Raises DataError where there are none at all.

    The draw depends on seed and question alone, so that one question more changes no other.
    """
    text_of = {p.id: p.text for p in pairs.passages}
    found = []
    for query in pairs.queries:
        if query.positives:
            named = (mined or {}).get(query.id, ())
            offers = _offers(query, negatives, drawable, named, seed)
            found.append(_sample(query, negatives, text_of, offers))
    kept = [sample for sample in found if sample.sources]
    if not kept:
        raise DataError("align.no_candidates", path=pairs.source, passages=len(drawable))
    width = min(len(sample.sources) for sample in kept)
    cut = [
        replace(s, candidates=s.candidates[: width + 1], sources=s.sources[:width]) for s in kept
    ]
    return Construction(tuple(cut), width, negatives, len(found) - len(kept))


def trainable(pairs: PairSet) -> list[str]:
    """Passages that may be trained on: those of an evaluation or a test are not."""
    return [pairs.passages[place].id for place in minable(pairs)]


def _sample(
    query: Query,
    negatives: int,
    text_of: Mapping[str, str],
    offers: Iterator[tuple[str, Source]],
) -> Sample:
    taken = set(query.positives)
    texts = {text_of[one] for one in taken}
    chosen: list[tuple[str, Source]] = []
    for one, source in offers:
        if len(chosen) == negatives:
            break
        if one not in taken and text_of[one] not in texts:
            taken.add(one)
            chosen.append((one, source))
    ids = tuple(one for one, _ in chosen)
    return Sample(query.id, (ground_truth(query), *ids), tuple(source for _, source in chosen))


def _offers(
    query: Query, negatives: int, drawable: Sequence[str], mined: Sequence[str], seed: int
) -> Iterator[tuple[str, Source]]:
    """Passages in the order they are wanted as negatives."""
    yield from ((one, "given") for one in query.negatives)
    yield from ((one, "mined") for one in mined)
    chance = random.Random(f"{seed}:{query.id}")
    everywhere = range(len(drawable))
    # A few first: a permutation of a large corpus for each question would take long.
    for few in (min(len(drawable), 4 * negatives + 20), len(drawable)):
        yield from ((drawable[i], "random") for i in chance.sample(everywhere, few))


def ground_truth(query: Query) -> str:
    """The positive with the highest gain, the first of equals."""
    if not query.gains:
        return query.positives[0]
    best = max(range(len(query.positives)), key=lambda i: query.gains[i])
    return query.positives[best]
