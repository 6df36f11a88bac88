"""``huohou diagnose``: what is wrong with a run, and what to do."""

import click

from huohou.text import say

EXIT = {"healthy": 0, "watch": 1, "faulty": 1, "cannot-judge": 3}


@click.command(help=say("cli.diagnose.help"))
@click.argument("run", metavar="RUN|PATH")
@click.option("--reader", metavar="NAME", help=say("cli.diagnose.reader"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
@click.option("--exit-zero", is_flag=True, help=say("cli.diagnose.exit_zero"))
def command(run: str, reader: str | None, as_json: bool, exit_zero: bool) -> int:
    from huohou import api
    from huohou.cli._diagnosis import show_diagnosis

    found = api.diagnose(run, reader=reader)
    told = found.as_dict()
    if as_json:
        import json

        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        show_diagnosis(told, found.needs)
    return 0 if exit_zero else EXIT[found.verdict]
