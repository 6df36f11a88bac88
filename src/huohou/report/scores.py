"""The numbers of a scorecard as tables of a report."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from huohou.evaluate.card import Metric, Scorecard
from huohou.evaluate.retrieval.words import probability
from huohou.report.blocks import Block, Folded, Heading, Paragraph, Points, Table
from huohou.text import say

MEASURES = ("ndcg@10", "mrr@10", "accuracy@1", "recall@5", "recall@10", "recall@100")
SEARCHES = ("bm25", "base", "stage1", "stage2", "retrieval")
TOPS = (1, 3, 5)
BY_STYLE = ("facts.accuracy", "facts.invented", "facts.wrong_real", "facts.false_abstention")


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
    yield Points(card.words)
    if is_search(card):
        yield _searches(card)
        yield from _few(card)
    else:
        yield from _answers(card)
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


def _answers(card: Scorecard) -> Iterator[Block]:
    """The whole set, then by style, then what each number is."""
    names = {m.name for m in card.metrics}
    styled = [m for m in card.metrics if _whole(m.name) in names]
    whole = [m for m in card.metrics if m not in styled]
    head = [say(f"eval.column.{name}") for name in ("metric", "tuned", "base", "chance", "n")]
    yield Table(head, [_line(m) for m in whole])
    yield from _by_style(styled)
    yield Folded(say("report.scores.definitions"), [f"{m.name}: {_definition(m)}" for m in whole])


def _definition(metric: Metric) -> str:
    """What it is and how it was counted: the sentence in the reader's language where it has no
    slots, the rest as it was said when it was scored."""
    try:
        told = say(f"metric.{metric.name}")
    except KeyError:
        told = metric.definition
    if metric.tokenisation:
        told += " " + say("report.scores.cut", cut=metric.tokenisation)
    if metric.settings:
        told += " " + say("report.scores.settings", settings=metric.settings)
    return told


def _whole(name: str) -> str:
    return name.rpartition(".")[0]


def _line(m: Metric) -> list[str]:
    base = between(m.baseline, m.baseline_low, m.baseline_high)
    mark = " †" if m.mark else ""
    return [m.name, between(m.value, m.low, m.high) + mark, base, _bound(m.chance), str(m.n)]


def _by_style(styled: Sequence[Metric]) -> Iterator[Block]:
    """A row a style, a column a metric; ways to be wrong that never happened are left out."""
    columns = [
        name
        for name in dict.fromkeys(_whole(m.name) for m in styled)
        if name == BY_STYLE[0]
        or (name in BY_STYLE and any(m.value for m in styled if _whole(m.name) == name))
    ]
    if not columns:
        return
    cells = {(_whole(m.name), m.name.rpartition(".")[2]): m for m in styled}
    rows = []
    for style in sorted({style for _, style in cells}):
        found = [cells.get((name, style)) for name in columns]
        n = max((m.n for m in found if m is not None), default=0)
        shown = [between(m.value, m.low, m.high) if m else "-" for m in found]
        rows.append([style, *shown, str(n)])
    yield Paragraph(say("report.scores.by_style"))
    yield Table([say("report.scores.style"), *columns, say("eval.column.n")], rows)


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


def how(card: Scorecard) -> Iterator[Block]:
    """How it was scored, for who wants the same numbers again."""
    yield Heading(2, say("report.how"))
    yield Table(
        [say("report.built.what"), say("report.built.value")],
        [[name, _said(value)] for name, value in _flat(card.settings)],
    )
    yield Paragraph(say("report.prints", sha=str(card.questions["fingerprint"])[:12]), "note")


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _said(value: Any) -> str:
    told_ = str(value)
    return told_[:12] if len(told_) == 64 and told_.isalnum() else told_  # a fingerprint
