"""``huohou chat``: a talk with a run's model in the terminal."""

from pathlib import Path
from typing import Any

import click

from huohou.text import say


@click.command(help=say("cli.chat.help"))
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--checkpoint", type=click.IntRange(min=0), help=say("cli.chat.checkpoint"))
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    metavar="DIR|GGUF",
    help=say("cli.chat.export"),
)
@click.option("--base", is_flag=True, help=say("cli.chat.base"))
@click.option("--system", metavar="TEXT", help=say("cli.chat.system"))
@click.option("--max-tokens", type=click.IntRange(min=1), default=256, show_default=True,
              help=say("cli.chat.max_tokens"))  # fmt: skip
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True,
              help=say("cli.chat.temperature"))  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), help=say("cli.chat.seed"))
def command(
    *,
    run: str | None,
    checkpoint: int | None,
    export: Path | None,
    base: bool,
    system: str | None,
    **drawn: Any,
) -> int:
    from huohou import api
    from huohou.cli._chat import Chat
    from huohou.errors import UsageError

    if sum((checkpoint is not None, export is not None, base)) > 1:
        raise UsageError("chat.one_of")
    talk = api.open_talk(run, checkpoint=checkpoint, export=export, base=base)
    return Chat(talk, api.sampling(**drawn), system).run()
