"""What to do with a name that a run has already: asked on a terminal, else given by a flag."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from huohou.errors import UsageError
from huohou.text import say

CHOICES = ("new", "backup", "continue", "cancel")


def decide(run: Mapping[str, Any], chosen: str | None) -> str:
    """One of CHOICES. run: the newest job of that name.

    Raises UsageError that lists the choices where nobody can be asked.
    """
    if chosen is not None:
        return chosen
    told = {"id": run["id"], "name": run["name"], "state": say(f"state.{run['status']}")}
    lines = [say(f"train.exists.{choice}", **told) for choice in CHOICES]
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        flags = [f"  --if-exists {c:<9} {line}" for c, line in zip(CHOICES, lines, strict=True)]
        raise UsageError("train.exists.flag", **told, choices="\n".join(flags))
    click.echo(say("train.exists", **told), err=True)
    for number, line in enumerate(lines, 1):
        click.echo(f"  {number}  {line}", err=True)
    numbers = click.Choice([str(n) for n in range(1, len(CHOICES) + 1)])
    answer = click.prompt(say("train.exists.ask"), type=numbers, err=True)
    return CHOICES[int(answer) - 1]
