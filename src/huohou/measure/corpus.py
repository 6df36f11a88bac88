"""Numbers that are no mean over answers: BLEU, chrF, perplexity, ratios, gaps between two sets.

Such a number is a function of sums over all answers. ``statistics`` has shape (n, d): what each of
n answers adds; ``Score`` takes sums of shape (m, d) to m numbers, so that resamples are scored at
once. Intervals draw whole groups of answers that belong together, as ``intervals`` does.

Source: Koehn (2004), Statistical Significance Tests for Machine Translation Evaluation, EMNLP:
percentiles of the bootstrap, and for two systems of the difference on the same draws.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from huohou.measure.intervals import LEVEL, RESAMPLES, Interval

Floats = NDArray[np.float64]
Score = Callable[[Floats], Floats]

BATCH = 100  # resamples drawn at once: bounds the memory for many groups
LEAST = 0.5  # share of resamples that must have a score, else there is no interval


def corpus_interval(
    statistics: ArrayLike,
    score: Score,
    groups: Sequence[Hashable] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The score of all answers, with a bootstrap interval drawn by group.

    No interval where every resample scores the same: nothing varies that could be resampled.

    >>> found = corpus_interval([[1, 2], [2, 2], [0, 3], [5, 4]] * 8, lambda s: s[:, 0] / s[:, 1])
    >>> round(found.value, 3), found.low < found.value < found.high, found.n
    (0.727, True, 32)
    """
    return _interval(_table(statistics), score, groups, level, seed)


def corpus_difference(
    first: ArrayLike,
    second: ArrayLike,
    score: Score,
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Score of first - score of second, both asked the same questions, each draw for both."""
    ours, theirs = _table(first), _table(second)
    if ours.shape != theirs.shape:
        raise ValueError(f"statistics of shapes {ours.shape} and {theirs.shape}")
    width = ours.shape[1]

    def apart(sums: Floats) -> Floats:
        return score(sums[:, :width]) - score(sums[:, width:])

    return _interval(np.hstack([ours, theirs]), apart, groups, level, seed)


def _interval(
    table: Floats, score: Score, groups: Sequence[Hashable] | None, level: float, seed: int
) -> Interval:
    if not len(table):
        return Interval(math.nan, None, None, 0, 0, level, "none")
    sums = _by_group(table, groups)
    value = float(score(table.sum(axis=0, keepdims=True))[0])
    drawn = np.concatenate([score(piece) for piece in _draws(sums, seed)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < LEAST * RESAMPLES or np.ptp(drawn) <= 1e-12 or not math.isfinite(value):
        return Interval(value, None, None, len(table), len(sums), level, "none")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    bounds = min(float(low), value), max(float(high), value)
    return Interval(value, *bounds, len(table), len(sums), level, "bootstrap")


def _draws(sums: Floats, seed: int) -> Iterator[Floats]:
    """Sums of as many groups as there are, drawn with replacement: pieces of shape (m, d)."""
    rng, k = np.random.default_rng(seed), len(sums)
    for start in range(0, RESAMPLES, BATCH):
        rows = min(BATCH, RESAMPLES - start)
        times = rng.multinomial(k, np.full(k, 1 / k), size=rows)
        yield times @ sums


def _by_group(table: Floats, groups: Sequence[Hashable] | None) -> Floats:
    if groups is None:
        return table
    if len(groups) != len(table):
        raise ValueError(f"{len(table)} answers, {len(groups)} groups")
    place = {key: i for i, key in enumerate(dict.fromkeys(groups))}
    sums = np.zeros((len(place), table.shape[1]))
    np.add.at(sums, [place[key] for key in groups], table)
    return sums


def _table(statistics: ArrayLike) -> Floats:
    found = np.asarray(statistics, dtype=float)
    if found.ndim != 2 and found.size:
        raise ValueError(f"statistics of shape {found.shape}")
    return found.reshape(len(found), -1)
