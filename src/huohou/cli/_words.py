"""What click itself says on help pages and of wrong calls, in the language in force."""

import itertools
from collections.abc import Iterable, Sequence

import click

from huohou import text
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


def show_error(error: click.ClickException, arguments: Sequence[str] = ()) -> None:
    """Print a wrong call to stderr: how it is called, where help is, what is wrong.

    arguments: what was typed.
    """
    ctx = getattr(error, "ctx", None)
    if ctx is not None:
        click.echo(ctx.get_usage(), err=True)
        click.echo(say("cli.words.try", command=f"{ctx.command_path} --help") + "\n", err=True)
    click.echo(say("cli.error", message=error.format_message()), err=True)
    if isinstance(error, click.NoSuchOption) and error.option_name == "--lang":
        below = ctx.command_path.partition(" ")[2] if ctx is not None else ""
        words = {"command": below, "language": _asked(arguments)}
        click.echo(say("cli.words.lang_first", **words), err=True)


def _asked(arguments: Sequence[str]) -> str:
    """The language that was typed behind --lang, else the one in force."""
    typed = [part for one in arguments for part in one.split("=", 1)]
    behind = dict(itertools.pairwise(typed)).get("--lang")
    return behind if behind in text.LANGUAGES else text.language()


def _ours(phrase: str) -> str:
    return say(_PHRASES[phrase]) if phrase in _PHRASES else phrase
