"""``huohou env``: the facts of this machine, for a bug report."""

import click

from huohou.cli._env import rows
from huohou.cli._table import aligned
from huohou.text import say


@click.command(help=say("cli.env.help"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(as_json: bool) -> None:
    from huohou import api

    found = api.env()
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for line in aligned(rows(found)):
        click.echo(line)
