"""``huohou facts``: what belongs to a table of facts besides its rows."""

import click

from huohou.cli._facts_calibrate import command as calibrate
from huohou.text import say


@click.group(help=say("cli.facts.help"))
def command() -> None:
    """Commands about a table of facts."""


command.add_command(calibrate, "calibrate")
