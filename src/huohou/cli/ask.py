"""``huohou ask``: a question about a table, answered from a row of it or not at all."""

import json
from typing import Any

import click

from huohou.cli._ask import answerer, exit_code, questions, show
from huohou.text import say

MODES = ("grounded", "lookup", "constrained", "closed")


@click.command(help=say("cli.ask.help"))
@click.argument("question", required=False)
@click.option("--job", metavar="RUN", help=say("cli.ask.job"))
@click.option("--facts", metavar="TABLE", help=say("cli.ask.facts"))
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="grounded",
    show_default=True,
    help=say("cli.ask.mode"),
)
@click.option("--key", metavar="COLUMN", help=say("cli.ask.key"))
@click.option("--value", metavar="COLUMN", help=say("cli.ask.value"))
@click.option("--passages", metavar="FILE|FOLDER", help=say("cli.ask.passages"))
@click.option("--model", metavar="RUN", help=say("cli.ask.model"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, question: str | None, as_json: bool, **options: Any) -> int:
    asked = questions(question)
    answered = answerer(**options)
    code = 0
    for one in asked:
        answer = answered(one)
        code = exit_code(answer)
        if as_json:
            click.echo(json.dumps(answer.as_dict(), ensure_ascii=False, indent=1))
        else:
            show(answer)
    return code if question is not None else 0
