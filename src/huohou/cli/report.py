"""``huohou report``: one report for a run, or for both stages of a search."""

from pathlib import Path

import click

from huohou.text import say


@click.command(help=say("cli.report.help"))
@click.argument("run", metavar="RUN")
@click.option("-o", "--out", type=click.Path(path_type=Path), help=say("cli.report.out"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, run: str, out: Path | None, force: bool, as_json: bool) -> None:
    from huohou import api

    files = [str(path) for path in api.report(run, folder=out, force=force)]
    if as_json:
        import json

        click.echo(json.dumps({"schema": 1, "files": files}, ensure_ascii=False, indent=1))
        return
    for path in files:
        click.echo(path)
