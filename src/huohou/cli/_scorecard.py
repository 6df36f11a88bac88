"""A scorecard as people read it, and the progress line while its questions are asked."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from huohou.cli._plan import duration
from huohou.cli._table import aligned
from huohou.text import say

if TYPE_CHECKING:
    from huohou.evaluate.card import Metric, Scorecard

Progress = Callable[[str, int, int], None]
BY_STYLE = ("facts.accuracy", "facts.wrong_real", "facts.invented", "facts.false_abstention")
ANSWERING = ("tuned", "base", "memory", "lookup", "grounded", "constrained", "closed")
QUIET_STEPS = 10  # progress lines where stderr is no terminal


@contextmanager
def asking() -> Iterator[Progress]:
    """A progress callback: a bar on a terminal, else a line every tenth of the way. On stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(say("eval.loading"), total=None)
        yield lambda which, done, total: bar.update(
            task, description=say(f"eval.asking_{which}"), completed=done, total=total
        )


class _Lines:
    """Progress for a file: how far, and how long it will still take."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.next = 0.0
        self.done = 0

    def __call__(self, which: str, done: int, total: int) -> None:
        if done < self.done:  # another encoder begins, and counts for itself
            self.began, self.next = None, 0.0
        self.done = done
        self.began = time.monotonic() if self.began is None else self.began
        if done < self.next or not total:
            return
        self.next = done + total / QUIET_STEPS
        spent = time.monotonic() - self.began
        left = duration(spent / done * (total - done)) if done else "-"
        asking = say(f"eval.asking_{which}")
        key = "eval.line" if which in ANSWERING else "eval.line_texts"
        click.echo(say(key, asking=asking, done=done, total=total, left=left), err=True)


def show_scorecard(card: "Scorecard") -> None:
    """Print a scorecard: what was asked, the numbers, by style, what they mean, the gates."""
    from huohou.cli import _engine_scores, _searches

    if _searches.is_search(card):
        _searches.show(card)
    elif _engine_scores.is_engine(card):
        _engine_scores.show(card)
    else:
        _show_answers(card)
    for sentence in card.words:
        click.echo(f"- {sentence}")
    _show_gates(card)
    click.echo(say("eval.kept", answers=card.answers, folder=card.run["folder"]))


def _show_answers(card: "Scorecard") -> None:
    asked = card.questions
    click.echo(
        say(
            "eval.title",
            run=card.run["folder"],
            asked=asked["asked"],
            rows=asked["rows"],
            source=asked["source"],
            on=say(f"eval.on_{asked['on']}"),
        )
    )
    show_overall(card, "tuned")
    show_styles(card)


def _show_gates(card: "Scorecard") -> None:
    for gate in card.gates:
        verdict = {True: "passed", False: "failed", None: "unknown"}[gate.passed]
        bounds = " ".join(
            f"{sign} {bound:g}"
            for sign, bound in ((">=", gate.min), ("<=", gate.max))
            if bound is not None
        )
        value = "-" if gate.value is None else f"{gate.value:.4g}"
        click.echo(say(f"eval.gate_{verdict}", metric=gate.metric, bounds=bounds, value=value))


def show_overall(card: "Scorecard", own: str) -> None:
    """Print every metric but those of one style. own: how the column of values is headed."""
    styled = tuple(f"{m.name}." for m in card.metrics)
    overall = [m for m in card.metrics if not m.name.startswith(styled) and _telling(m, card)]
    rows = [[m.name, _value(m), *_base(m, card), _number(m, m.chance), str(m.n)] for m in overall]
    base = [say("eval.column.base")] if _has_base(card) else []
    columns = ["metric", own, "chance", "n"]
    first, tuned, chance, n = (say(f"eval.column.{name}") for name in columns)
    show_table([first, tuned, *base, chance, n], rows)


def _telling(metric: "Metric", card: "Scorecard") -> bool:
    """Whether to show it: of facts, which have no text scores, LLaMA-Factory's BLEU-4 is enough."""
    texts = any(m.name.startswith("text.") for m in card.metrics)
    return texts or not metric.name.startswith("llamafactory.rouge")


def show_styles(card: "Scorecard") -> None:
    """One row a style for the metrics that matter there."""
    shown = [name for name in BY_STYLE if any(m.name.startswith(f"{name}.") for m in card.metrics)]
    styles = {m.name.rpartition(".")[2] for m in card.metrics if m.name.rpartition(".")[0] in shown}
    rows = []
    for style in sorted(styles):
        found = [card.metric(f"{name}.{style}") for name in shown]
        cells = ["-" if metric is None else _value(metric) for metric in found]
        count = next(metric.n for metric in found if metric is not None)
        rows.append([style, *cells, str(count)])
    if rows:
        show_table([say("eval.column.style"), *shown, say("eval.column.n")], rows)


def show_table(header: list[str], rows: list[list[str]]) -> None:
    for line in aligned([header, *rows], right=range(1, len(header))):
        click.echo(line)
    click.echo()


def _has_base(card: "Scorecard") -> bool:
    return any(metric.baseline is not None for metric in card.metrics)


def _base(metric: "Metric", card: "Scorecard") -> list[str]:
    if not _has_base(card):
        return []
    shown = _number(metric, metric.baseline)
    return [shown + _interval(metric, metric.baseline_low, metric.baseline_high)]


def _value(metric: "Metric") -> str:
    beside = ""
    if metric.reference is not None:
        theirs = say("eval.references", value=_number(metric, metric.reference))
        beside = f" ({theirs})"
    return _number(metric, metric.value) + _interval(metric, metric.low, metric.high) + beside


def _interval(metric: "Metric", low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    return f" [{_number(metric, low)} {_number(metric, high)}]"


def _number(metric: "Metric", value: float | None) -> str:
    """A value in the metric's unit.

    A share is rounded so that it is never all or nothing when it is not.
    """
    from huohou.evaluate.words import share

    if value is None:
        return "-"
    return share(value) if metric.unit == "share" else f"{value:.3g}"
