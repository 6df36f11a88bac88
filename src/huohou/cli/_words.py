"""What click itself says on help pages and of wrong calls, in the language in force."""

from collections.abc import Iterable

import click

from huohou.text import say

# click's own phrases, which it hands to its formatter, and ours
_PHRASES = {
    "Options": "cli.words.options",
    "Commands": "cli.words.commands",
    "Show this message and exit.": "cli.words.help",
}


class Formatter(click.HelpFormatter):
    """Help pages whose headings are in the language in force."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or say("cli.words.usage") + " ")

    def write_heading(self, heading: str) -> None:
        super().write_heading(_ours(heading))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        super().write_dl([(name, _ours(told)) for name, told in rows], col_max, col_spacing)


class Context(click.Context):
    """A context whose help pages are ours."""

    formatter_class = Formatter


def adopt(command: click.Command) -> click.Command:
    """The command with help pages of ours, those below it too."""
    command.context_class = Context
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        adopt(below)
    return command


def show_error(error: click.ClickException) -> None:
    """Print a wrong call to stderr: how it is called, where help is, what is wrong."""
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        click.echo(ctx.get_usage(), err=True)
        click.echo(say("cli.words.try", command=f"{ctx.command_path} --help") + "\n", err=True)
    click.echo(say("cli.error", message=error.format_message()), err=True)
    if isinstance(error, click.NoSuchOption) and error.option_name == "--lang":
        below = ctx.command_path.partition(" ")[2] if ctx is not None else ""
        click.echo(say("cli.words.lang_first", command=below), err=True)


def _ours(phrase: str) -> str:
    return say(_PHRASES[phrase]) if phrase in _PHRASES else phrase
