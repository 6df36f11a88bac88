"""A long series as a few buckets, in memory: what a chart draws of a log that was just read."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from huohou.record.columns import Floats, Series
from huohou.record.events import short
from huohou.record.record import Record

_EXACT = 1e-12


def charted(record: Record, points: int = 2000) -> dict[str, Any]:
    """Series of a record in about so many buckets each, as the page draws the series of a job.

    series: name to ``seg, step, min, max, last, mean, n, nans``; total: points of each; clock:
    knots of ``seg, step, t, epoch``; axis: "step", or "epoch" where the log counts no updates. Then
    a step is the place of an epoch among all epochs of the log, and the clock tells which.
    """
    found = {name: Series.of(series) for name, series in record.series.items() if len(series)}
    known = any(np.isfinite(series.steps).any() for series in found.values())
    order = _order(found.values())
    placed = {name: _places(series, order, known) for name, series in found.items()}
    return {
        "axis": "step" if known or not len(order) else "epoch",
        "series": {name: _columns(found[name], placed[name], points) for name in found},
        "total": {name: len(series) for name, series in found.items()},
        "clock": _clock(found, placed),
    }


def _order(found: Iterable[Series]) -> Floats:
    """All epochs of a log, each once."""
    every = [series.epochs for series in found]
    together = np.concatenate(every) if every else np.zeros(0)
    return np.unique(together[np.isfinite(together)])


def _places(series: Series, order: Floats, known: bool) -> Floats:
    """Where each point stands: its step, else the place of its epoch, else its own number."""
    counted = np.arange(1.0, len(series) + 1)
    if known:
        return np.where(np.isfinite(series.steps), series.steps, counted)
    if not len(order):
        return counted
    return np.where(
        np.isfinite(series.epochs), np.searchsorted(order, series.epochs - _EXACT), counted
    ).astype(float)


def _columns(series: Series, places: Floats, points: int) -> dict[str, list[Any]]:
    names = ("seg", "step", "min", "max", "last", "mean", "n", "nans")
    found: dict[str, list[Any]] = {name: [] for name in names}
    for seg in dict.fromkeys(series.segs.tolist()):
        mine = np.flatnonzero(series.segs == seg)
        mine = mine[np.argsort(places[mine], kind="stable")]
        for name, column in _life(series.values[mine], places[mine], points).items():
            found[name] += column
        found["seg"] += [int(seg)] * (len(found["step"]) - len(found["seg"]))
    return found


def _life(values: Floats, places: Floats, points: int) -> dict[str, list[Any]]:
    """One process life, equally many points a bucket."""
    starts = np.unique(np.linspace(0, len(values), min(points, len(values)) + 1)[:-1].astype(int))
    ends = np.append(starts[1:], len(values)) - 1
    finite = np.isfinite(values)
    counts = np.add.reduceat(finite.astype(float), starts)
    sums = np.add.reduceat(np.where(finite, values, 0.0), starts)
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0, sums / counts, values[ends])
    return {
        "step": places[ends].astype(int).tolist(),
        "min": short(np.fmin.reduceat(values, starts).tolist()),
        "max": short(np.fmax.reduceat(values, starts).tolist()),
        "last": short(values[ends].tolist()),
        "mean": short(means.tolist()),
        "n": (ends - starts + 1).tolist(),
        "nans": np.add.reduceat(np.isnan(values).astype(int), starts).tolist(),
    }


def _clock(found: Mapping[str, Series], placed: Mapping[str, Floats]) -> dict[str, list[Any]]:
    """When each step was and in which epoch, by the longest series that says so."""
    knots: dict[tuple[int, int], tuple[float | None, float | None]] = {}
    for name in sorted(found, key=lambda one: -len(found[one])):
        series, places = found[name], placed[name]
        if not (np.isfinite(series.times).any() or np.isfinite(series.epochs).any()):
            continue
        for i in np.unique(np.linspace(0, len(series) - 1, 1000).astype(int)).tolist():
            key = int(series.segs[i]), int(places[i])
            knots.setdefault(key, (_known(series.times[i]), _known(series.epochs[i])))
    rows = sorted(knots.items())
    return {
        "seg": [seg for (seg, _), _ in rows],
        "step": [step for (_, step), _ in rows],
        "t": [t for _, (t, _) in rows],
        "epoch": [epoch for _, (_, epoch) in rows],
    }


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
