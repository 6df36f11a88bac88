"""Whether a stated confidence is what it says: of answers given 0.8, are 80 in 100 right?

Confidences are probabilities in 0..1, ``right`` is 0 or 1 for each answer, both shape (n,).
Nothing here knows where they come from. Functions raise ValueError for values outside their range,
NaN included: an answer without a confidence cannot be called calibrated.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from huohou.measure.intervals import LEVEL, wilson

BINS = 10
RESAMPLES = 500

Floats = NDArray[np.float64]
Numbers = Sequence[float] | Floats


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence: how sure they were, and how often they were right.

    low, high: the confidences in it; n: answers; stated: their mean confidence; right: the share
    that is right, with its Wilson interval.
    """

    low: float
    high: float
    n: int
    stated: float
    right: float
    right_low: float
    right_high: float


def reliability(confidences: Numbers, right: Numbers, bins: int = BINS) -> list[Bin]:
    """The reliability table, the least sure first: bins of equal mass.

    Each bin has n / bins answers as nearly as ties allow: answers of one confidence are never in
    two bins, so that the order of the questions does not matter. Equal mass is used because
    confidences crowd near 1, where bins of equal width hold nearly all or hardly any answers.
    Source: Nguyen & O'Connor (2015), EMNLP, adaptive binning.

    >>> [(b.n, b.stated, b.right) for b in reliability([0.5, 0.5, 0.9, 0.9], [0, 1, 1, 1], 2)]
    [(2, 0.5, 0.5), (2, 0.9, 1.0)]
    """
    stated, outcome = pairs(confidences, right)
    order = np.argsort(stated, kind="stable")
    stated, outcome = stated[order], outcome[order]
    return [_bin(stated[a:b], outcome[a:b]) for a, b in _edges(stated, bins)]


def _edges(stated: Floats, bins: int) -> list[tuple[int, int]]:
    """Where bins begin and end in sorted confidences; a tie belongs to the bin it begins in."""
    n, found, start = len(stated), [], 0
    for number in range(1, bins + 1):
        end = round(n * number / bins)
        if end <= start:
            continue
        end = int(np.searchsorted(stated, stated[end - 1], side="right"))
        found.append((start, end))
        start = end
    return found


def _bin(stated: Floats, outcome: Floats) -> Bin:
    low, high = wilson(float(outcome.sum()), len(outcome))
    return Bin(
        float(stated[0]),
        float(stated[-1]),
        len(stated),
        float(stated.mean()),
        float(outcome.mean()),
        low,
        high,
    )


def calibration_error(confidences: Numbers, right: Numbers, bins: int = BINS) -> float:
    """Expected calibration error: mean over the answers of |stated - right| of their bin.

    Bins of equal mass. A perfect forecast of p does not score 0 but, by chance alone, about
    0.8 sqrt(p (1 - p) bins / n). Source: Naeini et al. (2015), AAAI; bins as in ``reliability``.

    >>> calibration_error([0.5, 0.5, 0.9, 0.9], [0, 1, 1, 1], 2)
    0.04999999999999999
    """
    table = reliability(confidences, right, bins)
    whole = sum(one.n for one in table)
    return sum(one.n * abs(one.stated - one.right) for one in table) / whole


def brier(confidences: Numbers, right: Numbers) -> float:
    """Mean squared difference of confidence and outcome, 0 is best. Source: Brier (1950).

    >>> brier([1.0, 0.5], [1, 1])
    0.125
    """
    stated, outcome = pairs(confidences, right)
    return float(np.mean((stated - outcome) ** 2))


def brier_skill(confidences: Numbers, right: Numbers) -> float | None:
    """1 - brier / brier of always stating the share that is right: above 0 says something.

    None where all answers are right or all wrong: then the share alone says everything.

    >>> brier_skill([0.9, 0.9, 0.1, 0.1], [1, 1, 0, 0])
    0.96
    """
    share = float(np.mean(pairs(confidences, right)[1]))
    spread = share * (1 - share)
    return None if spread == 0 else 1 - brier(confidences, right) / spread


def auroc(confidences: Numbers, right: Numbers) -> float | None:
    """Chance that a right answer is stated with more confidence than a wrong one; ties count half.

    None without both kinds. Source: Mann & Whitney (1947), area under the ROC curve.

    >>> auroc([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])
    0.875
    """
    from scipy.stats import rankdata

    stated, outcome = pairs(confidences, right)
    hits = int(outcome.sum())
    misses = len(outcome) - hits
    if not hits or not misses:
        return None
    ranks = rankdata(stated)
    return float((ranks[outcome > 0].sum() - hits * (hits + 1) / 2) / (hits * misses))


def resampled(
    statistic: Callable[[Floats, Floats], float | None],
    confidences: Numbers,
    right: Numbers,
    groups: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Percentile interval of any statistic of (confidences, right), whole groups drawn, seeded.

    None where it has no value in more than a tenth of the draws, such as AUROC when hardly an
    answer is wrong.
    """
    stated, outcome = pairs(confidences, right)
    members = _members(groups or range(len(stated)))
    rng, found = np.random.default_rng(seed), []
    for _ in range(resamples):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        value = statistic(stated[rows], outcome[rows])
        if value is not None:
            found.append(value)
    if len(found) < 0.9 * resamples:
        return None
    low, high = np.quantile(found, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)


def _members(groups: Sequence[Hashable]) -> list[NDArray[np.int64]]:
    found: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(group, []).append(i)
    return [np.array(rows) for rows in found.values()]


def pairs(confidences: Numbers, right: Numbers) -> tuple[Floats, Floats]:
    """Both as arrays [n]. Raises ValueError for what is no confidence or no outcome."""
    stated, outcome = np.asarray(confidences, float), np.asarray(right, float)
    if stated.shape != outcome.shape or stated.ndim != 1 or not len(stated):
        raise ValueError(f"{len(stated)} confidences of {len(outcome)} answers")
    if not ((stated >= 0) & (stated <= 1)).all():
        raise ValueError("a confidence is not in 0..1")
    if not np.isin(outcome, (0.0, 1.0)).all():
        raise ValueError("an answer is neither right nor wrong")
    return stated, outcome
