"""Statistics of a series: level, noise, and a trend test that knows of autocorrelation.

Everything here works on raw values. A smoothed series must not be put in: its neighbours depend
on each other by construction, and every trend test would find a trend.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from huohou.record.columns import Floats, Marks

# More points than this are put together in blocks: test and fit are quadratic.
_LONGEST = 200
_FITTED = 60
_FEW = 50  # values for which an array does not pay
_MAD = 1.4826  # median absolute deviation to standard deviation, for a normal distribution
_Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Trend:
    """Mann-Kendall test and Sen's slope, with the variance corrected for autocorrelation.

    z: above 0 where the series rises; change, low, high: rise from the first to the last value
    by Sen's slope with its 95 % interval, in units of the series.
    """

    z: float
    change: float
    low: float
    high: float

    def rises(self, alpha: float = 0.01) -> bool:
        """Whether it rises, one-sided."""
        return self.z > NormalDist().inv_cdf(1 - alpha)

    def falls(self, alpha: float = 0.01) -> bool:
        """Whether it falls, one-sided."""
        return self.z < -NormalDist().inv_cdf(1 - alpha)


def noise(values: Sequence[float] | Floats) -> float:
    """Standard deviation of the noise around a slowly changing level.

    From the median absolute difference of neighbours, so that a trend and a few spikes do not
    count. 0.0 for fewer than 3 values.

    >>> round(noise([1.0, 1.2, 1.0, 1.2, 1.0]), 3)
    0.21
    """
    if len(values) < 3:
        return 0.0
    steps = np.abs(np.diff(np.asarray(values, dtype=float)))
    return float(_MAD * np.median(steps) / math.sqrt(2))


def above(value: float, base: float) -> float:
    """Percent that a value lies above a base, rounded; infinite above a base of 0.

    >>> above(1.76, 0.95), above(-1.0, -2.0)
    (85.3, 50.0)
    """
    if base == 0:
        return math.copysign(math.inf, value - base)
    return round(100 * (value - base) / abs(base), 1)


@dataclass(frozen=True, slots=True)
class Valley:
    """The course that falls, then rises, which fits a series best (least squares).

    low, end: its values where it turns and at the end; settled: as end, but where there are ten
    values or more what half of the last three reach; noise: what it leaves over, but not less
    than half of what neighbours differ by, for a perfect fit of a few values says nothing.
    """

    low: float
    end: float
    settled: float
    noise: float
    n: int

    def rise(self, end: float) -> float:
        """From the low to an end in units of noise, fewer units where few values tell it."""
        rise = end - self.low
        return rise / (self.noise * (1 + 4 / self.n)) if self.noise else math.copysign(9, rise)


def valley(values: Sequence[float]) -> Valley:
    """Fit of at least 3 values, in two halves by isotonic regression (Barlow et al., 1972).

    >>> found = valley([0.98, 0.95, 1.1, 1.24, 1.33, 1.5, 1.61])
    >>> found.low, found.end, round(found.rise(found.end), 1)
    (0.95, 1.61, 6.4)
    """
    y = _shorter(values, _FITTED)
    squares, fit = min((_squares(y, fit), fit) for fit in (_fit(y, at) for at in range(len(y))))
    free = max(1, len(y) - len(set(fit)))
    spread = max(math.sqrt(squares / free), 0.5 * noise(y))
    settled = level(y[-3:]) if len(y) >= 10 else fit[-1]
    return Valley(min(fit), fit[-1], min(settled, fit[-1]), spread, len(y))


def _fit(y: Sequence[float], at: int) -> list[float]:
    falling = [-v for v in _isotonic([-v for v in y[:at]])]
    return falling + _isotonic(y[at:])


def _squares(y: Sequence[float], fit: Sequence[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(y, fit, strict=True))


def _isotonic(y: Sequence[float]) -> list[float]:
    """The rising series that is nearest to y: neighbours that fall are put together."""
    pools: list[tuple[float, int]] = []
    for value in y:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, m), (b, n) = pools[-2:]
            pools[-2:] = [((a * m + b * n) / (m + n), m + n)]
    return [value for value, count in pools for _ in range(count)]


def lowest(values: Sequence[float]) -> float:
    """The lowest level a series kept for a while: a median of neighbours, so that one lucky value
    does not count. A series that never came under its first value has that one.

    >>> lowest([3.0, 2.0, 0.1, 2.1, 1.9, 2.5]), lowest([4.4, 7.8, 6.0, 8.6])
    (1.9, 4.4)
    """
    if min(values) == values[0]:
        return float(values[0])
    width = max(3, len(values) // 20)
    starts = range(0, max(len(values) - width, 0) + 1, max(1, width // 3))
    found = values if width < _FEW else np.asarray(values, dtype=float)
    return min(level(found[i : i + width]) for i in starts)


def level(values: Sequence[float] | Floats) -> float:
    """Median."""
    return float(median(values) if len(values) < _FEW else np.median(values))


def last_stretch(marks: Marks) -> int:
    """Where the unbroken stretch of marks at the end begins.

    >>> last_stretch(np.array([True, False, True, True]))
    2
    """
    gaps = np.flatnonzero(~marks)
    return int(gaps[-1]) + 1 if len(gaps) else 0


def longest_stretch(marks: Marks) -> tuple[int, int]:
    """Where the longest unbroken stretch of marks begins, and where it has ended.

    >>> longest_stretch(np.array([True, False, True, True, False])), longest_stretch(np.array([]))
    ((2, 4), (0, 0))
    """
    edges = np.flatnonzero(np.diff(np.r_[0, marks.astype(int), 0]))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return 0, 0
    longest = int((ends - begins).argmax())
    return int(begins[longest]), int(ends[longest])


def trend(values: Sequence[float]) -> Trend:
    """Trend of at least 4 values in order.

    Mann-Kendall with the variance of Hamed and Rao (1998), J. Hydrology 204, 182-196, which
    counts significant autocorrelation of the detrended ranks; it is never taken as negative, so
    the test errs towards no trend. Interval of Sen's slope: Gilbert (1987), section 16.5.
    """
    y = np.asarray(_shorter(values, _LONGEST))
    n = len(y)
    i, j = np.triu_indices(n, 1)
    slopes = np.sort((y[j] - y[i]) / (j - i))
    middle = float(np.median(slopes))
    s = float(np.sign(y[j] - y[i]).sum())
    spread = math.sqrt(_variance(y) * _inflation(y - middle * np.arange(n)))
    z = 0.0 if spread == 0 else (s - math.copysign(1, s)) / spread if s else 0.0
    reach = _Z95 * spread
    low = slopes[max(int((len(slopes) - reach) / 2), 0)]
    high = slopes[min(int((len(slopes) + reach) / 2), len(slopes) - 1)]
    span = n - 1
    return Trend(z, middle * span, float(low) * span, float(high) * span)


def _shorter(values: Sequence[float], count: int) -> list[float]:
    """The values, or the means of that many blocks of neighbours where there are more."""
    if len(values) <= count:
        return [float(value) for value in values]
    return [float(part.mean()) for part in np.array_split(np.asarray(values, float), count)]


def _variance(y: Floats) -> float:
    """Variance of Mann-Kendall's S for independent values, ties counted."""
    n = len(y)
    _, ties = np.unique(y, return_counts=True)
    tied = float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return (n * (n - 1) * (2 * n + 5) - tied) / 18


def _inflation(residuals: Floats) -> float:
    """Factor on the variance for autocorrelated values, at least 1."""
    n = len(residuals)
    ranks = _ranks(residuals) - (n + 1) / 2
    power = float((ranks**2).sum())
    if power == 0 or n < 6:
        return 1.0
    total = 0.0
    for lag in range(1, min(n - 3, 1 + n // 3)):
        rho = float((ranks[lag:] * ranks[:-lag]).sum()) / power
        if abs(rho) > _Z95 / math.sqrt(n):
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
    return max(1.0, 1 + 2 * total / (n * (n - 1) * (n - 2)))


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, the mean of the places for ties."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    places: Floats = last - (counts - 1) / 2
    return places[inverse]
