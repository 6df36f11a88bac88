"""``huohou plan``: everything a run will do, before it does it."""

from pathlib import Path

import click

from huohou.cli._plan import show_plan
from huohou.cli.train import computing
from huohou.text import say


@click.command(help=say("cli.plan.help"))
@click.argument("run_file", required=False, type=click.Path(path_type=Path))
@click.option("-s", "--set", "flags", multiple=True, metavar="KEY=VALUE", help=say("cli.set"))
@click.option("--on", metavar="WHERE", help=say("cli.train.on"))
@click.option("--workers", type=click.IntRange(1), metavar="N", help=say("cli.train.workers"))
@click.option(
    "--gpus-per-worker", type=click.FloatRange(0), metavar="G", help=say("cli.train.gpus")
)
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(
    *,
    run_file: Path | None,
    flags: tuple[str, ...],
    on: str | None,
    workers: int | None,
    gpus_per_worker: float | None,
    as_json: bool,
) -> None:
    from huohou import api

    short = computing(on, workers, gpus_per_worker)
    flags = (*flags, *(f"{key}={value}" for key, value in short.items() if value is not None))
    plan = api.make_plan(run_file, flags)
    if as_json:
        import json

        click.echo(json.dumps(plan.as_dict(), ensure_ascii=False, indent=1))
    else:
        show_plan(plan)
