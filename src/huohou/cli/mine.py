"""``huohou mine``: hard negatives for retrieval, each with the reason it was kept or dropped."""

from pathlib import Path
from typing import Any

import click

from huohou.text import say


@click.command(help=say("cli.mine.help"))
@click.argument("source", metavar="PAIRS", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help=say("cli.mine.output")
)
@click.option("--model", default="minilm-l6", show_default=True, help=say("cli.mine.model"))
@click.option("--negatives", default=4, show_default=True, help=say("cli.mine.negatives"))
@click.option(
    "--ranks", type=int, nargs=2, default=(1, 10), show_default=True, help=say("cli.mine.ranks")
)
@click.option("--relative", default=0.95, show_default=True, help=say("cli.mine.relative"))
@click.option("--relax-to", default=1.0, show_default=True, help=say("cli.mine.relax_to"))
@click.option("--absolute", type=float, help=say("cli.mine.absolute"))
@click.option("--same-document", is_flag=True, help=say("cli.mine.same_document"))
@click.option("--hardest", is_flag=True, help=say("cli.mine.hardest"))
@click.option(
    "--score",
    type=click.Choice(["cosine", "csd", "w2"]),
    default="cosine",
    show_default=True,
    help=say("cli.mine.score"),
)
@click.option("--judge", metavar="MODEL", help=say("cli.mine.judge"))
@click.option(
    "--reviewed", type=click.Path(path_type=Path), metavar="LEDGER", help=say("cli.mine.reviewed")
)
@click.option("--no-cache", is_flag=True, help=say("cli.mine.no_cache"))
@click.option("--format", metavar="NAME", help=say("cli.data.opt.pairs_format"))
@click.option("--on", default="local", show_default=True, metavar="WHERE", help=say("cli.mine.on"))
@click.option("--workers", type=click.IntRange(1), metavar="N", help=say("cli.mine.workers"))
@click.option(
    "--gpus-per-worker", type=click.FloatRange(0), metavar="G", help=say("cli.train.gpus")
)
@click.option("--seed", default=42, show_default=True, help=say("cli.opt.seed"))
@click.option("--force", is_flag=True, help=say("cli.opt.force"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(  # noqa: PLR0917
    source: Path,
    output: Path,
    hardest: bool,
    no_cache: bool,
    relative: float,
    as_json: bool,
    **options: Any,
) -> None:
    from huohou import api
    from huohou.cli._mine import encoding, note, show_mined

    with encoding() as progress:
        found = api.mine(
            source,
            output,
            draw="hardest" if hardest else "random",
            relative=relative or None,
            cache=not no_cache,
            progress=progress,
            note=note,
            **options,
        )
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        show_mined(found)
