"""A release as people read it, and how far its export is."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from huohou.cli._diagnosis import colours, show_finding
from huohou.cli._plan import duration
from huohou.text import say

if TYPE_CHECKING:
    from huohou.export.release import Release

SECONDS = 10.0  # between two lines where stderr is no terminal


@contextmanager
def exporting() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, else a line a stage. On stderr."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(say("export.stage.loading"), total=None)
        yield lambda stage, done, total: bar.update(
            task, description=_stage(stage), completed=done, total=total
        )


def show_release(release: "Release") -> None:
    """What was handed over, or why nothing was; what was seen of each side; findings."""
    from huohou import api

    key, colour = ("proved", "green") if release.proved else ("refused", "red")
    word = click.style(say(f"export.{key}"), fg=colour, bold=True)
    click.echo(f"{word}  {say(f'export.{key}_at', folder=release.folder)}", color=colours())
    for line in api.side_lines(release.proof["seen"]):
        click.echo(f"  {line}")
    for finding in release.findings:
        click.echo()
        show_finding(finding.as_dict())


def show_ollama(release: "Release") -> None:
    """Give a release to Ollama, or say how."""
    from huohou import api

    name = str(release.proof["run"])
    commands = api.ollama_create(release.folder, name)
    click.echo(say("export.ollama_how" if commands else "export.ollama_made", name=name))
    for command in commands:
        click.echo(f"  {command}")


class _Lines:
    """For a file: each stage once, and how long it will still take where that is long."""

    def __init__(self) -> None:
        self._stage, self._began, self._next = "", 0.0, SECONDS

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._next = stage, now, SECONDS
            click.echo(_stage(stage), err=True)
        spent = now - self._began
        if done and done < total and spent > self._next:
            self._next = spent + SECONDS
            left = duration(spent / done * (total - done))
            told = {"stage": _stage(stage), "done": done, "total": total, "left": left}
            click.echo(say("export.left", **told), err=True)


def _stage(stage: str) -> str:
    return say(f"export.stage.{stage}")
