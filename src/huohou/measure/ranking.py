"""Rankings against chance: what guessing would have scored, and how surprising a score is."""

import math
from collections.abc import Callable

_GAINS: dict[str, Callable[[int], float]] = {
    "mrr": lambda rank: 1 / rank,
    "map": lambda rank: 1 / rank,
    "ndcg": lambda rank: 1 / math.log2(rank + 1),
    "accuracy": lambda rank: 1.0,
    "recall": lambda rank: 1.0,
}


def top_k_chance(k: int, candidates: int) -> float:
    """Chance that a right answer is among the first k of a random order: k/N, at most 1.

    >>> [round(100 * top_k_chance(k, 6), 1) for k in (1, 3, 5)]  # document 001: 10, 30, 76 %
    [16.7, 50.0, 83.3]
    """
    if k < 0 or candidates < 1:
        raise ValueError(f"top {k} of {candidates} candidates")
    return min(1.0, k / candidates)


def guessed(measure: str, k: int, candidates: int) -> tuple[float, float]:
    """Mean and standard deviation of a measure of one question when the order is random.

    measure: accuracy, recall, mrr, map or ndcg, at k, with one right answer among the candidates.

    >>> [round(x, 4) for x in guessed("mrr", 10, 1231)], round(guessed("accuracy", 3, 6)[0], 2)
    ([0.0024, 0.0354], 0.5)
    """
    if measure not in _GAINS or k < 1 or candidates < 1:
        raise ValueError(f"{measure} at {k} of {candidates} candidates")
    gains = [_GAINS[measure](rank) for rank in range(1, min(k, candidates) + 1)]
    mean = sum(gains) / candidates
    return mean, math.sqrt(max(0.0, sum(g * g for g in gains) / candidates - mean * mean))


def at_most(hits: int, n: int, chance: float) -> float:
    """P(X <= hits) for X ~ Binomial(n, chance): small means worse than chance.

    >>> round(at_most(15, 50, top_k_chance(3, 6)), 4)  # Top-3 of document 001: 15 of 50
    0.0033
    """
    _check(hits, n, chance)
    from scipy.stats import binom

    return float(binom.cdf(hits, n, chance))


def at_least(hits: int, n: int, chance: float) -> float:
    """P(X >= hits) for X ~ Binomial(n, chance): small means better than chance.

    >>> round(at_least(15, 50, 1 / 6), 4)
    0.0138
    """
    _check(hits, n, chance)
    from scipy.stats import binom

    return float(binom.sf(hits - 1, n, chance))


def _check(hits: int, n: int, chance: float) -> None:
    if not (0 <= hits <= n and 0 <= chance <= 1):
        raise ValueError(f"{hits} hits of {n} at chance {chance}")
