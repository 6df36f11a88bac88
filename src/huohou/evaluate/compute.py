"""Answers to metrics: pure, no model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from huohou.evaluate.card import Metric
from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, load
from huohou.measure.intervals import mean_interval, paired_interval
from huohou.text import say


def compute(tuned: Sequence[Item], base: Sequence[Item] | None, context: Context) -> list[Metric]:
    """Every metric that applies, overall and by style, the most telling first.

    tuned, base: answers of both models to the same questions, in the same order.
    """
    if base is not None and [i.row for i in base] != [i.row for i in tuned]:
        raise ValueError("base and tuned were asked different questions")
    found: list[Metric] = []
    for name, measure in sorted(load(), key=lambda pair: pair[1].rank):
        if measure.needs_table and not context.table:
            continue
        for style, chosen in _selections(tuned, measure):
            label = _Label(f"{name}.{style}" if style else name, _definition(name, style))
            own = [tuned[i] for i in chosen]
            other = [base[i] for i in chosen] if base is not None else None
            found.append(_metric(label, measure, own, other, context))
    return found


def _selections(items: Sequence[Item], measure: Measure) -> Iterator[tuple[str, list[int]]]:
    """Indices of the answers that count: all, then for each style where there are several."""
    chosen = [i for i, item in enumerate(items) if measure.applies(item)]
    if not chosen:
        return
    yield "", chosen
    styles = sorted({items[i].style or "" for i in chosen})
    if measure.by_style and len(styles) > 1:
        for style in filter(None, styles):
            yield style, [i for i in chosen if items[i].style == style]


def _definition(name: str, style: str) -> str:
    whole = say(f"metric.{name}")
    return say("metric.of_style", definition=whole, style=style) if style else whole


class _Label(NamedTuple):
    name: str
    definition: str


def _metric(
    label: _Label, measure: Measure, own: list[Item], other: list[Item] | None, context: Context
) -> Metric:
    if measure.weight is not None:
        return _ratio(label, measure, own, other)
    values = [measure.value(item) for item in own]
    found = mean_interval(values, [item.group for item in own])
    plain = Metric(
        *label,
        found.value,
        found.low,
        found.high,
        found.n,
        chance=measure.chance(context, own),
        unit=measure.unit,
        better=measure.better,
        groups=found.groups,
        method=found.method,
    )
    return plain if other is None else _beside(plain, measure, values, other)


def _beside(plain: Metric, measure: Measure, values: list[float], other: list[Item]) -> Metric:
    """The metric with the base model's value, its interval, and the paired difference."""
    groups = [item.group for item in other]
    theirs = [measure.value(item) for item in other]
    base, apart = mean_interval(theirs, groups), paired_interval(values, theirs, groups)
    return replace(
        plain,
        baseline=base.value,
        baseline_low=base.low,
        baseline_high=base.high,
        difference=(apart.value, apart.low, apart.high),
    )


def _ratio(label: _Label, measure: Measure, own: list[Item], other: list[Item] | None) -> Metric:
    return Metric(
        *label,
        _quotient(measure, own),
        None,
        None,
        len(own),
        baseline=None if other is None else _quotient(measure, other),
        unit=measure.unit,
        better=measure.better,
    )


def _quotient(measure: Measure, items: list[Item]) -> float:
    weight = measure.weight or (lambda _item: 1.0)
    whole = sum(map(weight, items))
    return sum(map(measure.value, items)) / whole if whole else float("nan")
