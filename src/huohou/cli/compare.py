"""``huohou compare``: two scorecards of the same questions, and what changed."""

import click

from huohou.text import say


@click.command(help=say("cli.compare.help"))
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--on", metavar="SET", help=say("cli.compare.on"))
@click.option(
    "--flips",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help=say("cli.compare.flips"),
)
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, first: str, second: str, on: str | None, flips: int, as_json: bool) -> None:
    from huohou import api
    from huohou.cli._compare import show_compared

    found = api.compare(first, second, on=on)
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1))
        return
    show_compared(found, flips)
