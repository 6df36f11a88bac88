"""``huohou eval``: ask a run's model questions, and say what the score is worth."""

from pathlib import Path

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
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(
    *, run: str, on: str | None, limit: int | None, no_base: bool, gates: Path | None, as_json: bool
) -> int:
    from huohou import api
    from huohou.cli._scorecard import asking, show_scorecard

    with asking() as progress:
        card = api.evaluate(run, on, limit=limit, base=not no_base, gates=gates, progress=progress)
    if as_json:
        import json

        click.echo(json.dumps(card.as_dict(), ensure_ascii=False, indent=1))
    else:
        show_scorecard(card)
    verdicts = [gate.passed for gate in card.gates]
    return 1 if False in verdicts else 3 if None in verdicts else 0
