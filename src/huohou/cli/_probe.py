"""``huohou diagnose --probe``: models instead of a log."""

from pathlib import Path

import click

from huohou.cli._diagnosis import VERDICTS, colours, show_finding
from huohou.cli._export import exporting
from huohou.errors import UsageError
from huohou.text import say


def ask(
    stray: bool,
    base: str | None,
    adapter: Path | None,
    *,
    merged: Path | None,
    gguf: Path | None,
    modelfile: Path | None,
    rows: Path | None,
    as_json: bool,
) -> str:
    """Probe, print, and return the verdict. stray: whether options for a log were given, or none
    for a probe. Raises UsageError."""
    from huohou import api

    if stray or base is None or adapter is None:
        raise UsageError("diagnose.probe_needs")
    with exporting() as progress:
        told = api.probe(
            base,
            adapter,
            merged=merged,
            gguf=gguf,
            modelfile=modelfile,
            rows=rows,
            progress=progress,
        )
    if as_json:
        import json

        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return str(told["verdict"])
    verdict = told["verdict"]
    word = click.style(say(f"diagnose.verdict.{verdict}"), fg=VERDICTS[verdict], bold=True)
    click.echo(f"{word}  {say(f'diagnose.probe.{verdict}')}", color=colours())
    for line in api.side_lines(told["source"]["seen"]):
        click.echo(f"    {line}")
    for finding in told["findings"]:
        click.echo()
        show_finding(finding)
    return str(verdict)
