"""A series kept short, to be drawn in a line of a terminal."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

SIZE = 256  # values kept at least, once there were as many


@dataclass(slots=True)
class Trace:
    """The course of a series in at most twice SIZE means.

    last: the newest value; lowest: of the values that are no NaN; count: values seen. A mean over
    values with a NaN among them is NaN.
    """

    last: float | None = None
    lowest: float | None = None
    count: int = 0
    _means: list[float] = field(default_factory=list)
    _each: int = 1  # values in a mean
    _sum: float = 0.0
    _n: int = 0

    def add(self, value: float) -> None:
        """The next value."""
        self.last, self.count = value, self.count + 1
        if not math.isnan(value) and (self.lowest is None or value < self.lowest):
            self.lowest = value
        self._sum, self._n = self._sum + value, self._n + 1
        if self._n == self._each:
            self._means.append(self._sum / self._n)
            self._sum, self._n = 0.0, 0
        if len(self._means) >= 2 * SIZE:
            self._means = mean_of(self._means, SIZE)
            self._each *= 2

    def values(self) -> list[float]:
        """The means, in order."""
        return [*self._means, self._sum / self._n] if self._n else list(self._means)


def mean_of(values: list[float], count: int) -> list[float]:
    """Values as so many means of neighbours; as they are where there are no more.

    >>> mean_of([1.0, 3.0, 5.0, 7.0], 2)
    [2.0, 6.0]
    """
    if len(values) <= count:
        return list(values)
    edges = [len(values) * i // count for i in range(count + 1)]
    parts = [values[a:b] for a, b in pairwise(edges)]
    return [sum(part) / len(part) for part in parts]
