"""``huohou data check``: what is wrong with rows, before they are trained on."""

import os
import sys
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from huohou.errors import UsageError
from huohou.text import say

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


@click.command(help=say("cli.data.check.help"))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--eval", "eval_file", type=click.Path(path_type=Path), help=say("cli.data.opt.eval_file")
)
@click.option("--model", default="none", show_default=True, help=say("cli.data.opt.model"))
@click.option("--format", "format_", metavar="NAME", help=say("cli.data.opt.format"))
@click.option(
    "--max-length",
    type=click.IntRange(8),
    default=1024,
    show_default=True,
    help=say("cli.data.opt.max_length"),
)
@click.option(
    "--preview", type=click.IntRange(0), default=0, metavar="N", help=say("cli.data.opt.preview")
)
@click.option("--json", "as_json", is_flag=True, help=say("cli.json"))
def check(
    *,
    file: Path,
    eval_file: Path | None,
    model: str,
    format_: str | None,
    max_length: int,
    preview: int,
    as_json: bool,
) -> int:
    from huohou import api

    if preview and model == "none":
        raise UsageError("data.preview_needs_model")
    found = api.data_check(
        file, eval_file, model=model, format=format_, max_length=max_length, preview=preview
    )
    if as_json:
        import json

        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        show(found)
    return int(any(finding["severity"] != "info" for finding in found["findings"]))


def show(found: Mapping[str, Any]) -> None:
    """Print the document of `data check`: sources, findings worst first, what was not checked."""
    for source in (found["source"], found["eval"]):
        if source:
            click.echo(described(source))
    for note in found.get("notes", ()):
        click.echo(note)
    if "entities" in found:
        click.echo(say("data.show.coverage", **found["entities"]))
    for finding in found["findings"]:
        _show_finding(finding)
    if not found["findings"]:
        click.echo("\n" + say("data.show.clean"))
    for shown in found["preview"]:
        _show_preview(shown)
    click.echo("\n" + say("data.show.ran", codes=", ".join(found["ran"])))
    for needs, group in groupby(
        sorted(found["skipped"], key=lambda one: str(one["needs"])), key=lambda one: one["needs"]
    ):
        codes = ", ".join(one["code"] for one in group)
        click.echo(say("data.show.skipped", codes=codes, needs=needs))


def described(source: Mapping[str, Any]) -> str:
    """One line on a source: rows or pairs, format, fingerprint."""
    how = say("data.show.found_out") if source["guessed"] else ""
    sha = source["fingerprint"][:12]
    key = "data.show.source_pairs" if "passages" in source else "data.show.source"
    return say(key, **{**source, "how": how, "sha": sha})


def _show_finding(finding: Mapping[str, Any]) -> None:
    severity = say(f"data.show.severity.{finding['severity']}")
    mark = click.style(severity, fg=COLOURS[finding["severity"]], bold=True)
    click.echo(f"\n{mark}  {finding['code']}  {finding['title']}", color=colours())
    for fact in finding["evidence"]:
        click.echo(f"    {fact['text']}")
    click.echo("  " + say("data.show.why", text=finding["why"]))
    for advice in finding["advice"]:
        settings = "".join(f"  [{k}: {v}]" for k, v in (advice["set"] or {}).items())
        click.echo("  " + say("data.show.do", text=advice["text"]) + settings)


def _show_preview(shown: Mapping[str, Any]) -> None:
    """The row's text, what is trained in colour on a terminal, between brackets elsewhere."""
    spans, colour = shown["spans"], colours()
    trained = sum(span["tokens"] for span in spans if span["trained"])
    marks = say("data.show.colours" if colour else "data.show.marks")
    tokens = sum(span["tokens"] for span in spans)
    fields = {"place": shown["place"], "trained": trained, "tokens": tokens, "marks": marks}
    click.echo("\n" + say("data.show.preview", **fields))
    text = "".join(_span(span, colour) for span in spans)
    click.echo("    " + text.rstrip("\n").replace("\n", "\n    "), color=colour)


def _span(span: Mapping[str, Any], colour: bool) -> str:
    if colour:
        return click.style(span["text"], fg="green" if span["trained"] else "bright_black")
    return f"⟦{span['text']}⟧" if span["trained"] else str(span["text"])


def colours() -> bool:
    """Whether stdout is a terminal that wants colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain
