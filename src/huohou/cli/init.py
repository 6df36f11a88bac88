"""``huohou init``: a run file and example data to start from."""

import shlex
from pathlib import Path

import click

from huohou.text import say


@click.command(help=say("cli.init.help"))
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--template",
    default="sft",
    show_default=True,
    metavar="sft|embed|facts",
    help=say("cli.init.template"),
)
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(folder: Path, template: str, as_json: bool) -> None:
    from huohou import api

    found = api.init(folder, template)
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for name in found["files"]:
        click.echo(say("init.wrote", path=folder / name))
    if found["note"]:
        click.echo(say("init.note", note=found["note"]))
    click.echo(say("init.next" if found["ready"] else "init.later"))
    into = [] if folder == Path() else [f"cd {shlex.quote(str(folder))}"]
    steps = [*into, *found["commands"]]
    for step in steps:
        click.echo(f"  {step}")
