"""The numbers of an engine's scorecard: what it is worth, how sure it is, how long it takes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from huohou.evaluate.answers.told import Answered
from huohou.evaluate.card import Metric
from huohou.evaluate.compute import computed
from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, asks_known, load, outcome
from huohou.measure.calibration import (
    Floats,
    auroc,
    brier,
    brier_skill,
    calibration_error,
    reliability,
    resampled,
)
from huohou.measure.facts import Outcome
from huohou.measure.intervals import mean_interval
from huohou.text import say

SHARED = (  # of every scorecard of facts
    "facts.accuracy",
    "facts.invented",
    "facts.wrong_real",
    "facts.other",
    "facts.abstention",
    "facts.false_abstention",
)
OWN: dict[str, Measure] = {
    "facts.asked_back": Measure(
        applies=lambda item: asks_known(item) and not item.row.meta.get("also"),
        value=outcome(Outcome.ASKED_BACK),
        better="lower",
        rank=22,
    ),
    "facts.unsure": Measure(
        applies=asks_known, value=outcome(Outcome.UNSURE), better="lower", rank=23
    ),
}
CALIBRATION: dict[str, Callable[[Floats, Floats], float | None]] = {
    "confidence.ece": calibration_error,
    "confidence.brier": brier,
    "confidence.brier_skill": brier_skill,
    "confidence.auroc": auroc,
}
BETTER = {"confidence.ece": "lower", "confidence.brier": "lower"}
ALONE = "speed.seconds_per_answer"
SPEED = {"speed.seconds_p50": 50, "speed.seconds_p95": 95}
NAMES = (
    *OWN,
    "facts.precision",
    "facts.recall",
    *CALIBRATION,
    "confidence.right",
    *SPEED,
)


def named() -> list[tuple[str, Measure]]:
    """The metrics that are a mean over answers, the most telling first."""
    known = dict(load())
    found = [*((name, known[name]) for name in SHARED), *OWN.items()]
    return sorted(found, key=lambda pair: pair[1].rank)


def metrics(found: Sequence[Answered], context: Context) -> list[Metric]:
    """All numbers of these answers. Raises ValueError for no answers."""
    items = [one.item for one in found]
    return [
        *computed(named(), items, None, context),
        *_given(found),
        *_calibration(found),
        *_speed(items),
    ]


def _given(found: Sequence[Answered]) -> Iterator[Metric]:
    """Precision and recall of the values that are given."""
    given = [one for one in found if one.gave]
    asked = [one for one in found if one.item.expect is not None]
    yield from _mean("facts.precision", given, _right)
    yield from _mean("facts.recall", asked, lambda one: _right(one) * float(one.gave))


def _right(one: Answered) -> float:
    return float(one.item.judgement is not None and one.item.judgement.right)


def _mean(
    name: str, chosen: Sequence[Answered], value: Callable[[Answered], float]
) -> Iterator[Metric]:
    if not chosen:
        return
    mean = mean_interval([value(one) for one in chosen], [one.item.group for one in chosen])
    yield Metric(
        name,
        say(f"metric.{name}"),
        mean.value,
        mean.low,
        mean.high,
        mean.n,
        groups=mean.groups,
        method=mean.method,
    )


def _calibration(found: Sequence[Answered]) -> Iterator[Metric]:
    """Whether claims hold as often as their confidence says."""
    stated = np.array([one.confidence for one in found])
    holds = np.array([float(one.holds) for one in found])
    groups = [one.item.group for one in found]
    for name, statistic in CALIBRATION.items():
        value = statistic(stated, holds)
        if value is None:
            continue
        low, high = resampled(statistic, stated, holds, groups) or (None, None)
        yield Metric(
            name,
            say(f"metric.{name}"),
            value,
            low,
            high,
            len(found),
            chance=0.5 if name == "confidence.auroc" else None,
            unit="ratio",
            better=BETTER.get(name, "higher"),
            groups=len(set(groups)),
            method="bootstrap" if low is not None else "none",
        )
    right = [one for one in found if one.gave and _right(one)]
    for metric in _mean("confidence.right", right, lambda one: one.confidence):
        yield replace(metric, unit="ratio")


def _speed(items: Sequence[Item]) -> Iterator[Metric]:
    seconds = np.array([item.answer.seconds for item in items])
    yield _time(ALONE, float(seconds.mean()), len(items))
    for name, part in SPEED.items():
        yield _time(name, float(np.percentile(seconds, part)), len(items))


def _time(name: str, value: float, n: int) -> Metric:
    return Metric(name, say(f"metric.{name}"), value, None, None, n, unit="seconds", better="lower")


def table(found: Sequence[Answered]) -> list[dict[str, Any]]:
    """The reliability table, the least sure first."""
    stated = [one.confidence for one in found]
    holds = [float(one.holds) for one in found]
    return [asdict(one) for one in reliability(stated, holds)]
