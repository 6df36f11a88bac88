"""``huohou export``: a model handed over with the proof that it is the one that was trained."""

from pathlib import Path

import click

from huohou.text import say


@click.command(help=say("cli.export.help"))
@click.argument("run", metavar="RUN")
@click.option("--to", "target", required=True, metavar="TARGET", help=say("cli.export.to"))
@click.option("--quantize", metavar="FORM", help=say("cli.export.quantize"))
@click.option("-o", "--out", type=click.Path(path_type=Path), help=say("cli.export.out"))
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def command(*, run: str, target: str, quantize: str | None, out: Path | None, as_json: bool) -> int:
    from huohou import api
    from huohou.cli._export import exporting, show_ollama, show_release

    with exporting() as progress:
        release = api.export(run, target, quantize=quantize, out=out, progress=progress)
    if as_json:
        import json

        click.echo(json.dumps(release.as_dict(), ensure_ascii=False, indent=1))
    else:
        show_release(release)
        if target == "ollama" and release.proved:
            show_ollama(release)
    return 0 if release.proved else 1
