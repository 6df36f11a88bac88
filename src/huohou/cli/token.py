"""``huohou token``: who may use the page of a team."""

import click

from huohou.text import say

ROLES = ("reader", "operator")


@click.group(help=say("cli.token.help"))
def command() -> None:
    pass


@command.command(help=say("cli.token.add.help"))
@click.argument("name")
@click.option(
    "--role", type=click.Choice(ROLES), default="reader", show_default=True,
    help=say("cli.token.role"),
)  # fmt: skip
def add(name: str, role: str) -> None:
    from huohou import api

    token = api.token_add(name, api.ROLES[ROLES.index(role)])
    click.echo(say("token.added", name=name, role=say(f"people.role.{role}")), err=True)
    click.echo(token)


@command.command(help=say("cli.token.ls.help"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def ls(as_json: bool) -> None:
    import json

    from huohou import api

    found = api.team()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for one in found["people"]:
        click.echo(f"{one['name']}  {say('people.role.' + one['role'])}")
    if not found["people"]:
        click.echo(say("token.none"), err=True)


@command.command(help=say("cli.token.revoke.help"))
@click.argument("name")
def revoke(name: str) -> None:
    from huohou import api

    api.token_revoke(name)
    click.echo(say("token.revoked", name=name))
