"""``huohou``: the group of all commands, and the edge where errors become messages.

Commands are imported when they are called or listed, and import what they work with only inside
their function, so that ``huohou --help`` is quick and needs no training stack.
"""

import gc
import importlib
import os
import pkgutil
import sys
import traceback
from typing import Any

import click

from huohou import cli as cli_package
from huohou import machine, text
from huohou.cli._words import Context, adopt, show_error
from huohou.errors import HuohouError
from huohou.text import say


def commands() -> list[str]:
    """Names of all commands: the modules beside this one, each with a click command ``command``.

    Modules that begin with an underscore are shared pieces.
    """
    names = (found.name for found in pkgutil.iter_modules(cli_package.__path__))
    return sorted(name for name in names if name != "main" and not name.startswith("_"))


class Lazy(click.Group):
    """A group whose commands are modules, imported when needed."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return commands()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in commands():
            return None
        module = importlib.import_module(f"huohou.cli.{cmd_name}")
        return adopt(module.command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in commands() and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=commands(), ctx=ctx)
        return super().resolve_command(ctx, args)


def _choose_language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        text.use(value)


def _choose_database(_ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["HUOHOU_DB"] = value  # where all that this command starts finds it too


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"huohou {version('huohou')}")
        ctx.exit()


@click.command(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--lang",
    type=click.Choice(text.LANGUAGES),
    is_eager=True,
    expose_value=False,
    callback=_choose_language,
    help="English or Chinese / 英文或中文.",
)
@click.option(
    "--db",
    metavar="URL",
    expose_value=False,
    callback=_choose_database,
    help="Database instead of $HUOHOU_DB / 代替 $HUOHOU_DB 的数据库.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version)
def cli() -> None:
    """huohou 火候: fine-tune small models on your own data, and be told the truth."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with the contract's exit codes."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    gc.freeze()  # the process ends with all that it holds: to look through it again takes time
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; returns 0, 1, 2, 3, 101 or 130 as the design page says."""
    for name, value in machine.THREADS.items():
        os.environ.setdefault(name, value)
    database = os.environ.get("HUOHOU_DB")
    try:
        return _run(arguments)
    finally:
        if database is None:
            os.environ.pop("HUOHOU_DB", None)
        else:
            os.environ["HUOHOU_DB"] = database
        text.use(None)  # --lang holds to the end of this call, its error messages included


def _run(arguments: list[str]) -> int:
    try:
        result: Any = cli.main(args=arguments, prog_name="huohou", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo(say("cli.interrupted"), err=True)
        return 130
    except KeyboardInterrupt:
        click.echo(say("cli.interrupted"), err=True)
        return 130
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.message, err=True)
        return 2
    except click.ClickException as error:
        show_error(error, arguments)
        return 2
    except HuohouError as error:
        click.echo(say("cli.error", message=error), err=True)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the outermost edge: a bug of ours, reported as one
        traceback.print_exc()
        click.echo(say("cli.bug"), err=True)
        return 101
    return result if isinstance(result, int) else 0
