"""What changed from one set of answers to another, metric by metric, on the same questions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from huohou.evaluate.card import Metric
from huohou.evaluate.compute import POINTS
from huohou.evaluate.metrics import load
from huohou.measure.corpus import corpus_difference
from huohou.measure.intervals import Interval, mean_interval
from huohou.measure.paired import compare, sign_flip

Verdict = Literal["better", "worse", "same"]
Pair = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric in both.

    first, second: its value; difference: second - first on the same questions, with its interval
    and, for a mean over answers, the p of a sign-flip test; better: which direction is good
    ("one": nearest to 1); higher, lower, same: questions; verdict: of the second, by the interval.
    """

    metric: str
    definition: str
    unit: str
    better: str
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    n: int
    groups: int
    higher: int
    lower: int
    same: int
    verdict: Verdict


def differences(metrics: Iterable[Metric], pairs: Sequence[Pair]) -> Iterator[Difference]:
    """Of the metrics that both answers of a pair have a value for, in their order.

    pairs: lines of two ``CARD.answers.jsonl`` with the same question.
    """
    for metric in metrics:
        found = _of_answers(metric, pairs) or _of_sums(metric, pairs)
        if found is not None:
            yield found


def _of_answers(metric: Metric, pairs: Sequence[Pair]) -> Difference | None:
    """A metric that is the mean over answers."""
    values = [(values_of(a), values_of(b)) for a, b in pairs]
    both = [i for i, (a, b) in enumerate(values) if metric.name in a and metric.name in b]
    if not both:
        return None
    scale = POINTS if metric.unit == "points" else 1.0
    old = [values[i][0][metric.name] * scale for i in both]
    new = [values[i][1][metric.name] * scale for i in both]
    change, p = _paired(new, old, [_group(pairs[i][0]) for i in both])
    found = _difference(metric, (sum(old) / len(old), sum(new) / len(new)), change, p)
    moved = [b - a for a, b in zip(old, new, strict=True)]
    up, down = sum(x > 0 for x in moved), sum(x < 0 for x in moved)
    return replace(found, higher=up, lower=down, same=len(moved) - up - down)


def _of_sums(metric: Metric, pairs: Sequence[Pair]) -> Difference | None:
    """A metric of what all answers add up to, such as BLEU."""
    measure = dict(load()).get(metric.name)
    rows = [_sums(a, b, metric.name) for a, b in pairs]
    there = [i for i, row in enumerate(rows) if row is not None]
    if measure is None or measure.corpus is None or not there:
        return None
    old, new = (np.asarray([row[side] for row in rows if row]) for side in (0, 1))
    score = measure.corpus.score
    change = corpus_difference(new, old, score, [_group(pairs[i][0]) for i in there])
    ends = tuple(float(score(side.sum(axis=0, keepdims=True))[0]) for side in (old, new))
    return _difference(metric, (ends[0], ends[1]), change, None)


def _sums(a: Mapping[str, Any], b: Mapping[str, Any], name: str) -> tuple[Any, Any] | None:
    both = tuple(one.get("tuned", {}).get("statistics", {}).get(name) for one in (a, b))
    return None if None in both else (both[0], both[1])


def _difference(
    metric: Metric, ends: tuple[float, float], change: Interval, p: float | None
) -> Difference:
    return Difference(
        metric.name,
        metric.definition,
        metric.unit,
        metric.better,
        *ends,
        change.value,
        change.low,
        change.high,
        p,
        change.n,
        change.groups,
        0,
        0,
        0,
        _verdict(change, metric.better, ends),
    )


def values_of(answer: Mapping[str, Any]) -> dict[str, float]:
    """The value of each metric for one line of ``CARD.answers.jsonl``."""
    if "searches" in answer:
        own = answer["searches"]["retrieval"]
        return {"retrieval.ndcg@10": float(own["ndcg@10"])}
    found = answer["tuned"].get("values", {})
    return {name: float(value) for name, value in found.items()}


def _paired(
    new: Sequence[float], old: Sequence[float], groups: Sequence[str]
) -> tuple[Interval, float]:
    """Mean of new - old with its interval, and how surprising it is."""
    if all(0 <= value <= 1 for value in (*new, *old)):
        found = compare(new, old, groups)
        return found.difference, found.p
    change = [b - a for b, a in zip(new, old, strict=True)]
    return mean_interval(change, groups), sign_flip(change, groups)


def _verdict(change: Interval, better: str, ends: tuple[float, float]) -> Verdict:
    if change.low is None or change.high is None or change.low <= 0 <= change.high:
        return "same"
    if better == "one":
        return "better" if abs(ends[1] - 1) < abs(ends[0] - 1) else "worse"
    return "better" if (change.low > 0) == (better == "higher") else "worse"


def _group(answer: Mapping[str, Any]) -> str:
    """Questions of one group are right or wrong together: those of one fact or document."""
    meta = answer.get("meta", {})
    found = meta.get("fact") or meta.get("asked") or answer.get("document") or answer["question"]
    return str(found)
