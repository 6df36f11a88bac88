"""``huohou serve``: the page, its API and the doors of other programs."""

from pathlib import Path
from typing import Any

import click

from huohou.text import say

HOST = "127.0.0.1"
PORT = 3000


@click.command(help=say("cli.serve.help"))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
    help=say("cli.serve.port"),
)  # fmt: skip
@click.option("--host", default=HOST, show_default=True, help=say("cli.serve.host"))
@click.option("--open", "open_", is_flag=True, help=say("cli.serve.open"))
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=say("cli.serve.token_file"),
)
@click.option(
    "--allow-host", "names", multiple=True, metavar="NAME", help=say("cli.serve.allow_host")
)
@click.option("--read-only", is_flag=True, help=say("cli.serve.read_only"))
def command(
    *,
    port: int,
    host: str,
    open_: bool,
    token_file: Path | None,
    names: tuple[str, ...],
    read_only: bool,
) -> int:
    from huohou.web import serve

    how: dict[str, Any] = {"token_file": token_file, "names": names, "read_only": read_only}
    try:
        serve.run(host, port, open_=open_, **how, note=click.echo)
    except KeyboardInterrupt:
        click.echo(say("web.serve.ended"), err=True)
        return 130
    return 0
