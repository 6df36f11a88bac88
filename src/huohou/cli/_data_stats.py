"""``huohou data stats``: what a data file looks like."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from huohou.cli._data_check import described
from huohou.text import say

COUNTS = ("answering", "rows", "repeated", "system_prompts", "without_system")
SPREADS = ("turns", "question", "answer", "tokens", "trained")
OF_PAIRS = ("positives", "negatives", "query", "passage")


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
        if name in found:
            _line(name, str(found[name]))
    for name in SPREADS + OF_PAIRS:
        if found.get(name) is not None:
            _line(name, say("data.show.stat.spread", **found[name]))
    for part, counts in found.get("parts", {}).items():
        click.echo("  " + say("data.show.part_pairs", part=part, **counts))
    if "entities" in found:
        click.echo("  " + say("data.show.coverage", **found["entities"]))
    for note in found.get("notes", ()):
        click.echo(f"  {note}")
    for column, values in found.get("columns", {}).items():
        counted = ", ".join(f"{value} {count}" for value, count in values.items())
        click.echo(f"  {column}: {counted}")


def _line(name: str, value: str) -> None:
    click.echo(f"  {say(f'data.show.stat.{name}')}: {value}")
