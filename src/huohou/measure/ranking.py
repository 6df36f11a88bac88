"""Rankings against chance: what guessing would have scored, and how surprising a score is."""


def top_k_chance(k: int, candidates: int) -> float:
    """Chance that a right answer is among the first k of a random order: k/N, at most 1.

    >>> [round(100 * top_k_chance(k, 6), 1) for k in (1, 3, 5)]  # document 001: 10, 30, 76 %
    [16.7, 50.0, 83.3]
    """
    if k < 0 or candidates < 1:
        raise ValueError(f"top {k} of {candidates} candidates")
    return min(1.0, k / candidates)


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
