"""``huohou runs``: the jobs of the workspace."""

import click

from huohou.text import say


@click.group(help=say("cli.runs.help"))
def command() -> None:
    pass


@command.command(help=say("cli.runs.ls.help"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def ls(as_json: bool) -> None:
    from huohou import api
    from huohou.cli._runs import show_runs

    found = api.runs()
    if as_json:
        _print_json(found)
    elif found["runs"]:
        show_runs(found)
    else:
        click.echo(say("runs.none", workspace=found["workspace"]), err=True)


@command.command(help=say("cli.runs.show.help"))
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def show(run: str, as_json: bool) -> None:
    from huohou import api
    from huohou.cli._runs import show_run

    found = api.run(run)
    if as_json:
        _print_json(found)
    else:
        show_run(found)


@command.command(help=say("cli.runs.logs.help"))
@click.argument("run")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=50, show_default=True,
    help=say("cli.runs.logs.lines"),
)  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help=say("cli.runs.logs.follow"))
def logs(run: str, lines: int, follow: bool) -> None:
    from huohou import api

    for line in api.run_logs(run, lines, follow=follow):
        click.echo(line)


@command.command("import", help=say("cli.runs.import.help"))
@click.argument("log", metavar="PATH")
@click.option("--name", metavar="NAME", help=say("cli.runs.import.name"))
@click.option("--reader", metavar="NAME", help=say("cli.diagnose.reader"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def import_(log: str, name: str | None, reader: str | None, as_json: bool) -> None:
    from huohou import api
    from huohou.cli._runs import show_import

    done = api.import_log(log, name=name, reader=reader)
    if as_json:
        _print_json(done)
    else:
        show_import(done)


@command.command(help=say("cli.runs.fetch.help"))
@click.argument("address", metavar="URL")
def fetch(address: str) -> None:
    from huohou import api

    run = api.fetch_run(address)
    click.echo(say("runs.fetched", job=run["id"], folder=run["folder"]))


@command.command(help=say("cli.runs.reindex.help"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def reindex(as_json: bool) -> None:
    from huohou import api

    done = api.reindex()
    if as_json:
        _print_json(done)
        return
    click.echo(say("runs.reindexed", n=done["jobs"], workspace=done["workspace"]))
    for folder in done["skipped"]:
        click.echo(say("runs.skipped", folder=folder), err=True)


@command.command(help=say("cli.runs.move.help"))
@click.argument("run")
@click.option("--first", is_flag=True, help=say("cli.runs.move.first"))
@click.option("--before", metavar="RUN", help=say("cli.runs.move.before"))
def move(run: str, first: bool, before: str | None) -> None:
    from huohou import api
    from huohou.errors import UsageError

    if first == (before is not None):
        raise UsageError("runs.move_where")
    done = api.move(run, before)
    click.echo(say("runs.moved" if done["moved"] else "runs.not_moved", job=done["id"]))


@command.command(help=say("cli.runs.sweep.help"))
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def sweep(name: str, as_json: bool) -> None:
    from huohou import api
    from huohou.cli._sweep import show_sweep

    found = api.compare_sweep(name)
    if as_json:
        _print_json(found)
    else:
        show_sweep(found)


@command.command(help=say("cli.runs.rm.help"))
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
def rm(runs: tuple[str, ...]) -> None:
    from huohou import api

    done = api.put_away(runs)
    numbers = " ".join(str(one["id"]) for one in done["runs"])
    for one in done["runs"]:
        click.echo(say("runs.put_away", job=one["id"], folder=one["folder"]))
    click.echo(say("runs.undo", jobs=numbers, trash=done["trash"]))


@command.command(help=say("cli.runs.restore.help"))
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
def restore(runs: tuple[str, ...]) -> None:
    from huohou import api

    for run in api.restore(runs)["runs"]:
        click.echo(say("runs.restored", job=run["id"], folder=run["folder"]))


def _print_json(document: object) -> None:
    import json

    click.echo(json.dumps(document, ensure_ascii=False, indent=1))
