"""``huohou data stats``: what a data file looks like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from huohou.cli._data_check import described
from huohou.text import say

COUNTS = ("rows", "repeated", "system_prompts", "without_system")
SPREADS = ("turns", "question", "answer", "tokens", "trained")


@click.command(help=say("cli.data.stats.help"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", default="none", show_default=True, help=say("cli.data.opt.model"))
@click.option("--format", "format_", metavar="NAME", help=say("cli.data.opt.format"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def stats(file: Path, model: str, format_: str | None, as_json: bool) -> None:
    from huohou import api

    found = api.data_stats(file, model=model, format=format_)
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    click.echo(described({**found, "path": found["source"]}))
    for name in COUNTS:
        _line(name, str(found[name]))
    for name in SPREADS:
        if found[name] is not None:
            _line(name, say("data.show.stat.spread", **found[name]))
    for column, values in found["columns"].items():
        counted = ", ".join(f"{value} {count}" for value, count in values.items())
        click.echo(f"  {column}: {counted}")


def _line(name: str, value: str) -> None:
    click.echo(f"  {say(f'data.show.stat.{name}')}: {value}")
