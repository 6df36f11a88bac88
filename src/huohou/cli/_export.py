"""A release as people read it, and how far its export is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from huohou.cli._diagnosis import colours, show_finding
from huohou.text import say

if TYPE_CHECKING:
    from huohou.export.release import Release


@contextmanager
def exporting() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal, else a line a stage. On stderr."""
    if not sys.stderr.isatty():
        yield _line
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


def _line(stage: str, done: int, total: int) -> None:
    if done < total or not total:
        click.echo(_stage(stage), err=True)


def _stage(stage: str) -> str:
    return say(f"export.stage.{stage}")
