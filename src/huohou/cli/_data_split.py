"""``huohou data split``: train, eval and test from one file."""

from pathlib import Path
from typing import Any

import click

from huohou.cli._data_check import described
from huohou.cli._data_make import show_files
from huohou.text import say


@click.command(help=say("cli.data.split.help"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help=say("cli.data.opt.output_dir"),
)
@click.option(
    "--eval", "eval_share", default=0.1, show_default=True, help=say("cli.data.opt.eval_share")
)
@click.option(
    "--test", "test_share", default=0.1, show_default=True, help=say("cli.data.opt.test_share")
)
@click.option("--by", metavar="COLUMN", help=say("cli.data.opt.by"))
@click.option("--format", metavar="NAME", help=say("cli.data.opt.format"))
@click.option("--seed", default=42, show_default=True, help=say("cli.opt.seed"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def split(file: Path, output: Path, as_json: bool, **options: Any) -> None:
    from huohou import api

    found = api.data_split(file, output, **options)
    for note in found["notes"]:
        click.echo(note, err=True)
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(described(found["source"]))
    click.echo(say(f"data.show.mode.{found['mode']}"))
    show_files(found["files"])
