"""Records written by hand, for the examples that a rule carries."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from huohou.record.record import Point, Record


def run(
    loss: Sequence[float] = (),
    evals: Sequence[float] = (),
    *,
    every: int = 10,
    epochs: float | None = None,
    facts: Mapping[str, Any] | None = None,
    more: Mapping[str, Sequence[float]] | None = None,
    **named: Sequence[float],
) -> Record:
    """A run that logs every few steps; evaluations are spread evenly, the last at the end.

    epochs: passes over the rows at the last step; more, named: other series, a value a log line.
    """
    series = {**(more or {}), **named}
    last = every * max(map(len, (loss, *series.values())), default=0) or every * len(evals)

    def points(values: Sequence[float], gap: float) -> tuple[Point, ...]:
        steps = [round(gap * (i + 1)) for i in range(len(values))]
        return tuple(
            Point(value, step, None if epochs is None else epochs * step / last)
            for value, step in zip(values, steps, strict=True)
        )

    all_series = {name: points(values, every) for name, values in series.items()}
    if loss:
        all_series["loss"] = points(loss, every)
    if evals:
        all_series["eval_loss"] = points(evals, last / len(evals))
    return Record({"path": "example"}, all_series, dict(facts or {}))


def lives(*losses: Sequence[float], starts: Sequence[int] = (), every: int = 10) -> Record:
    """A run of several process lives; starts: the step each begins at, by default 0."""
    points = [
        Point(value, (starts[seg] if starts else 0) + every * (i + 1), seg=seg)
        for seg, values in enumerate(losses)
        for i, value in enumerate(values)
    ]
    return Record({"path": "example"}, {"loss": tuple(points)})


def falling(
    start: float, end: float, n: int = 40, *, noise: float = 0.01, rate: float = 5.0, seed: int = 0
) -> list[float]:
    """An exponential fall of n values with relative noise; rate: time constants in the run."""
    rng = random.Random(seed)
    return [
        (end + (start - end) * 2.718281828 ** (-rate * i / n)) * (1 + rng.gauss(0, noise))
        for i in range(n)
    ]


def line(start: float, end: float, n: int = 40, noise: float = 0.01, seed: int = 0) -> list[float]:
    """A straight line of n values with relative noise."""
    rng = random.Random(seed)
    step = (end - start) / max(n - 1, 1)
    return [(start + step * i) * (1 + rng.gauss(0, noise)) for i in range(n)]
