"""``huohou train``: plan a run and carry it out in the foreground."""

from pathlib import Path
from typing import Any

import click

from huohou.cli._exists import CHOICES, decide
from huohou.text import say

GRAVE = ("error", "warning")
EXIT = {"completed": 0, "stopped": 130}  # all else is a failed run: 1
NEXT = {
    "completed": ("diagnose", "eval", "runs show"),
    "stopped": ("resume", "diagnose", "runs show"),
    "failed": ("runs logs", "diagnose", "resume"),
    "lost": ("resume", "runs logs", "diagnose"),
}


@click.command(help=say("cli.train.help"))
@click.argument("run_file", required=False)
@click.argument("more", nargs=-1, metavar="")
@click.option("-s", "--set", "flags", multiple=True, metavar="KEY=VALUE", help=say("cli.set"))
@click.option("--name", metavar="NAME", help=say("cli.train.name"))
@click.option("--if-exists", type=click.Choice(CHOICES), help=say("cli.train.if_exists"))
@click.option("--detach", is_flag=True, help=say("cli.train.detach"))
@click.option("--stop-on", type=click.Choice(GRAVE), help=say("cli.train.stop_on"))
@click.option("--slots", type=click.IntRange(1), metavar="N", help=say("cli.train.slots"))
@click.option("--on", metavar="WHERE", help=say("cli.train.on"))
@click.option("--workers", type=click.IntRange(1), metavar="N", help=say("cli.train.workers"))
@click.option(
    "--gpus-per-worker", type=click.FloatRange(0), metavar="G", help=say("cli.train.gpus")
)
@click.option("--storage", metavar="URL", help=say("cli.train.storage"))
@click.option("--sweep", multiple=True, metavar="KEY=A,B,C...", help=say("cli.train.sweep"))
@click.option("--blend", type=click.FloatRange(0, 1), metavar="B", help=say("cli.train.blend"))
@click.option("--force", is_flag=True, help=say("cli.train.force"))
def command(
    *,
    run_file: str | None,
    more: tuple[str, ...],
    flags: tuple[str, ...],
    name: str | None,
    if_exists: str | None,
    detach: bool,
    stop_on: str | None,
    slots: int | None,
    on: str | None,
    workers: int | None,
    gpus_per_worker: float | None,
    storage: str | None,
    sweep: tuple[str, ...],
    blend: float | None,
    force: bool,
) -> int:
    from huohou import api
    from huohou.cli._plan import show_plan
    from huohou.cli._progress import showing
    from huohou.cli._sweep import asked, train_sweep

    short = {"name": name, "align.blend": blend, "align.force": force or None}
    short |= computing(on, workers, gpus_per_worker, storage)
    flags = (*flags, *(f"{key}={value}" for key, value in short.items() if value is not None))
    given, wanted = asked(run_file, more, sweep)
    path = Path(given) if given is not None else None
    if wanted:
        how: dict[str, Any] = {"detach": detach, "stop_on": stop_on, "slots": slots}
        return train_sweep(path, flags, wanted, if_exists, how)
    there = api.same_name(path, flags)
    choice = decide(there, if_exists) if there else "new"
    if choice == "cancel":
        click.echo(say("train.cancelled"), err=True)
        return 0
    if there and choice == "backup":
        place = api.back_up(str(there["id"]))
        click.echo(say("train.backed_up", id=there["id"], path=place), err=True)
    plan = api.make_plan(path, flags)
    show_plan(plan, err=True)
    with showing() as on_event:
        if there and choice == "continue":
            ref = str(there["id"])
            how = {"detach": detach, "stop_on": stop_on, "on_event": on_event}
            ended = api.resume(ref, plan=plan, on_note=note, **how)
        else:
            ended = api.train(plan, on_event, slots=slots, detach=detach, stop_on=stop_on)
    return finish(ended, detach)


def computing(
    on: str | None, workers: int | None, gpus: float | None, storage: str | None = None
) -> dict[str, Any]:
    """Settings of --on, --workers, --gpus-per-worker and --storage; None where not given."""
    if on == "local" and workers is None:  # it can be one alone
        workers = 1
    storage = "null" if storage == "none" else storage  # as YAML has it
    return {
        "compute.on": on,
        "compute.workers": workers,
        "compute.gpus_per_worker": gpus,
        "compute.storage": storage,
    }


def finish(run: dict[str, Any], detached: bool) -> int:
    """Say what became of a run, and what to do now; the exit code."""
    if detached:
        _follow(run)
        return 0
    _answer(run)
    return EXIT.get(run["status"], 1)


def _follow(run: dict[str, Any]) -> None:
    """What to do with a run that goes on without this command."""
    click.echo(say("train.detached", job=run["id"], name=run["name"], folder=run["folder"]))
    click.echo(say("train.next"))
    for words in ("watch {}", "runs logs {} -f", "stop {}"):
        click.echo(f"  huohou {words.format(run['id'])}")


def note(text: str) -> None:
    """Tell something beside the answer."""
    click.echo(text, err=True)


def _answer(run: dict[str, Any]) -> None:
    from huohou.cli._runs import show_run

    show_run(run)
    click.echo(say("train.next"))
    for verb in NEXT.get(run["status"], ("runs show",)):
        click.echo(f"  huohou {verb} {run['id']}")
