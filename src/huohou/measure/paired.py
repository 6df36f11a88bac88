"""Two searches asked the same questions: is one better, and could these questions have shown it.

``first`` is the new one, ``second`` what it is compared with; both give one value in 0..1 for each
query, in the same order. Groups are queries that belong together (those of one document): they
are drawn, and flipped, together.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from huohou.measure.intervals import LEVEL, Interval, paired_interval
from huohou.text import say

FLIPS = 10_000
BLOCK = 1_000_000  # signs drawn at once
POWER = 0.8  # of what counts as "can be shown"
WORSE = 0.05  # share of queries that a better search answers worse, where nothing else is known
ALPHA = 1 - LEVEL

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Paired:
    """What changed from second to first.

    difference: mean of first - second with its interval; p: sign-flip test that it is not 0;
    higher, lower, same: queries.
    """

    difference: Interval
    p: float
    higher: int
    lower: int
    same: int

    @property
    def better(self) -> bool:
        """Whether the gain is more than its interval."""
        return self.difference.low is not None and self.difference.low > 0

    @property
    def worse(self) -> bool:
        """Whether the loss is more than its interval."""
        return self.difference.high is not None and self.difference.high < 0


def compare(
    first: Sequence[float] | Floats,
    second: Sequence[float] | Floats,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Paired:
    """Paired comparison of one measure: bootstrap interval and sign-flip test, both by group.

    Raises ValueError for no queries and for values outside 0..1, NaN included: a search that did
    not run is not one that lost.

    >>> found = compare([1, 1, 1, 0.5, 1, 1, 1, 1], [0, 0, 1, 0.5, 0, 0.5, 0, 1])
    >>> found.difference.value, found.better, found.p, (found.higher, found.lower, found.same)
    (0.5625, True, 0.0625, (5, 0, 3))
    """
    new, old = _values(first), _values(second)
    difference = paired_interval(new.tolist(), old.tolist(), groups, seed=seed)
    change = new - old
    higher, lower = int((change > 0).sum()), int((change < 0).sum())
    p = sign_flip(change, groups, seed)
    return Paired(difference, p, higher, lower, len(change) - higher - lower)


def sign_flip(
    change: Sequence[float] | Floats, groups: Sequence[Hashable] | None = None, seed: int = 0
) -> float:
    """P of a mean change this far from 0 or farther when each group's sign is a coin's (two-sided).

    Exact up to 13 groups that changed, else 10,000 seeded draws with the one seen counted among
    them (Fisher's randomization test; Phipson & Smyth 2010 for the one more).
    """
    data = np.asarray(change, dtype=float)
    sums = data if groups is None else _group_sums(data, groups)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    seen = abs(float(sums.sum())) * (1 - 1e-12)  # orders of summation round differently
    if 2 ** len(sums) <= FLIPS:
        bits = np.arange(2 ** len(sums))[:, None] >> np.arange(len(sums)) & 1
        return float(np.mean(np.abs((bits * 2 - 1) @ sums) >= seen))
    rng, left, far = np.random.default_rng(seed), FLIPS, 0
    while left:
        rows = min(left, max(1, BLOCK // len(sums)))
        signs = rng.integers(0, 2, size=(rows, len(sums)), dtype=np.int8) * 2.0 - 1
        far += int(np.count_nonzero(np.abs(signs @ sums) >= seen))
        left -= rows
    return (far + 1) / (FLIPS + 1)


@dataclass(frozen=True, slots=True)
class McNemar:
    """Queries that only one of two searches answers, and the chance of so uneven a split."""

    only_first: int
    only_second: int
    both: int
    neither: int
    p: float


def mcnemar(first: Sequence[float] | Floats, second: Sequence[float] | Floats) -> McNemar:
    """Exact McNemar test of hits (accuracy@k), two-sided. Source: McNemar 1947, binomial form.

    A hit that ties leave open counts where it is more likely than not. For independent queries:
    where they share documents ``compare`` with groups decides.

    >>> round(mcnemar([1] * 15 + [0] * 35, [0] * 10 + [1] * 10 + [0] * 30).p, 4)
    0.3018
    """
    new, old = _values(first) > 0.5, _values(second) > 0.5
    if len(new) != len(old):
        raise ValueError(f"pairs of {len(new)} and {len(old)} values")
    up, down = int((new & ~old).sum()), int((old & ~new).sum())
    both, neither = int((new & old).sum()), int((~new & ~old).sum())
    return McNemar(up, down, both, neither, _split(up, up + down))


def power(n: int, up: float, down: float = WORSE, alpha: float = ALPHA) -> float:
    """Chance that an exact McNemar test of n queries shows a gain of up - down.

    up, down: share of queries that only the new, only the old search answers.

    >>> [round(power(n, 0.15), 2) for n in (50, 100, 200)]  # a gain of 10 points
    [0.24, 0.54, 0.88]
    """
    if n < 0 or min(up, down) < 0 or up + down > 1:
        raise ValueError(f"{up} up and {down} down of {n}")
    from scipy.stats import binom

    moved = np.arange(n + 1)
    limits = _limits(n, alpha)  # of m that differ: how few on one side are too few to be chance
    rising = up / (up + down) if up + down else 0.5
    shown = binom.sf(moved - limits - 1, moved, rising)
    return float(np.sum(binom.pmf(moved, n, up + down) * np.where(limits >= 0, shown, 0.0)))


def queries_needed(gain: float = 0.05, down: float = WORSE, want: float = POWER) -> int:
    """Queries from which on a gain is shown this often, to about 2 %.

    >>> queries_needed(0.05) // 100, queries_needed(0.25)
    (5, 45)
    """
    if not 0 < gain <= 1 - 2 * down:
        raise ValueError(f"a gain of {gain} with {down} worse")
    n = 8
    while power(n, gain + down, down) < want:
        n = math.ceil(n * 1.02) if n >= 50 else n + 1
    return n


def least_gain(n: int, down: float = WORSE, want: float = POWER) -> float | None:
    """Smallest gain that n queries show this often, to a tenth of a point; None: not any.

    >>> least_gain(50), least_gain(1190)
    (0.23, 0.03)
    """
    steps = np.arange(1, int((1 - 2 * down) * 1000) + 1) / 1000
    low, high = 0, len(steps)  # power rises with the gain
    while low < high:
        middle = (low + high) // 2
        if power(n, float(steps[middle]) + down, down) >= want:
            high = middle
        else:
            low = middle + 1
    return float(steps[low]) if low < len(steps) else None


def power_sentence(n: int) -> str:
    """What n independent queries can show, in words.

    >>> power_sentence(50)
    'With n=50 only gains of about 25 points can be shown.'
    """
    gain = least_gain(n)
    if gain is None:
        return say("measure.power_none", n=n)
    points = gain * 100
    # a round figure: the share of queries that get worse is an assumption
    step = 5.0 if points > 10 else 1.0 if points > 2 else 0.5
    return say("measure.power", n=n, points=f"{math.ceil(points / step) * step:g}")


@lru_cache(maxsize=32)
def _limits(n: int, alpha: float) -> NDArray[np.int64]:
    """For m = 0 ... n: the most on one side at which m are split too unevenly; -1: never."""
    from scipy.stats import binom

    moved = np.arange(n + 1)
    middle = binom.ppf(alpha / 2, moved, 0.5)
    few = 2 * binom.cdf(middle, moved, 0.5) <= alpha
    return np.asarray(np.where(few, middle, middle - 1), dtype=np.int64)


def _split(fewer: int, moved: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(fewer, moved, 0.5).pvalue) if moved else 1.0


def _values(values: Sequence[float] | Floats) -> Floats:
    found = np.asarray(values, dtype=float)
    if not len(found):
        raise ValueError("no queries to compare")
    wrong = np.flatnonzero(~((found >= 0) & (found <= 1)))
    if wrong.size:
        raise ValueError(f"query {wrong[0]} has the value {found[wrong[0]]}")
    return found


def _group_sums(data: Floats, groups: Sequence[Hashable]) -> Floats:
    if len(groups) != len(data):
        raise ValueError(f"{len(data)} values, {len(groups)} groups")
    place = {key: i for i, key in enumerate(dict.fromkeys(groups))}
    return np.bincount([place[key] for key in groups], weights=data).astype(np.float64)
