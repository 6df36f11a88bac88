"""Answers to metrics: pure, no model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from huohou.evaluate.card import Metric
from huohou.evaluate.items import Context, Item
from huohou.evaluate.metrics import Measure, load
from huohou.evaluate.metrics.habits import each
from huohou.measure.corpus import corpus_difference, corpus_interval
from huohou.measure.intervals import Interval, mean_interval, paired_interval
from huohou.text import say

POINTS = 100  # of a share


def compute(tuned: Sequence[Item], base: Sequence[Item] | None, context: Context) -> list[Metric]:
    """Every metric that applies, overall and by style, the most telling first.

    tuned, base: answers of both models to the same questions, in the same order. Metrics whose
    library is not installed are left out; see ``absent``.
    """
    if base is not None and [i.row for i in base] != [i.row for i in tuned]:
        raise ValueError("base and tuned were asked different questions")
    named = sorted([*load(), *each(context)], key=lambda pair: pair[1].rank)
    return computed(named, tuned, base, context)


def computed(
    named: Iterable[tuple[str, Measure]],
    tuned: Sequence[Item],
    base: Sequence[Item] | None,
    context: Context,
) -> list[Metric]:
    """These metrics of the answers, overall and by style, where they apply."""
    found: list[Metric] = []
    for name, measure in named:
        if (measure.needs_table and not context.table) or measure.absent:
            continue
        for style, chosen in _selections(tuned, measure):
            label = _Label(f"{name}.{style}" if style else name, _definition(name, measure, style))
            own = [tuned[i] for i in chosen]
            other = [base[i] for i in chosen] if base is not None else None
            found.append(_metric(label, measure, own, other, context))
    return found


def absent(items: Sequence[Item]) -> dict[str, list[str]]:
    """Modules that are not installed, with the metrics of these answers that need them."""
    found: dict[str, list[str]] = {}
    for name, measure in load():
        for module in measure.absent if any(map(measure.applies, items)) else ():
            found.setdefault(module, []).append(name)
    return found


def kept(
    items: Sequence[Item], context: Context, named: Iterable[tuple[str, Measure]] | None = None
) -> list[dict[str, dict[str, Any]]]:
    """What is kept of each answer, so that two scores can be compared on the same questions.

    named: the metrics, all when None. values: by metric, of this answer; statistics: what it adds
    to metrics that are no mean.
    """
    found: list[dict[str, dict[str, Any]]] = [{"values": {}, "statistics": {}} for _ in items]
    for name, measure in [*load(), *each(context)] if named is None else named:
        if (measure.needs_table and not context.table) or measure.absent:
            continue
        chosen = [i for i, item in enumerate(items) if measure.applies(item)]
        if measure.corpus is not None:
            added = measure.corpus.statistics([items[i] for i in chosen]) if chosen else ()
            for i, row in zip(chosen, added, strict=True):
                found[i]["statistics"][name] = [float(number) for number in row]
        elif measure.whole is None and measure.weight is None:
            for i in chosen:
                found[i]["values"][name] = measure.value(items[i])
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


def _definition(name: str, measure: Measure, style: str) -> str:
    whole = say(f"metric.{name}") if measure.definition is None else measure.definition()
    return say("metric.of_style", definition=whole, style=style) if style else whole


class _Label(NamedTuple):
    name: str
    definition: str


def _metric(
    label: _Label, measure: Measure, own: list[Item], other: list[Item] | None, context: Context
) -> Metric:
    found = _interval(measure, own)
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
        reference=None if measure.reference is None else measure.reference(own),
        tokenisation=measure.tokenisation(own),
        settings=measure.settings(own),
    )
    return plain if other is None else _beside(plain, measure, own, other)


def _beside(plain: Metric, measure: Measure, own: list[Item], other: list[Item]) -> Metric:
    """The metric with the base model's value, its interval, and the paired difference."""
    base, apart = _interval(measure, other), _difference(measure, own, other)
    return replace(
        plain,
        baseline=base.value,
        baseline_low=base.low,
        baseline_high=base.high,
        difference=None if apart is None else (apart.value, apart.low, apart.high),
    )


def _interval(measure: Measure, items: list[Item]) -> Interval:
    groups = [item.group for item in items]
    if measure.corpus is not None:
        return corpus_interval(measure.corpus.statistics(items), measure.corpus.score, groups)
    if measure.whole is not None:
        return Interval(measure.whole(items), None, None, len(items), 0, method="none")
    if measure.weight is not None:
        return Interval(_quotient(measure, items), None, None, len(items), 0, method="none")
    return _scaled(measure, mean_interval([measure.value(item) for item in items], groups))


def _difference(measure: Measure, own: list[Item], other: list[Item]) -> Interval | None:
    groups = [item.group for item in own]
    if measure.corpus is not None:
        first, second = (measure.corpus.statistics(items) for items in (own, other))
        return corpus_difference(first, second, measure.corpus.score, groups)
    if not measure.by_answer:
        return None
    first_values, second_values = ([measure.value(i) for i in items] for items in (own, other))
    return _scaled(measure, paired_interval(first_values, second_values, groups))


def _scaled(measure: Measure, found: Interval) -> Interval:
    if measure.unit != "points":
        return found
    low, high = (None if bound is None else bound * POINTS for bound in (found.low, found.high))
    return replace(found, value=found.value * POINTS, low=low, high=high)


def _quotient(measure: Measure, items: list[Item]) -> float:
    weight = measure.weight or (lambda _item: 1.0)
    whole = sum(map(weight, items))
    return sum(map(measure.value, items)) / whole if whole else float("nan")
