"""The table of a question with few candidates, never without what guessing scores.

Document 001 reads 10, 30 and 76 % for the first 1, 3 and 5 of six candidates: below chance.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from huohou.measure.intervals import LEVEL, mean_interval
from huohou.measure.retrieval import Floats, Integers, Ranking, accuracy

SURPRISE = 0.025  # on each side: 5 % in all


@dataclass(frozen=True, slots=True)
class TopRow:
    """How often a right one was among the first k, beside what a random order gives.

    value: share of n queries, with its interval low to high; chance: expected of a random order;
    p_below, p_above: chance that a random order scores this or less, this or more.
    """

    k: int
    value: float
    low: float | None
    high: float | None
    chance: float
    n: int
    p_below: float
    p_above: float

    @property
    def verdict(self) -> str:
        """below, above or at: where it stands to chance, wrong at most 5 times in 100."""
        if self.p_below <= SURPRISE:
            return "below"
        return "above" if self.p_above <= SURPRISE else "at"


def top_table(
    ranking: Ranking, ks: Sequence[int], groups: Sequence[Hashable] | None = None
) -> list[TopRow]:
    """One row for each k; groups: queries that belong together (of one document), for intervals.

    p is exact for independent questions: the sum of n draws, each with its own chance. A share of
    a hit that ties leave counts in favour of chance.

    >>> hits = [0] * 5 + [2] * 10 + [4] * 23 + [5] * 12  # document 001
    >>> rows = top_table(Ranking(hits, [0] * 50, 6), [1, 3, 5])
    >>> [(row.value, round(row.chance, 3), row.verdict) for row in rows]
    [(0.1, 0.167, 'at'), (0.3, 0.5, 'below'), (0.76, 0.833, 'at')]
    >>> round(rows[1].p_below, 4)
    0.0033
    """
    return [_row(ranking, k, groups) for k in ks]


def _row(ranking: Ranking, k: int, groups: Sequence[Hashable] | None) -> TopRow:
    hits, guess = accuracy(ranking, k), accuracy(ranking.guessed(), k)
    found = mean_interval(hits.tolist(), groups, LEVEL)
    chances = _of_sums(guess)
    total = float(hits.sum())
    most, least = int(np.ceil(total - 1e-9)), int(np.floor(total + 1e-9))
    below, above = float(chances[: most + 1].sum()), float(chances[least:].sum())
    return TopRow(
        k,
        found.value,
        found.low,
        found.high,
        float(guess.mean()) if len(guess) else float("nan"),
        len(ranking),
        min(1.0, below),
        min(1.0, above),
    )


def _of_sums(chances: Floats) -> Floats:
    """P(0 hits), P(1 hit), ... of independent questions, each with its own chance [Q]."""
    from scipy.stats import binom

    values, counts = np.unique(np.round(chances, 12), return_counts=True)
    parts = [binom.pmf(np.arange(n + 1), n, p) for p, n in zip(values, counts, strict=True)]
    found: Floats = reduce(np.convolve, parts, np.ones(1))
    return found


def among_few(ranking: Ranking, k: int, negatives: int) -> Floats:
    """Chance [Q] that a right one is among the first k when only a few passages compete with it.

    negatives: drawn at random from the query's candidates that are not relevant, so this is what a
    table of negatives + 1 candidates would show on average over all draws, from a search of
    everything. Several relevant passages: their mean, each alone with the draw. Fewer candidates
    than asked for are taken as they are.

    >>> ranking = Ranking([10], [0], candidates=1001)  # eleventh of 1,001
    >>> round(float(among_few(ranking, 1, 5)[0]), 3), round(float(among_few(ranking, 1, 100)[0]), 3)
    (0.951, 0.347)
    """
    if k < 1 or negatives < 0:
        raise ValueError(f"the first {k} of {negatives} candidates and one")
    better, ties = _among_others(ranking)
    relevant = np.bincount(ranking.owner, minlength=len(ranking))
    others = (ranking.candidates - relevant)[ranking.owner]
    where, back = np.unique(np.stack([better, ties, others]), axis=1, return_inverse=True)
    found = np.array([_inside(k, negatives, *map(int, one)) for one in where.T])
    sums = np.bincount(ranking.owner, weights=found[back.ravel()], minlength=len(ranking))
    return (sums / relevant).astype(np.float64)


def _inside(k: int, negatives: int, better: int, ties: int, others: int) -> float:
    """Chance that at most k - 1 of the drawn ones stand before; ties stand there half the time."""
    from scipy.stats import hypergeom

    drawn = min(negatives, others)
    if not drawn:
        return 1.0
    before = better + np.arange(ties + 1)  # every order of the ties is equally likely
    return float(np.mean(hypergeom.cdf(k - 1, others, before, drawn)))


def _among_others(ranking: Ranking) -> tuple[Integers, Integers]:
    """better and ties of each relevant passage, counted among those that are not relevant."""
    better, ties, owner = ranking.better, ranking.ties, ranking.owner
    order = np.lexsort((better, owner))
    begin = np.searchsorted(owner, owner)  # of the query's own in the sorted order
    place = np.arange(len(owner)) - begin
    same_as_before = np.zeros(len(owner), dtype=bool)
    same_as_before[1:] = (np.diff(better[order]) == 0) & (np.diff(owner) == 0)
    first = np.maximum.accumulate(np.where(same_as_before, 0, np.arange(len(owner))))
    size = np.bincount(first, minlength=len(owner))[first]
    fewer, equal = np.empty_like(better), np.empty_like(ties)
    fewer[order] = better[order] - place[first]
    equal[order] = ties[order] - (size - 1)
    return fewer, equal
