"""What mining is asked and what it gives back: plain data."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from huohou.errors import UsageError

KEPT = "kept"
TOO_CLOSE = "too-close"  # above the share of the positive's score
ABOVE = "above-limit"  # above the absolute limit
JUDGED = "judged-right"  # the judge finds it as good as the positive
OUTSIDE = "outside-ranks"  # it passed, and is not among those drawn from
NOT_DRAWN = "not-drawn"
STEP = 0.01  # of the relative limit, when it is relaxed


@dataclass(frozen=True, slots=True)
class MineOptions:
    """negatives: wanted for each query; ranks: first and last of those that pass to draw from;
    draw: at random from them (seeded) or the hardest; depth: passages looked at for each query.

    relative: highest share of the positive's score (of the lowest, of several), None for no such
    filter; where it leaves too few it is relaxed in steps of 0.01 up to relax_to, for that query.
    absolute: highest score. near, answers, same_document: as ``Guards`` has them.
    """

    negatives: int = 4
    ranks: tuple[int, int] = (1, 10)
    draw: Literal["random", "hardest"] = "random"
    depth: int = 100
    relative: float | None = 0.95
    relax_to: float = 1.0
    absolute: float | None = None
    near: bool = True
    answers: bool = True
    same_document: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        first, last = self.ranks
        if not (self.negatives > 0 and 1 <= first <= last and self.depth > 0):
            raise UsageError("mine.bad_ranks", negatives=self.negatives, first=first, last=last)
        if last - first + 1 < self.negatives:
            raise UsageError("mine.few_ranks", negatives=self.negatives, first=first, last=last)
        if self.relative is not None and not 0 < self.relative <= max(self.relax_to, self.relative):
            raise UsageError("mine.bad_relative", value=self.relative)

    def ladder(self) -> list[float]:
        """The relative limits, from the strictest; infinity alone without the filter."""
        if self.relative is None:
            return [math.inf]
        steps = math.ceil(round((self.relax_to - self.relative) / STEP, 6))
        rungs = [round(self.relative + STEP * i, 6) for i in range(max(steps, 0))]
        return [*rungs, max(self.relax_to, self.relative)]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One passage that was looked at, and why it was kept or dropped.

    rank: in the search of all that may be trained on, from 1; limit: the highest score that passed;
    judge, judge_positive: the judge's scores, where it was asked.
    """

    passage: str
    rank: int
    score: float
    reason: str
    judge: float | None = None
    judge_positive: float | None = None


@dataclass(frozen=True, slots=True)
class MinedQuery:
    """What was found for a query; positive: of several the one with the lowest score."""

    query: str
    positive: str
    positive_score: float
    positive_rank: int | None
    relative: float
    limit: float
    candidates: tuple[Candidate, ...]

    @property
    def negatives(self) -> tuple[str, ...]:
        """Passages that were kept, hardest first."""
        return tuple(one.passage for one in self.candidates if one.reason == KEPT)


@dataclass(frozen=True, slots=True)
class Mined:
    """All queries with what was found; corpus: passages searched, of how many; curve: at each
    relative limit, were it the same for all, negatives kept and queries with as many as wanted.
    """

    queries: tuple[MinedQuery, ...]
    corpus: int
    passages: int
    curve: tuple[tuple[float, int, int], ...]
    notes: tuple[str, ...] = ()
    reasons: Counter[str] = field(default_factory=Counter)

    def negatives(self) -> dict[str, tuple[str, ...]]:
        """Query id to the ids of its negatives."""
        return {one.query: one.negatives for one in self.queries}
