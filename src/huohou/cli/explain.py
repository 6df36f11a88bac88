"""``huohou explain``: what a code of the doctor means, how it is decided, and an example."""

import click

from huohou.text import say


@click.command(help=say("cli.explain.help"))
@click.argument("code", required=False)
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(code: str | None, as_json: bool) -> None:
    from huohou import api
    from huohou.cli._diagnosis import show_rule

    told = api.explain(code) if code else api.explain_all()
    if as_json:
        import json

        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    elif code:
        show_rule(told)
    else:
        width = max(len(one["code"]) for one in told["rules"])
        for one in told["rules"]:
            click.echo(f"{one['code']:<{width}}  {one['name']}")
