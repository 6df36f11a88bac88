"""``huohou train``: plan a run and carry it out in the foreground."""

from pathlib import Path
from typing import Any

import click

from huohou.text import say

EXIT = {"completed": 0, "stopped": 130}  # all else is a failed run: 1
NEXT = {
    "completed": ("diagnose", "eval", "runs show"),
    "stopped": ("runs show", "diagnose"),
    "failed": ("runs logs", "diagnose"),
}


@click.command(help=say("cli.train.help"))
@click.argument("run_file", required=False, type=click.Path(path_type=Path))
@click.option("-s", "--set", "flags", multiple=True, metavar="KEY=VALUE", help=say("cli.set"))
@click.option("--name", metavar="NAME", help=say("cli.train.name"))
def command(run_file: Path | None, flags: tuple[str, ...], name: str | None) -> int:
    from huohou import api
    from huohou.cli._plan import show_plan
    from huohou.cli._progress import showing

    if name is not None:
        flags = (*flags, f"name={name}")
    plan = api.make_plan(run_file, flags)
    show_plan(plan, err=True)
    with showing() as on_event:
        ended = api.train(plan, on_event)
    _answer(ended)
    return EXIT.get(ended["status"], 1)


def _answer(run: dict[str, Any]) -> None:
    from huohou.cli._runs import show_run

    show_run(run)
    click.echo(say("train.next"))
    for verb in NEXT.get(run["status"], ("runs show",)):
        click.echo(f"  huohou {verb} {run['id']}")
