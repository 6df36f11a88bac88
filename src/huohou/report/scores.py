"""The numbers of a scorecard as tables of a report."""

from collections.abc import Iterator
from pathlib import Path

from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.retrieval.words import probability
from huohou.report.blocks import Block, Paragraph, Points, Table
from huohou.text import say

MEASURES = ("ndcg@10", "mrr@10", "accuracy@1", "recall@5", "recall@10", "recall@100")
SEARCHES = ("bm25", "base", "stage1", "stage2", "retrieval")
TOPS = (1, 3, 5)


def is_search(card: Scorecard) -> bool:
    """Whether it is of searches."""
    return card.metric("retrieval.ndcg@10") is not None


def scores(card: Scorecard) -> Iterator[Block]:
    """Every number with its interval, chance and baseline, and what they mean."""
    asked = card.questions
    on = say(f"eval.on_{asked['on']}")
    yield Paragraph(
        say("report.scores.asked", on=on, asked=asked["asked"], source=Path(asked["source"]).name)
    )
    for finding in card.findings:
        yield Paragraph(f"{finding['code']}: {finding['title']}", "error")
        yield Points([fact["text"] for fact in finding["evidence"]])
    if is_search(card):
        yield _searches(card)
        yield from _few(card)
    else:
        yield _answers(card)
    yield Points(card.words)
    if card.gates:
        yield Table(
            [say(f"page.column.{name}") for name in ("metric", "min", "max", "value", "met")],
            [
                [g.metric, _bound(g.min), _bound(g.max), _bound(g.value), _met(g.passed)]
                for g in card.gates
            ],
        )


def systems(card: Scorecard) -> list[str]:
    """The searches of a card in the order they are shown. A run of two stages is shown by them."""
    has_base = any(metric.baseline is not None for metric in card.metrics)
    there = [name for name in SEARCHES if card.metric(f"{name}.ndcg@10") is not None]
    if "stage2" in there:
        there.remove("retrieval")
    return [n for n in SEARCHES if n in there or (n == "base" and has_base)]


def _searches(card: Scorecard) -> Table:
    head = [say("eval.column.search"), *MEASURES, say("eval.column.difference")]
    rows = []
    for system in systems(card):
        cells = [_of(card, system, name) for name in MEASURES]
        rows.append([say(f"eval.system.{system}"), *cells, _over_base(card, system)])
    return Table(head, rows)


def _of(card: Scorecard, system: str, name: str) -> str:
    own = card.metric(f"{'retrieval' if system == 'base' else system}.{name}")
    if own is None:
        return "-"
    if system == "base":
        return between(own.baseline, own.baseline_low, own.baseline_high)
    return between(own.value, own.low, own.high) + (" †" if own.mark else "")


def _over_base(card: Scorecard, system: str) -> str:
    metric = card.metric(f"{system}.ndcg@10")
    if metric is None or metric.difference is None:
        return "-"
    value, low, high = metric.difference
    return f"{value:+.3f}" + ("" if low is None else f" [{low:+.3f} {high:+.3f}]")


def _few(card: Scorecard) -> Iterator[Block]:
    """The few candidates: never without chance."""
    there = [k for k in TOPS if card.metric(f"candidates.top@{k}") is not None]
    if not there:
        return
    count = int(card.settings["candidates"]["negatives"]) + 1
    yield Paragraph(say("report.scores.few", n=count))
    head = [say("eval.column.candidates", n=count), *(f"top-{k}" for k in there)]
    first = (card.metric(f"candidates.top@{k}") for k in there)
    guess = [_share(metric.chance if metric else None) for metric in first]
    rows = [[say("eval.column.chance"), *guess]]
    for system in systems(card):
        middle = "" if system == "retrieval" else f"{system}."
        cells = [_top(card.metric(f"candidates.{middle}top@{k}")) for k in there]
        rows.append([say(f"eval.system.{system}"), *cells])
    yield Table(head, rows)


def _top(metric: Metric | None) -> str:
    if metric is None:
        return "-"
    p = "" if metric.p is None else f" (p {probability(metric.p)})"
    return f"{_share(metric.value)}{p}"


def _answers(card: Scorecard) -> Table:
    names = ("metric", "tuned", "base", "chance", "n")
    rows = []
    for m in card.metrics:
        base = between(m.baseline, m.baseline_low, m.baseline_high)
        rows.append([m.name, between(m.value, m.low, m.high), base, _bound(m.chance), str(m.n)])
    return Table([say(f"eval.column.{name}") for name in names], rows)


def between(value: float | None, low: float | None, high: float | None) -> str:
    """A value with its interval.

    >>> between(0.5, 0.4, 0.6), between(0.5, None, None), between(None, None, None)
    ('0.500 [0.400 0.600]', '0.500', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if low is None or high is None else f" [{low:.3f} {high:.3f}]")


def _share(value: float | None) -> str:
    from huohou.evaluate.words import share

    return "-" if value is None else share(value)


def _bound(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _met(passed: bool | None) -> str:
    return say({True: "report.met", False: "report.not_met", None: "report.not_judged"}[passed])
