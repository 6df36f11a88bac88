"""Rankings of a search, judged without flattery: ties count as what a random order of them gives.

A scorer that gives every passage the same score knows nothing, and here it scores chance to the
last digit; sorted by place or by id it may score 1.0. All measures are expected values over random
orders of equal scores, in closed form (McSherry & Najork 2008, "Computing Information Retrieval
Performance Measures Efficiently in the Presence of Tied Scores").
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KS = (1, 5, 10, 100)


class Ranking:
    """Where the relevant passages of Q queries stand; M of them in all, query by query.

    better [M]: candidates that score higher; ties [M]: other candidates that score the same;
    candidates: how many each query was ranked against, the relevant ones included, one number or
    [Q]; owner [M]: the query's place, ascending, every query at least once (given none: one
    relevant passage a query); gains [M]: how relevant, above 0 (given none: 1).
    Raises ValueError for anything else, naming the query's place.

    >>> found = Ranking([0, 2], [0, 3], 6)  # one is first, one shares places 3 to 6 with 3 others
    >>> accuracy(found, 1).tolist(), recall(found, 3).tolist()
    ([1.0, 0.0], [1.0, 0.25])
    """

    __slots__ = ("better", "candidates", "gains", "owner", "ties")

    def __init__(
        self,
        better: ArrayLike,
        ties: ArrayLike,
        candidates: ArrayLike,
        owner: ArrayLike | None = None,
        gains: ArrayLike | None = None,
    ) -> None:
        self.better, self.ties = _whole(better), _whole(ties)
        self.owner = np.arange(len(self.better)) if owner is None else _whole(owner)
        self.gains = np.ones(len(self.better)) if gains is None else np.asarray(gains, float)
        queries = int(self.owner[-1]) + 1 if len(self.owner) else 0
        self.candidates = np.broadcast_to(_whole(candidates), (queries,)).copy()
        _check(self)

    def __len__(self) -> int:
        """Queries."""
        return len(self.candidates)

    def guessed(self) -> "Ranking":
        """The same questions answered by a constant: every candidate ties with every other.

        >>> round(float(mrr(Ranking([4], [0], 6).guessed(), 10)[0]), 4)  # (1 + 1/2 + ... 1/6) / 6
        0.4083
        """
        none = np.zeros_like(self.better)
        every = self.candidates[self.owner] - 1
        return Ranking(none, every, self.candidates, self.owner, self.gains)

    def take(self, queries: Sequence[int] | Integers) -> "Ranking":
        """The ranking of some queries, by their places, in that order."""
        wanted = np.asarray(queries, dtype=np.int64)
        begins = np.searchsorted(self.owner, np.arange(len(self) + 1))
        rows = [np.arange(begins[q], begins[q + 1]) for q in wanted]
        at = np.concatenate([*rows, np.zeros(0, dtype=np.int64)])
        owner = np.repeat(np.arange(len(wanted)), [len(row) for row in rows])
        return Ranking(
            self.better[at], self.ties[at], self.candidates[wanted], owner, self.gains[at]
        )


def recall(ranking: Ranking, k: int) -> Floats:
    """Share of a query's relevant passages among the first k, [Q]; each counts the same."""
    _positive(k)
    inside = np.clip((k - ranking.better) / (ranking.ties + 1), 0.0, 1.0)
    return _sums(ranking, inside) / np.bincount(ranking.owner, minlength=len(ranking))


def ndcg(ranking: Ranking, k: int) -> Floats:
    """Discounted cumulative gain of the first k, against the best order, [Q].

    DCG = sum of gain / log2(1 + rank), as trec_eval (Järvelin & Kekäläinen 2002).

    >>> [round(x, 4) for x in ndcg(Ranking([0, 1, 2, 10], [0] * 4, candidates=50), 10).tolist()]
    [1.0, 0.6309, 0.5, 0.0]
    """
    _positive(k)
    places = min(k, int(ranking.candidates.max(initial=1)))
    discounts = 1 / np.log2(np.arange(2, places + 2))
    order = np.lexsort((-ranking.gains, ranking.owner))
    rank = np.arange(len(order)) - np.searchsorted(ranking.owner, ranking.owner)
    best = _mean_of(discounts, rank, np.zeros_like(rank))
    dcg = _sums(ranking, ranking.gains * _mean_of(discounts, ranking.better, ranking.ties))
    return dcg / _sums(ranking, ranking.gains[order] * best)


def mrr(ranking: Ranking, k: int) -> Floats:
    """1 / rank of the first relevant passage, 0 where it is not among the first k, [Q]."""
    return _first(ranking, k)[1]


def accuracy(ranking: Ranking, k: int) -> Floats:
    """Whether a relevant passage is among the first k, [Q]; a share where ties decide."""
    return _first(ranking, k)[0]


