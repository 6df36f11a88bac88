"""What is known of a run, ours or a foreign log. Plain data: the waist of the hourglass."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Series have the names Hugging Face logs use: loss, eval_loss, learning_rate, grad_norm, ...


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a series. value may be NaN or infinite: those are values, not gaps.

    step: optimizer updates done, None where a log counts epochs only; seg: process life it was
    written in; line: where in the source it stands.
    """

    value: float
    step: int | None = None
    epoch: float | None = None
    t: float | None = None
    seg: int = 0
    line: int | None = None


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


@dataclass(frozen=True, slots=True)
class Record:
    """A run as numbers.

    series: name to points in the order of the log; facts: vocabulary, rows, epochs, batch,
    settings, versions; source: path and reader; notes: what was refused and why; figures: single
    measured numbers; statements: what a report says of the run; others: other runs that the same
    source tells of, such as the curve before a repair.
    """

    source: Mapping[str, Any]
    series: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    statements: tuple[Statement, ...] = ()
    others: tuple["Record", ...] = ()

    def points(self, name: str) -> tuple[Point, ...]:
        """Points of a series; empty when the log has none."""
        return self.series.get(name, ())

    def values(self, name: str) -> list[float]:
        """Values of a series in order."""
        return [p.value for p in self.points(name)]

    def segments(self) -> list[int]:
        """Process lives seen, in order of appearance."""
        return list(dict.fromkeys(p.seg for p in self._all()))

    def _all(self) -> Iterator[Point]:
        for points in self.series.values():
            yield from points
