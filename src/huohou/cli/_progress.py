"""A run on the terminal while it goes: one line that moves, evaluations as they come. On stderr.

Where stderr is no terminal, a plain line every 30 seconds instead.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from huohou.cli._plan import duration
from huohou.cli._runs import number, state
from huohou.cli._table import width
from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.progress import Progress

OnEvent = Callable[[dict[str, Any], "Progress"], None]
PLAIN_SECONDS = 30.0
GAP = "  "
_KNOWN = ("eval_loss", "eval_token_accuracy", "eval_answer_accuracy")
_HEADER = ("t", "seg", "kind", "step", "epoch", "line")


@contextmanager
def showing() -> Iterator[OnEvent]:
    """A callback that shows a run's events."""
    if not sys.stderr.isatty():
        yield _Lines().see
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    column = BarColumn()
    text = TextColumn("{task.description}", markup=False)
    console = Console(stderr=True, highlight=False)
    with Bar(column, text, console=console, transient=True) as bars:
        yield _Moving(bars, column, bars.add_task(say("state.queued"), total=None)).see


class _Moving:
    """The line that moves; what stays is printed above it."""

    def __init__(self, bars: Any, column: Any, task: Any) -> None:
        self._bars = bars
        self._column = column
        self._task = task

    def see(self, event: dict[str, Any], progress: "Progress") -> None:
        line = staying(event) or found(event, progress)
        if line:
            self._bars.console.print(line, markup=False, soft_wrap=True)
        # A few columns stay free: the terminal writes ^C behind the line.
        room = self._bars.console.width - 5
        text = fitting(parts(progress), room - 10)
        self._column.bar_width = max(min(24, room - width(text)), 0)
        self._bars.update(
            self._task, description=text, completed=progress.step, total=progress.steps or 1
        )


class _Lines:
    """Plain lines for a file."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def see(self, event: dict[str, Any], progress: "Progress") -> None:
        line = staying(event) or found(event, progress)
        if line:
            click.echo(line, err=True)
        if event["kind"] == "metrics" and time.monotonic() - self._last >= PLAIN_SECONDS:
            self._last = time.monotonic()
            click.echo(GAP.join(parts(progress)), err=True)


def parts(progress: "Progress") -> list[str]:
    """State, step, numbers of the last step, and when it will be done; what matters most first."""
    if not progress.step:
        return [state(progress.state)]
    values = progress.values
    place = f"{state(progress.state)} {progress.step}/{progress.steps or '?'}"
    told = [place, _time_left(progress)]
    if "loss" in values:
        told.insert(1, say("train.loss", value=number(values["loss"])))
    if "learning_rate" in values:
        told.append(say("train.learning_rate", value=f"{values['learning_rate']:.2g}"))
    if "tokens_per_second" in values:
        told.append(say("train.speed", value=f"{values['tokens_per_second']:,.0f}"))
    return told


def fitting(told: list[str], room: int) -> str:
    """As many of the parts, in their order, as there is room for; the first always."""
    while len(told) > 1 and width(GAP.join(told)) > room:
        told = told[:-1]
    return GAP.join(told)


def _time_left(progress: "Progress") -> str:
    if progress.finish_at is None:
        return say("train.estimating")
    left = max(progress.finish_at - time.time(), 0.0)
    done = datetime.fromtimestamp(progress.finish_at).astimezone()
    return say("train.left", left=duration(left), clock=f"{done:%H:%M}")


def staying(event: Mapping[str, Any]) -> str | None:
    """The line an event leaves on the screen; None for what only moves the line."""
    kind = event["kind"]
    if kind == "eval":
        values = [name for name in event if name not in _HEADER]
        known = [name for name in _KNOWN if name in values]
        others = [f"{name} {number(event[name])}" for name in values if name not in _KNOWN]
        told = GAP.join([*(_evaluated(name, event[name]) for name in known), *others])
        step, epoch = event["step"], event["epoch"]  # a foreign log may not say
        step = "-" if step is None else step
        epoch = "-" if epoch is None else f"{epoch:.4g}"
        return say("train.eval", step=step, epoch=epoch, values=told)
    if kind in ("log", "alert"):
        return str(event["text"])
    if kind == "state" and event["state"] == "stopping":
        return say("train.stopping")
    return None


def found(event: Mapping[str, Any], progress: "Progress") -> str | None:
    """A finding that was made while the run goes on; those at its end are part of its answer."""
    is_news = event["kind"] == "finding" and event.get("severity") in ("error", "warning")
    if not is_news or progress.step >= (progress.steps or 0):
        return None
    word = say(f"diagnose.severity.{event['severity']}")
    return f"{word}  {event.get('code')}: {event.get('title', '')}"


def _evaluated(name: str, value: float) -> str:
    shown = f"{value:.1%}" if name.endswith("accuracy") else number(value)
    return say(f"train.{name}", value=shown)
