"""What mining found, as people read it."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from huohou.cli._plan import duration
from huohou.cli._scorecard import QUIET_STEPS
from huohou.cli._table import aligned
from huohou.text import say

QUIET = 2.0  # seconds: what is done by then needs no lines


@contextmanager
def encoding() -> Iterator[Callable[[int, int], None]]:
    """A bar while texts are encoded: on a terminal; else lines, where it takes long."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(say("mine.encoding"), total=None)

        def show(done: int, total: int) -> None:
            if done == 0:  # questions after passages: they count for themselves
                bar.reset(task)
            bar.update(task, completed=done, total=total)

        yield show


class _Lines:
    """Progress for a file: none in the first seconds, then every tenth of the way."""

    def __init__(self) -> None:
        self._began = self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._began, self._next = now, 0.0
        spent = now - self._began
        if not done or done < self._next or spent < QUIET:
            return
        self._next = done + total / QUIET_STEPS
        left = duration(spent / done * (total - done))
        said = {"asking": say("mine.encoding"), "done": done, "total": total, "left": left}
        note(say("eval.line_texts", **said))


def note(text: str) -> None:
    """Tell something beside the answer."""
    click.echo(text, err=True)


def show_mined(found: Mapping[str, Any]) -> None:
    """Counts, the curve of the relative limit, reasons, and what comes next."""
    click.echo(say("mine.show.searched", **found))
    if found["promoted"]:
        click.echo(say("mine.show.promoted", count=found["promoted"]))
    click.echo(say("mine.show.kept", **found))
    for note in found["notes"]:
        click.echo(note, err=True)
    if len(found["curve"]) > 1:
        click.echo("\n" + say("mine.show.curve", negatives=found["options"]["negatives"]))
        heads = [say(f"mine.show.{name}") for name in ("relative", "negatives", "queries")]
        rows = [[f"{s['relative']:g}", str(s["kept"]), str(s["queries"])] for s in found["curve"]]
        click.echo("\n".join(aligned([heads, *rows], right=[0, 1, 2])))
    click.echo("\n" + say("mine.show.reasons"))
    reasons = [[str(n), name, say(f"mine.reason.{name}")] for name, n in found["reasons"].items()]
    click.echo("\n".join(aligned(reasons, right=[0])) if reasons else "-")
    pairs, ledger = found["files"]
    click.echo("\n" + say("mine.show.files", pairs=pairs, ledger=ledger))
