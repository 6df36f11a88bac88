"""Excursions of a loss above what came before, again and again: a rate that is too high swings."""

import math
from collections.abc import Sequence

import numpy as np

from huohou.diagnose.case import Case
from huohou.diagnose.curves import lowest
from huohou.record.columns import Floats
from huohou.record.record import Point

POINTS = 20
SWINGS = 3  # excursions of two lines and more,
SWING = 0.3  # each by this part of the level,
PART = 0.1  # by this part of what was learnt,
SIZE = 6.0  # and by so many noises
WIDTH = 15  # lines before an excursion that it is compared with
LOWER = 0.3  # quantile that a floor and a noise are taken from where half may be excursions
QUIET = 0.545  # that quantile of the difference of two normal values, in standard deviations
LONG = 2_000_000


def swings(case: Case) -> tuple[int, Point] | None:
    """How many excursions of two lines and more above what came before there are, and the top of
    them; None where there are fewer than three or most of them are at epochs' ends."""
    values = case.loss.values
    n = len(values)
    if n < POINTS or values.min() <= 0:
        return None
    base = _floor(values)
    learnt = max(float(values[0]) - lowest(case.losses), 0.0)
    # Noise may be a part of the level: an excursion stands out in both ways.
    least = np.maximum(SWING * base, max(SIZE * _quiet(values), PART * learnt))
    up = (values - base > least) & (np.log(values) - np.log(base) > SIZE * _quiet(np.log(values)))
    up[: n // 10] = False
    begins = [i for i in np.flatnonzero(up[:-1] & up[1:]).tolist() if not up[i - 1]]
    if len(begins) < SWINGS or _at_epochs(case, begins):
        return None
    return len(begins), case.loss[int(np.argmax(np.where(up, values - base, -math.inf)))]


def _floor(values: Floats) -> Floats:
    """What a third of the values before each lie below: excursions may take up half of a run."""
    width = max(WIDTH, len(values) // 20)
    if len(values) * width > LONG:  # by blocks, which are many and small then
        blocks = np.array_split(values, len(values) // width)
        lows = np.array([np.quantile(part, LOWER) for part in blocks])
        return np.repeat(np.r_[lows[0], lows[:-1]], [len(part) for part in blocks])
    padded = np.concatenate([np.full(width, values[0]), values[:-1]])
    around = np.lib.stride_tricks.sliding_window_view(padded, width)
    return np.asarray(np.quantile(around, LOWER, axis=1), dtype=np.float64)


def _quiet(values: Floats) -> float:
    """Noise by the smaller differences of neighbours, as of a normal distribution."""
    return float(np.quantile(np.abs(np.diff(values)), LOWER)) / QUIET


def _at_epochs(case: Case, begins: Sequence[int]) -> bool:
    """Whether most of these places are where an epoch begins."""
    epochs = case.loss.epochs[list(begins)]
    gaps = np.diff(case.loss.epochs)
    if np.isnan(epochs).any() or not len(gaps):
        return False
    near = np.abs(epochs - np.round(epochs)) <= 2 * float(np.nanmedian(gaps))
    return bool(near.mean() > 0.5) and float(np.nanmedian(gaps)) < 0.1
