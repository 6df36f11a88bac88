"""What schedule a course of learning rates is: schedules are exact, so their end can be told.

A linear schedule falls by the same amount a step; of a cosine the angle ``arccos(2 r - 1)`` grows
by the same amount a step. What fits neither to within the rounding of a log is not judged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from huohou.record.columns import Floats, Series
from huohou.record.record import Point

Shape = Literal["linear", "cosine", "constant", "other"]

POINTS = 6  # of the part that falls
EXACT = 0.012  # of the peak: how far a logged rate may lie from its schedule
FALLEN = 0.03  # of the peak: a schedule that has not fallen by this shows no shape yet
AT_PEAK = 0.999
MOST = 1000  # points of a long log that are fitted


@dataclass(frozen=True, slots=True)
class Schedule:
    """A course of learning rates. warm_up, end: steps at which it reached its peak and will be 0
    (None where it has no such place); last: rate at the last point, as a part of the peak."""

    shape: Shape
    peak: float
    warm_up: float
    last: float
    end: float | None = None


def schedule(points: Sequence[Point]) -> Schedule | None:
    """The schedule of a course in order; None for fewer than 3 points or a rate of 0."""
    course = Series.of(points)
    rates, at = course.values, course.places
    if len(rates) < 3 or not np.isfinite(at).all() or rates.max() <= 0:
        return None
    peak = float(rates.max())
    part = rates / peak
    top = np.flatnonzero(part >= AT_PEAK)
    warm_up, falls_from = float(at[top[0]]), int(top[-1])
    shape: Shape
    end: float | None
    if part[-1] >= AT_PEAK:
        shape, end = ("constant" if top[0] < len(rates) // 3 else "other"), None
    else:
        y, x = part[falls_from:], at[falls_from:]
        shape, end = _fit(x[y > EXACT], y[y > EXACT])
    return Schedule(shape, peak, warm_up, float(part[-1]), end)


def expected(name: str, at: Floats, warm_up: float, length: float) -> Floats | None:
    """The rates of a schedule by its name, as parts of its peak; None of one that is not known.

    >>> expected("linear", np.array([5.0, 10.0, 55.0, 100.0]), 10, 100).tolist()
    [0.5, 1.0, 0.5, 0.0]
    """
    rest = np.clip((at - warm_up) / max(length - warm_up, 1.0), 0.0, 1.0)
    if name == "linear":
        falls = 1.0 - rest
    elif name == "cosine":
        falls = (1.0 + np.cos(math.pi * rest)) / 2
    else:
        return None
    return np.asarray(np.where(at < warm_up, at / max(warm_up, 1.0), falls), dtype=np.float64)


def _fit(x: Floats, y: Floats) -> tuple[Shape, float | None]:
    """The shape that fits, and where it reaches 0."""
    if len(y) < POINTS or y[-1] > 1 - FALLEN:
        return "other", None
    some = np.unique(np.linspace(0, len(y) - 1, min(len(y), MOST)).astype(int))
    x, y = x[some], y[some]
    if x[0] == x[-1]:
        return "other", None
    found: list[tuple[float, Shape, float]] = []
    slope, start = np.polyfit(x, y, 1)
    if slope < 0:
        off = float(np.abs(start + slope * x - y).max())
        found.append((off, "linear", float(-start / slope)))
    angle = np.arccos(np.clip(2 * y - 1, -1, 1))
    slope, start = np.polyfit(x, angle, 1)
    if slope > 0:
        fitted = (1 + np.cos(np.clip(start + slope * x, 0, math.pi))) / 2
        off = float(np.abs(fitted - y).max())
        found.append((off, "cosine", float((math.pi - start) / slope)))
    # the beginning of a cosine is nearly a line: the one that fits better is meant
    best = min((one for one in found if one[0] < EXACT), default=None)
    return ("other", None) if best is None else best[1:]
