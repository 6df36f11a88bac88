"""``huohou resume``: go on with a run, extend it, or branch off."""

import click

from huohou.cli.train import GRAVE
from huohou.errors import UsageError
from huohou.text import say


@click.command(help=say("cli.resume.help"))
@click.argument("run")
@click.option(
    "--extend-epochs", type=click.FloatRange(0, min_open=True), metavar="N",
    help=say("cli.resume.extend"),
)  # fmt: skip
@click.option("--from", "checkpoint", metavar="checkpoint-N", help=say("cli.resume.from"))
@click.option("--branch", metavar="NAME", help=say("cli.resume.branch"))
@click.option("-s", "--set", "flags", multiple=True, metavar="KEY=VALUE", help=say("cli.set"))
@click.option("--on", metavar="WHERE", help=say("cli.train.on"))
@click.option("--workers", type=click.IntRange(1), metavar="N", help=say("cli.train.workers"))
@click.option(
    "--gpus-per-worker", type=click.FloatRange(0), metavar="G", help=say("cli.train.gpus")
)
@click.option("--storage", metavar="URL", help=say("cli.train.storage"))
@click.option("--stop-on", type=click.Choice(GRAVE), help=say("cli.train.stop_on"))
@click.option("--detach", is_flag=True, help=say("cli.train.detach"))
def command(
    *,
    run: str,
    extend_epochs: float | None,
    checkpoint: str | None,
    branch: str | None,
    flags: tuple[str, ...],
    on: str | None,
    workers: int | None,
    gpus_per_worker: float | None,
    storage: str | None,
    stop_on: str | None,
    detach: bool,
) -> int:
    from huohou import api
    from huohou.cli._progress import showing
    from huohou.cli.train import computing, finish, note

    asked = computing(on, workers, gpus_per_worker, storage)
    compute = {name: value for name, value in asked.items() if value is not None}
    if branch is None and (checkpoint or flags):
        key = "resume.from_needs_branch" if checkpoint else "resume.changes_need_branch"
        raise UsageError(key)
    with showing() as on_event:
        if branch is None:
            ended = api.resume(
                run,
                extend_epochs=extend_epochs,
                compute=compute,
                detach=detach,
                stop_on=stop_on,
                on_event=on_event,
                on_note=note,
            )
        else:
            ended = api.branch(
                run,
                branch,
                checkpoint=checkpoint,
                extend_epochs=extend_epochs or 0,
                flags=[*flags, *(f"{name}={value}" for name, value in compute.items())],
                detach=detach,
                stop_on=stop_on,
                on_event=on_event,
                on_note=note,
            )
    return finish(ended, detach)
