"""``huohou facts calibrate``: fit on a table how sure its answers may be."""

import json
from pathlib import Path
from typing import Any

import click

from huohou.text import say


@click.command(help=say("cli.facts.calibrate.help"))
@click.argument("facts", metavar="TABLE")
@click.option("--on", type=click.Path(path_type=Path), metavar="FILE", help=say("cli.facts.on"))
@click.option(
    "--questions",
    type=click.IntRange(min=1),
    default=3000,
    show_default=True,
    help=say("cli.facts.questions"),
)
@click.option(
    "--error",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.005,
    show_default=True,
    help=say("cli.facts.error"),
)
@click.option("--job", metavar="RUN", help=say("cli.facts.job"))
@click.option("--key", metavar="COLUMN", help=say("cli.ask.key"))
@click.option("--value", metavar="COLUMN", help=say("cli.ask.value"))
@click.option("--seed", default=1, show_default=True, help=say("cli.opt.seed"))
@click.option("-o", "--out", type=click.Path(path_type=Path), help=say("cli.facts.out"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, facts: str, as_json: bool, **options: Any) -> None:
    from huohou import api
    from huohou.cli._scorecard import asking

    with asking() as progress:
        found = api.calibrate(
            facts, progress=lambda done, total: progress("lookup", done, total), **options
        )
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    about = found["about"]
    shown = ("calibration_error", "brier_skill", "auroc", "answered", "bound")
    told = {name: "-" if about[name] is None else f"{about[name]:.4g}" for name in shown}
    click.echo(say("facts.calibrated", n=about["questions"], **told))
    key = "facts.threshold" if about["bound"] is not None else "facts.no_threshold"
    click.echo(say(key, found=found["found"], error=f"{found['error']:.2%}", **told))
    click.echo(found["file"])
