"""A diagnosis as people read it."""

import os
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import click

from huohou.text import say

SEVERITIES = ("error", "warning", "info")
COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
VERDICTS = {"faulty": "red", "watch": "yellow", "healthy": "green", "cannot-judge": "cyan"}


def show_diagnosis(told: Mapping[str, Any], needs: tuple[str, ...] = ()) -> None:
    """Print the document of `diagnose --json`; needs: what is wanted where it cannot judge."""
    verdict = told["verdict"]
    word = click.style(say(f"diagnose.verdict.{verdict}"), fg=VERDICTS[verdict], bold=True)
    click.echo(f"{word}  {say(f'diagnose.means.{verdict}')}", color=colours())
    for need in needs:
        click.echo(f"    {need}")
    for line in _source(told["source"]):
        click.echo(line)
    for finding in told["findings"]:
        click.echo()
        show_finding(finding)
    _show_extent(told)


def show_finding(finding: Mapping[str, Any]) -> None:
    """Print one finding: what, the evidence, why, what to do."""
    severity = finding["severity"]
    mark = click.style(say(f"diagnose.severity.{severity}"), fg=COLOURS[severity], bold=True)
    click.echo(f"{mark}  {finding['code']}: {finding['title']}", color=colours())
    for fact in finding["evidence"]:
        click.echo(f"    {fact['text']}")
    if finding["confidence"] is not None:
        click.echo("    " + say("diagnose.confidence", percent=round(100 * finding["confidence"])))
    click.echo("  " + say("diagnose.why", text=finding["why"]))
    for advice in finding["advice"]:
        settings = "".join(f"  [{_setting(*pair)}]" for pair in (advice["set"] or {}).items())
        click.echo("  " + say("diagnose.do", text=advice["text"]) + settings)


def show_rule(told: Mapping[str, Any]) -> None:
    """Print the document of `explain --json`."""
    severity = f" ({say('diagnose.severity.' + told['severity'])})" if told["severity"] else ""
    click.echo(f"{told['code']}: {told['name']}{severity}\n")
    click.echo(told["why"] + "\n")
    click.echo(say("explain.how", text=told["how"]))
    if told["needs"]:
        click.echo(say("explain.needs", needs="; ".join(told["needs"])))
    if told["explains"]:
        click.echo(say("explain.explains", codes=", ".join(told["explains"])))
    click.echo(say("explain.source", text=told["reference"]))
    if told["example"]:
        click.echo("\n" + say("explain.example"))
        show_finding(told["example"])


def _source(source: Mapping[str, Any]) -> Iterator[str]:
    """What was read, how it was understood and how it went."""
    points = source["points"]
    evals = max((n for name, n in points.items() if name.startswith("eval_")), default=0)
    counts = {"losses": points.get("loss", 0), "evals": evals, "updates": source["updates"]}
    counts["lives"] = source["segments"] if source["segments"] > 1 else 0
    told = [say(f"diagnose.{name}", n=n) for name, n in counts.items() if n]
    if source["epochs"]:
        told.append(say("diagnose.epochs", n=f"{source['epochs']:.3g}"))
    what = say("diagnose.comma").join(told)
    yield say("diagnose.read", path=source["path"], reader=source["reader"], what=what)
    for name, course in source["courses"].items():
        ends = {end: f"{value:.4g}" for end, value in course.items()}
        yield "    " + say(f"diagnose.course.{name}", **ends)
    for note in source["notes"]:
        yield f"    {note}"


def _show_extent(told: Mapping[str, Any]) -> None:
    click.echo("\n" + say("diagnose.ran", n=len(told["ran"]), codes=", ".join(told["ran"])))
    if told["verdict"] == "cannot-judge":
        codes = ", ".join(one["code"] for one in told["skipped"])
        click.echo(say("diagnose.too_little", codes=codes))
        return
    by_need = sorted(told["skipped"], key=lambda one: str(one["needs"]))
    for needs, group in groupby(by_need, key=lambda one: one["needs"]):
        codes = ", ".join(one["code"] for one in group)
        click.echo(say("diagnose.skipped", codes=codes, needs=needs))
    if told["findings"]:
        worst = min(told["findings"], key=lambda one: SEVERITIES.index(one["severity"]))
        click.echo(say("diagnose.next", code=worst["code"]))


def _setting(key: str, value: Any) -> str:
    return f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}"


def colours() -> bool:
    """Whether stdout is a terminal that wants colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain
