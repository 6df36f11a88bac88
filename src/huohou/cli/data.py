"""``huohou data``: check, describe, make and split rows and pairs."""

import click

from huohou.cli._data_check import check
from huohou.cli._data_make import make
from huohou.cli._data_make_pairs import make_pairs
from huohou.cli._data_split import split
from huohou.cli._data_stats import stats
from huohou.text import say


@click.group(help=say("cli.data.help"))
def command() -> None:
    pass


for _part in (check, stats, make, make_pairs, split):
    command.add_command(_part)
