"""``huohou data make-pairs``: pairs for retrieval, split by document."""

from pathlib import Path
from typing import Any

import click

from huohou.cli._data_check import described
from huohou.errors import UsageError
from huohou.text import say


@click.command("make-pairs", help=say("cli.data.make_pairs.help"))
@click.argument("paths", nargs=-1, metavar="[FILE] OUT", type=click.Path(path_type=Path))
@click.option("--from-python", is_flag=True, help=say("cli.data.opt.from_python"))
@click.option(
    "--eval", "eval_share", default=0.1, show_default=True, help=say("cli.data.opt.pairs_eval")
)
@click.option(
    "--test", "test_share", default=0.2, show_default=True, help=say("cli.data.opt.pairs_test")
)
@click.option("--format", metavar="NAME", help=say("cli.data.opt.pairs_format"))
@click.option("--seed", default=42, show_default=True, help=say("cli.opt.seed"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def make_pairs(
    paths: tuple[Path, ...], *, from_python: bool, as_json: bool, **options: Any
) -> None:
    from huohou import api

    if len(paths) != (1 if from_python else 2):
        raise UsageError("data.pairs.what_in_out")
    found = api.data_make_pairs(paths[-1], None if from_python else paths[0], **options)
    for note in found["notes"]:
        click.echo(note, err=True)
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    click.echo(described(found["source"]))
    for part, counts in found["parts"].items():
        click.echo(say("data.show.part_pairs", part=part, **counts))
    click.echo(say("data.show.coverage", **found["entities"]))
    click.echo(say("data.show.next", command=f"huohou data check {paths[-1]}"))
