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
class Record:
    """A run as numbers.

    series: name to points in the order of the log; facts: vocabulary, rows, epochs, batch,
    settings, versions; source: path and reader; notes: what was refused and why.
    """

    source: Mapping[str, Any]
    series: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
