"""Curves that turn what was said too surely, or not surely enough, into what it is worth.

And the confidence from which on answers may be given without asking back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from huohou.measure.calibration import Floats, Numbers, pairs
from huohou.measure.intervals import LEVEL

EDGE = 1e-6  # probabilities of 0 and 1 have no logit
STEPS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve over the logit of a confidence: slope and offset."""

    slope: float
    offset: float

    def __call__(self, confidences: Numbers) -> Floats:
        """Calibrated confidences [n]."""
        from scipy.special import expit

        found: Floats = expit(self.slope * _logit(confidences) + self.offset)
        return found

    def at(self, confidence: float) -> float:
        """One calibrated confidence, without scipy.

        >>> curve = Platt(0.5, 0.1)
        >>> abs(curve.at(0.9) - float(curve([0.9])[0])) < 1e-12
        True
        """
        p = min(max(confidence, EDGE), 1 - EDGE)
        return 1 / (1 + math.exp(-self.slope * math.log(p / (1 - p)) - self.offset))


def fit_platt(confidences: Numbers, right: Numbers) -> Platt:
    """The logistic curve that foretells the outcomes best; it needs few answers.

    Targets are drawn in from 0 and 1 as Platt does, so that answers which are all right are not
    given certainty. Source: Platt (1999), with the targets of Lin, Lin & Weng (2007).

    >>> curve = fit_platt([0.9] * 10 + [0.2] * 10, [1] * 8 + [0] * 2 + [1] * 2 + [0] * 8)
    >>> [round(float(x), 2) for x in curve([0.9, 0.2])]  # said too surely
    [0.75, 0.25]
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    stated, outcome = pairs(confidences, right)
    logits, hits = _logit(stated), float(outcome.sum())
    targets = np.where(outcome > 0, (hits + 1) / (hits + 2), 1 / (len(outcome) - hits + 2))

    def loss(curve: Floats) -> tuple[float, Floats]:
        z = curve[0] * logits + curve[1]
        apart = expit(z) - targets
        value = float(np.sum(np.logaddexp(0, z) - targets * z))
        return value, np.array([float(apart @ logits), float(apart.sum())])

    best: Any = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    return Platt(float(best.x[0]), float(best.x[1]))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising step curve, straight between its steps. places, values: shape (k,), both rising."""

    places: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, confidences: Numbers) -> Floats:
        """Calibrated confidences [n]."""
        found: Floats = np.interp(np.asarray(confidences, float), self.places, self.values)
        return found


def fit_isotonic(confidences: Numbers, right: Numbers) -> Isotonic:
    """The rising curve nearest to the outcomes (pool adjacent violators); it needs many answers.

    Source: Zadrozny & Elkan (2002), KDD; solved by scipy.optimize.isotonic_regression.

    >>> curve = fit_isotonic([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1])
    >>> [float(x) for x in curve([0.1, 0.5, 0.9])]
    [0.0, 0.5, 1.0]
    """
    from scipy.optimize import isotonic_regression

    stated, outcome = pairs(confidences, right)
    places, where = np.unique(stated, return_inverse=True)
    weights = np.bincount(where).astype(float)
    means = np.bincount(where, weights=outcome) / weights
    values = isotonic_regression(means, weights=weights).x
    kept = _corners(values)
    return Isotonic(
        tuple(float(x) for x in places[kept]), tuple(float(x) for x in np.clip(values[kept], 0, 1))
    )


def _corners(values: Floats) -> list[int]:
    """First and last place of each step: the curve is the same without those between."""
    last = len(values) - 1
    return [
        i
        for i in range(len(values))
        if i in (0, last) or values[i] != values[i - 1] or values[i] != values[i + 1]
    ]


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which confidence on an answer is given.

    value: the confidence; error: the share of wrong answers among those at or above it; bound:
    what that share is below, at ``level``; n: answers at or above it; coverage: their part of all.
    """

    value: float
    error: float
    bound: float
    n: int
    coverage: float
    level: float = LEVEL


def threshold(
    confidences: Numbers,
    right: Numbers,
    error: float,
    level: float = LEVEL,
    steps: Sequence[float] = STEPS,
) -> Threshold | None:
    """The lowest of the steps from which on at most ``error`` of the answers are wrong, for sure.

    The bound is the exact binomial one, for as many thresholds as there are steps (Bonferroni): it
    holds for other questions of the same kind, not only for those counted. None where no step can
    be shown to keep the error: too few answers, or too many wrong ones among the surest.
    Source: Angelopoulos et al. (2021), "Learn then test", with Bonferroni's correction.

    >>> found = threshold([0.3] * 500 + [0.9] * 2000, [0] * 250 + [1] * 250 + [1] * 2000, 0.01)
    >>> found.value, found.error, found.bound < 0.01, found.coverage
    (0.5, 0.0, True, 0.8)
    >>> threshold([0.9] * 20, [1] * 20, 0.01) is None  # twenty answers prove little
    True
    """
    stated, outcome = pairs(confidences, right)
    for step in sorted(steps):
        chosen = outcome[stated >= step]
        n, wrong = len(chosen), float((1 - chosen).sum())
        bound = upper_bound(wrong, n, 1 - (1 - level) / len(steps)) if n else 1.0
        if bound <= error:
            return Threshold(step, wrong / n, bound, n, n / len(stated), level)
    return None


def upper_bound(wrong: float, n: int, level: float = LEVEL) -> float:
    """What the share of wrong answers is below, one-sided and exact. Clopper & Pearson (1934).

    >>> round(upper_bound(0, 20000), 6)  # "0 in 20,000": at most 3 in 20,000
    0.00015
    """
    from scipy.stats import beta

    if not 0 <= wrong <= n or n < 1:
        raise ValueError(f"{wrong} wrong of {n}")
    return 1.0 if wrong == n else float(beta.ppf(level, wrong + 1, n - wrong))


def _logit(confidences: Numbers) -> Floats:
    p = np.clip(np.asarray(confidences, float), EDGE, 1 - EDGE)
    found: Floats = np.log(p / (1 - p))
    return found