def measures(ranking: Ranking, ks: Sequence[int] = KS) -> dict[str, Floats]:
    """The usual table, each measure [Q]: accuracy@1, recall@k for each k, mrr@10, ndcg@10.

    >>> {name: round(float(x[0]), 2) for name, x in measures(Ranking([1], [0], 9), [5]).items()}
    {'accuracy@1': 0.0, 'recall@5': 1.0, 'mrr@10': 0.5, 'ndcg@10': 0.63}
    """
    found = {"accuracy@1": accuracy(ranking, 1)}
    found |= {f"recall@{k}": recall(ranking, k) for k in ks}
    return found | {"mrr@10": mrr(ranking, 10), "ndcg@10": ndcg(ranking, 10)}


def _first(ranking: Ranking, k: int) -> tuple[Floats, Floats]:
    """Of the first relevant passage: chance to be among the first k, expected reciprocal rank.

    It is one of the r relevant ones among n that score the same, after b better ones. It stands at
    place b + i with probability C(n-i, r-1) / C(n, r), which is stepped through from i = 1.
    """
    _positive(k)
    better, owner = ranking.better, ranking.owner
    b = np.full(len(ranking), np.iinfo(np.int64).max)
    np.minimum.at(b, owner, better)
    leads = better == b[owner]
    r = np.bincount(owner[leads], minlength=len(ranking))
    n = np.ones(len(ranking), dtype=np.int64)
    n[owner[leads]] = ranking.ties[leads] + 1
    hit, reciprocal, chance = np.zeros(len(ranking)), np.zeros(len(ranking)), r / n
    for i in range(1, int(np.max(np.minimum(k - b, n - r + 1), initial=0)) + 1):
        inside = np.where(b + i <= k, chance, 0.0)
        hit += inside
        reciprocal += inside / (b + i)
        chance = chance * np.maximum(n - i - r + 1, 0) / np.maximum(n - i, 1)
    return np.minimum(hit, 1.0), reciprocal


def _mean_of(values: Floats, better: Integers, ties: Integers) -> Floats:
    """Mean value of the places better+1 ... better+ties+1; places after the last have 0."""
    last = len(values)
    alone = np.append(values, 0.0)[np.minimum(better, last)]
    until = np.concatenate([[0.0], np.cumsum(values)])
    high, low = np.minimum(better + ties + 1, last), np.minimum(better, last)
    # a difference of sums rounds: it is taken only where there are ties
    return np.where(ties == 0, alone, (until[high] - until[low]) / (ties + 1))


def place(
    scores: NDArray[np.floating],
    rows: Integers,
    columns: Integers,
    tolerance: float | Floats = 0.0,
) -> tuple[Integers, Integers]:
    """How many candidates score better than, and the same as, the ones named: better, ties.

    scores [q, C]; rows, columns [m]: which scores are asked about; tolerance, one or [m]: scores at
    most this much apart count as equal, for scores that rounding makes differ. NaN raises
    ValueError.

    >>> [x.tolist() for x in place(np.array([[0.5, 0.9, 0.5, 0.1]]), np.array([0]), np.array([2]))]
    [[1], [1]]
    """
    if scores.size and np.isnan(scores.min()):
        raise ValueError(f"a score of query {int(np.argwhere(np.isnan(scores))[0][0])} is NaN")
    own, asked = scores[rows, columns], scores[rows]
    high, low = ((own + way * tolerance).astype(scores.dtype)[:, None] for way in (1.0, -1.0))
    better = np.count_nonzero(asked > high, axis=1).astype(np.int64)
    same = np.count_nonzero(asked >= low, axis=1).astype(np.int64)
    return better, same - better - 1


def _check(ranking: Ranking) -> None:
    better, ties, owner, gains = ranking.better, ranking.ties, ranking.owner, ranking.gains
    if not better.shape == ties.shape == owner.shape == gains.shape == (len(better),):
        raise ValueError("better, ties, owner and gains are not of one length")
    if len(owner) and (owner[0] < 0 or (np.diff(owner) < 0).any()):
        raise ValueError("relevant passages come query by query")
    missing = np.flatnonzero(np.bincount(owner, minlength=len(ranking)) == 0)
    if missing.size:
        raise ValueError(f"query {missing[0]} has no relevant passage")
    places = ranking.candidates[owner]
    right = (better >= 0) & (ties >= 0) & (better + ties < places) & (gains > 0)
    wrong = np.flatnonzero(~(right & np.isfinite(gains)))
    if wrong.size:
        at = int(wrong[0])
        told = f"{better[at]} better and {ties[at]} equal of {places[at]}, gain {gains[at]}"
        raise ValueError(f"query {owner[at]}: {told}")


def _whole(values: ArrayLike) -> Integers:
    found = np.asarray(values)
    if found.size and not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"counts are whole numbers, not {found.dtype}")
    return found.astype(np.int64)


def _sums(ranking: Ranking, values: Floats) -> Floats:
    """Sum over each query's relevant passages."""
    return np.bincount(ranking.owner, weights=values, minlength=len(ranking)).astype(np.float64)


def _positive(k: int) -> None:
    if k < 1:
        raise ValueError(f"the first {k} of a ranking")
