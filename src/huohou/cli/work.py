"""``huohou work``: this machine takes jobs off the queue, until told to stop."""

import click

from huohou.text import say


@click.command(help=say("cli.work.help"))
@click.option("--slots", type=click.IntRange(1), metavar="N", help=say("cli.work.slots"))
@click.option("--device", "devices", multiple=True, metavar="NAME", help=say("cli.work.device"))
@click.option("--until-empty", is_flag=True, help=say("cli.work.until_empty"))
def command(slots: int | None, devices: tuple[str, ...], until_empty: bool) -> int:
    from huohou import api

    signal = api.work(devices, slots=slots, until_empty=until_empty, on_note=click.echo)
    return 130 if signal == "SIGINT" else 0
