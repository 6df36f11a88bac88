"""A scorecard of searches as people read it: one line a search, the best known baseline first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from huohou.text import say

if TYPE_CHECKING:
    from huohou.evaluate.card import Metric, Scorecard

SHOWN = ("ndcg@10", "mrr@10", "accuracy@1", "recall@10", "recall@100")
LINES = ("bm25", "base", "stage1", "stage2", "retrieval")
TOPS = (1, 3, 5)


def is_search(card: "Scorecard") -> bool:
    """Whether a scorecard is of searches."""
    return card.metric("retrieval.ndcg@10") is not None


def show(card: "Scorecard") -> None:
    """Print what was asked, a line for each search, the few candidates beside chance, findings."""
    asked = card.questions
    on = say(f"eval.on_{asked['on']}")
    told = {name: asked[name] for name in ("asked", "rows", "source", "passages")}
    click.echo(say("eval.search.title", run=card.run["folder"], on=on, **told))
    _table(card)
    _few(card)
    for finding in card.findings:
        click.secho(f"{finding['code']}: {finding['title']}", fg="red", bold=True)
        for fact in finding["evidence"]:
            click.echo(f"  {fact['text']}")


def systems(card: "Scorecard") -> list[str]:
    """The searches of a card in the order they are shown.

    A run of two stages is shown by its stages: which of them it kept is said in words.
    """
    there = [name for name in LINES if _metric(card, name, SHOWN[0]) is not None or name == "base"]
    has_base = any(m.baseline is not None for m in card.metrics)
    hidden = {"retrieval"} if "stage2" in there else set()
    return [n for n in there if n not in hidden and (n != "base" or has_base)]


def _table(card: "Scorecard") -> None:
    from huohou.cli._scorecard import show_table

    marked = [say("eval.marked")] if any(m.mark for m in card.metrics) else []
    head = [say("eval.column.search"), *_titles(), say("eval.column.difference"), *marked]
    rows = []
    for system in systems(card):
        cells = [_cell(card, system, name) for name in SHOWN]
        rows.append([say(f"eval.system.{system}"), *cells, _over_base(card, system), *marked])
    show_table(head, rows)


def _titles() -> Iterator[str]:
    yield "nDCG@10 [95%]"
    for name in SHOWN[1:]:
        yield {"mrr@10": "MRR@10", "accuracy@1": say("eval.column.first_right")}.get(name, name)


def _metric(card: "Scorecard", system: str, name: str) -> "Metric | None":
    return card.metric(f"{system}.{name}")


def _cell(card: "Scorecard", system: str, name: str) -> str:
    """A value; of the first column with its interval. The base stands beside the others."""
    own = _metric(card, "retrieval" if system == "base" else system, name)
    if own is None:
        return "-"
    found = (own.value, own.low, own.high)
    if system == "base":
        found = (own.baseline or 0.0, own.baseline_low, own.baseline_high)
    value, low, high = found
    if name != SHOWN[0] or low is None or high is None:
        return f"{value:.3f}"
    return f"{value:.3f} [{low:.3f} {high:.3f}]"


def _over_base(card: "Scorecard", system: str) -> str:
    metric = _metric(card, system, SHOWN[0])
    if metric is None or metric.difference is None:
        return "-"
    value, low, high = metric.difference
    return f"{value:+.3f}" + ("" if low is None else f" [{low:+.3f} {high:+.3f}]")


def _few(card: "Scorecard") -> None:
    """The few candidates: never without what guessing scores, and how surprising the score is."""
    from huohou.cli._scorecard import show_table

    found = {k: card.metric(f"candidates.top@{k}") for k in TOPS}
    there = {k: metric for k, metric in found.items() if metric is not None}
    if not there:
        return
    count = int(card.settings["candidates"]["negatives"]) + 1
    head = [say("eval.column.candidates", n=count)]
    for k in there:
        head += [f"top-{k}", say("eval.column.p")]
    guess = [cell for metric in there.values() for cell in (_share(metric.chance), "")]
    rows = [[say("eval.column.chance"), *guess]]
    for system in systems(card):
        cells = []
        for k in there:
            middle = "" if system == "retrieval" else f"{system}."
            metric = card.metric(f"candidates.{middle}top@{k}")
            p = None if metric is None else metric.p
            cells += [_share(metric.value if metric else None), _p(p)]
        rows.append([say(f"eval.system.{system}"), *cells])
    show_table(head, rows)


def _share(value: float | None) -> str:
    from huohou.evaluate.words import share

    return "-" if value is None else share(value)


def _p(value: float | None) -> str:
    from huohou.evaluate.retrieval.words import probability

    return "-" if value is None else probability(value)
