"""``huohou eval``: ask a run's model questions, and say what the score is worth."""

from pathlib import Path
from typing import Any

import click

from huohou.text import say


@click.command(help=say("cli.eval.help"))
@click.argument("run", metavar="RUN")
@click.option("--on", metavar="SET|FILE", help=say("cli.eval.on"))
@click.option("--limit", type=click.IntRange(min=1), help=say("cli.eval.limit"))
@click.option("--no-base", is_flag=True, help=say("cli.eval.no_base"))
@click.option(
    "--gate", "gates", type=click.Path(path_type=Path), metavar="FILE", help=say("cli.eval.gate")
)
@click.option("--memory", type=click.IntRange(min=0), help=say("cli.eval.memory"))
@click.option("--force", is_flag=True, help=say("cli.eval.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, run: str, on: str | None, no_base: bool, as_json: bool, **options: Any) -> int:
    from huohou import api
    from huohou.cli._scorecard import asking, show_scorecard

    with asking() as progress:
        card = api.evaluate(run, on, base=not no_base, progress=progress, **options)
    if as_json:
        import json

        click.echo(json.dumps(card.as_dict(), ensure_ascii=False, indent=1))
    else:
        show_scorecard(card)
    verdicts = [gate.passed for gate in card.gates]
    return 1 if card.findings or False in verdicts else 3 if None in verdicts else 0
