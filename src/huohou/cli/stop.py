"""``huohou stop``: end a run, or cancel one that waits."""

from typing import Any

import click

from huohou.text import say


@click.command(help=say("cli.stop.help"))
@click.argument("run")
@click.option("--now", is_flag=True, help=say("cli.stop.now"))
@click.option("--no-wait", is_flag=True, help=say("cli.stop.no_wait"))
def command(run: str, now: bool, no_wait: bool) -> int:
    from huohou import api
    from huohou.cli._progress import showing

    if no_wait:
        ended = api.stop(run, now=now, wait=False)
    else:
        with showing() as on_event:
            ended = api.stop(run, now=now, on_event=on_event)
    _answer(ended)
    return int(ended["was"] != ended["status"] and ended["status"] in ("failed", "lost"))


def _answer(run: dict[str, Any]) -> None:
    from huohou.cli._runs import state

    told = {"job": run["id"], "state": state(run["status"]), "step": run["step"] or 0}
    if run["status"] == run["was"] and run["finished_at"]:
        click.echo(say("stop.already", **told))
    elif run["was"] == "queued" and run["finished_at"]:
        click.echo(say("stop.cancelled", **told))
        return
    elif run["finished_at"]:
        click.echo(say("stop.ended", **told))
    else:
        click.echo(say("stop.asked", **told))
        return
    if run["error"]:
        click.echo(run["error"])
    if run["checkpoint"] and run["status"] != "completed":
        click.echo(say("stop.checkpoint", path=run["checkpoint"], job=run["id"]))
    elif run["status"] != "completed":
        click.echo(say("stop.no_checkpoint", **told))
