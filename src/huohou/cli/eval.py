"""``huohou eval``: ask a run's model questions, and say what the score is worth."""

from pathlib import Path
from typing import Any

import click

from huohou.errors import UsageError
from huohou.text import say

MODES = ("grounded", "lookup", "constrained", "closed")


@click.command(help=say("cli.eval.help"))
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--on", metavar="SET|FILE", help=say("cli.eval.on"))
@click.option("--limit", type=click.IntRange(min=1), help=say("cli.eval.limit"))
@click.option("--no-base", is_flag=True, help=say("cli.eval.no_base"))
@click.option("--mode", type=click.Choice(MODES), help=say("cli.eval.mode"))
@click.option("--facts", metavar="TABLE", help=say("cli.eval.facts"))
@click.option("--key", metavar="COLUMN", help=say("cli.ask.key"))
@click.option("--value", metavar="COLUMN", help=say("cli.ask.value"))
@click.option(
    "--gate", "gates", type=click.Path(path_type=Path), metavar="FILE", help=say("cli.eval.gate")
)
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=say("cli.eval.predictions"),
)
@click.option("--memory", type=click.IntRange(min=0), help=say("cli.eval.memory"))
@click.option("--force", is_flag=True, help=say("cli.eval.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, run: str | None, as_json: bool, **options: Any) -> int:
    from huohou.cli._scorecard import asking, show_scorecard

    with asking() as progress:
        card = _scored(run, progress=progress, **options)
    if as_json:
        import json

        click.echo(json.dumps(card.as_dict(), ensure_ascii=False, indent=1))
    else:
        show_scorecard(card)
    verdicts = [gate.passed for gate in card.gates]
    return 1 if card.findings or False in verdicts else 3 if None in verdicts else 0


def _scored(
    run: str | None,
    *,
    mode: Any,
    on: str | None,
    no_base: bool,
    force: bool,
    memory: int | None,
    facts: str | None,
    key: str | None,
    value: str | None,
    predictions: Path | None,
    **options: Any,
) -> Any:
    """Of answers in a file, of the engine where a mode is named, else of the run's model."""
    from huohou import api

    if predictions is not None:
        others = {"RUN": run, "--mode": mode, "--on": on, "--facts": facts, "--memory": memory}
        _alone(others | {"--no-base": no_base or None, "--force": force or None})
        options.pop("progress")
        return api.evaluate_predictions(predictions, **options)
    if mode is not None:
        if run is None and facts is None:
            raise UsageError("eval.needs_run")
        return api.evaluate_answers(run, facts, mode=mode, on=on, key=key, value=value, **options)
    for name, given in (("--facts", facts), ("--key", key), ("--value", value)):
        if given is not None:
            raise UsageError("eval.mode_only", option=name)
    if run is None:
        raise UsageError("eval.needs_run")
    return api.evaluate(run, on, base=not no_base, force=force, memory=memory, **options)


def _alone(others: dict[str, Any]) -> None:
    for option, given in others.items():
        if given is not None:
            raise UsageError("eval.predictions_alone", option=option)
