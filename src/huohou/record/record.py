"""What is known of a run, ours or a foreign log. Plain data: the waist of the hourglass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from huohou.record.columns import EMPTY, Point, Series

__all__ = ["Figure", "Point", "Record", "Series", "Statement"]

_MOST = 1e30  # operations of a training are fewer
# Series have the names Hugging Face logs use: loss, eval_loss, learning_rate, grad_norm, ...


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number that is no point of a series: a score, a time, a size.

    name: as in scorecards (``accuracy@3``, ``mse``, ``predict_bleu-4``); value: as a part of one
    where it was written in percent of something; count, of: 15 of 50, where that is said;
    text: as it was written; when: "before", "after", or "" where the text does not say.
    """

    name: str
    value: float
    text: str = ""
    line: int | None = None
    count: int | None = None
    of: int | None = None
    when: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of a report, as it stands. kind: "claim", or "criterion" for what is to be met;
    metric, min, max: of a criterion that can be measured."""

    text: str
    line: int | None = None
    kind: str = "claim"
    metric: str | None = None
    min: float | None = None
    max: float | None = None


def _absurd(value: Any) -> bool:
    """Whether a number counts or measures nothing: NaN, infinite or beyond all measure."""
    return isinstance(value, int | float) and not abs(value) <= _MOST


@dataclass(frozen=True, slots=True)
class Record:
    """A run as numbers.

    series: name to points in the order of the log, kept as ``Series``; facts: vocabulary, rows,
    epochs, batch, settings, versions; source: path and reader; notes: what was refused and why;
    figures: single measured numbers; statements: what a report says of the run; others: other
    runs that the same source tells of, such as the curve before a repair.
    """

    source: Mapping[str, Any]
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    statements: tuple[Statement, ...] = ()
    others: tuple["Record", ...] = ()

    def __post_init__(self) -> None:
        columns = {name: Series.of(points) for name, points in self.series.items()}
        object.__setattr__(self, "series", columns)
        known = {name: value for name, value in self.facts.items() if not _absurd(value)}
        object.__setattr__(self, "facts", known)

    def points(self, name: str) -> Series:
        """Points of a series; empty when the log has none."""
        found = self.series.get(name, EMPTY)
        return found if isinstance(found, Series) else Series.of(found)

    def values(self, name: str) -> list[float]:
        """Values of a series in order."""
        found: list[float] = self.points(name).values.tolist()
        return found

    def segments(self) -> list[int]:
        """Process lives seen, in order of appearance."""
        found: dict[int, None] = {}
        for name in self.series:
            segs, first = np.unique(self.points(name).segs, return_index=True)
            found |= dict.fromkeys(int(seg) for seg in segs[np.argsort(first)])
        return list(found)
