"""What mining found, as people read it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from huohou.cli._table import aligned
from huohou.text import say


@contextmanager
def encoding() -> Iterator[Callable[[int, int], None] | None]:
    """A bar while texts are encoded, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(say("mine.encoding"), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
