"""``huohou data make``: question-answer rows from a table of facts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from huohou.errors import UsageError
from huohou.text import LANGUAGES, say

SPLIT_INTO = "data"  # folder the next command is shown with


def _styles(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Names between commas, and every option's."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def _system(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A system prompt as it stands, or what is in the file after an @."""
    if value is None or not value.startswith("@"):
        return value
    path = Path(value[1:])
    if not path.is_file():
        raise UsageError("data.system_file", path=path)
    return path.read_text(encoding="utf-8-sig").strip()


@click.command(help=say("cli.data.make.help"))
@click.argument("table")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help=say("cli.data.opt.output"),
)
@click.option("--key", metavar="COLUMN", help=say("cli.data.opt.key"))
@click.option("--value", metavar="COLUMN", help=say("cli.data.opt.value"))
@click.option("--digits", type=click.IntRange(0), help=say("cli.data.opt.digits"))
@click.option("--facts", type=int, help=say("cli.data.opt.facts"))
@click.option("--wordings", default=4, show_default=True, help=say("cli.data.opt.wordings"))
@click.option(
    "--eval-wordings", default=1, show_default=True, help=say("cli.data.opt.eval_wordings")
)
@click.option(
    "--test-wordings", default=2, show_default=True, help=say("cli.data.opt.test_wordings")
)
@click.option("--unknown", default=0.2, show_default=True, help=say("cli.data.opt.unknown"))
@click.option(
    "--style",
    "--styles",
    "styles",
    multiple=True,
    metavar="STYLE,...",
    callback=_styles,
    help=say("cli.data.opt.style"),
)
@click.option("--system", metavar="TEXT", callback=_system, help=say("cli.data.opt.system"))
@click.option("--language", type=click.Choice(LANGUAGES), help=say("cli.data.opt.language"))
@click.option("--noun", metavar="TEXT", help=say("cli.data.opt.noun"))
@click.option("--seed", default=42, show_default=True, help=say("cli.opt.seed"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def make(table: str, output: Path, as_json: bool, styles: tuple[str, ...], **options: Any) -> None:
    from huohou import api

    found = api.data_make(table, output, styles=styles, **options)
    if found["bad_digits"]:
        first = found["bad_digits"][0]
        text = say(
            "data.show.bad_digits",
            source=found["source"],
            count=len(found["bad_digits"]),
            total=found["rows"],
            **first,
        )
        click.echo(text, err=True)
    for note in found["notes"]:
        click.echo(note, err=True)
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    if found["check_digits"] and not found["bad_digits"]:
        click.echo(say("data.show.check_digits", count=found["rows"], digits=found["digits"]))
    click.echo(say("data.show.made", **found))
    for example in found["examples"]:
        click.echo(f"  {example['style']}: {example['question']} -> {example['answer']}")
    show_files(found["files"])


def show_files(files: Mapping[str, int]) -> None:
    """Files written with their rows, and the next command."""
    for path, rows in files.items():
        click.echo(say("data.show.file", path=path, rows=rows))
    train, *others = files
    watched = next((f" --eval {path}" for path in others if path.endswith("eval.jsonl")), "")
    command = f"check {train}{watched}" if others else f"split {train} -o {SPLIT_INTO}"
    click.echo(say("data.show.next", command=f"huohou data {command}"))
