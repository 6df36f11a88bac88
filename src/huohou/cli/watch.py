"""``huohou watch``: look on while a run goes. It only reads; closing it changes nothing."""

import os
import sys
from typing import TYPE_CHECKING

import click

from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.watching import Watch

EXIT = {"completed": 0, "stopped": 130}  # all else that ended is a failed run: 1


@click.command(help=say("cli.watch.help"))
@click.argument("run", metavar="[RUN|PATH]", required=False)
@click.option("--new", is_flag=True, help=say("cli.watch.new"))
@click.option("--idle", type=click.FloatRange(0), metavar="SECONDS", help=say("cli.watch.idle"))
@click.option("--reader", metavar="NAME", help=say("cli.diagnose.reader"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.watch.json"))
def command(
    run: str | None, new: bool, idle: float | None, reader: str | None, as_json: bool
) -> int:
    from huohou import api

    watch = api.watch(run, reader=reader, idle=idle)
    try:
        if new:
            watch.catch_up()
        _show(watch, as_json)
    except KeyboardInterrupt:
        click.echo(_closed(watch), err=True)
        return 130
    except BrokenPipeError:  # whoever read the lines has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return EXIT.get(watch.view.progress.state, 1) if watch.folder is not None else 0


def _show(watch: "Watch", as_json: bool) -> None:
    from huohou.cli import _watching

    if as_json:
        _watching.as_json(watch)
    elif sys.stdout.isatty():
        _watching.live(watch)
    else:
        _watching.plain(watch)


def _closed(watch: "Watch") -> str:
    view = watch.view
    if view.number is None:
        return say("watch.closed_log")
    return say("watch.closed", id=view.number, name=view.title)
