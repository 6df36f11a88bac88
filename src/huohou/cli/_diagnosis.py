"""A diagnosis as people read it."""

import os
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from huohou.text import percent, say

SEVERITIES = ("error", "warning", "info")
COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}
VERDICTS = {"faulty": "red", "watch": "yellow", "healthy": "green", "cannot-judge": "cyan"}


def show_diagnosis(told: Mapping[str, Any], needs: tuple[str, ...] = ()) -> None:
    """Print the document of `diagnose --json`; needs: what is wanted where it cannot judge."""
    from huohou import api

    verdict = told["verdict"]
    word = click.style(say(f"diagnose.verdict.{verdict}"), fg=VERDICTS[verdict], bold=True)
    click.echo(f"{word}  {say(f'diagnose.means.{verdict}')}", color=colours())
    for need in needs:
        click.echo(f"    {need}")
    for line in api.read_lines(told["source"]):
        click.echo(line)
    for finding in told["findings"]:
        click.echo()
        show_finding(finding)
    _show_claims(told["claims"])
    _show_criteria(told["criteria"], told["gates"])
    _show_extent(told)


def _show_claims(claims: Sequence[Mapping[str, Any]]) -> None:
    """What a report says and what is true."""
    if claims:
        click.echo("\n" + say("diagnose.claims"))
    for claim in claims:
        verdict = say(f"claim.verdict.{claim['verdict']}")
        click.echo(f"  {_quoted(claim)}: {click.style(verdict, bold=True)}", color=colours())
        click.echo(f"    {claim['statement']}")
        click.echo(f"    {claim['decides']}")


def _quoted(claim: Mapping[str, Any]) -> str:
    lines = ", ".join(map(str, claim["lines"]))
    key = "diagnose.claim" if lines else "diagnose.claim_no_line"
    return say(key, lines=lines, text=claim["text"])


def _show_criteria(
    criteria: Sequence[Mapping[str, Any]], gates: Sequence[Mapping[str, Any]]
) -> None:
    """What a report wants to reach: met already, to be measured, or by hand."""
    from huohou import api

    if not criteria:
        return
    click.echo("\n" + say("diagnose.criteria"))
    for one in criteria:
        click.echo("  " + say("diagnose.criterion", line=one["line"], text=one["text"]))
        click.echo("    " + api.checked_line(one))
    if gates:
        click.echo(say("diagnose.gates"))
        click.echo(api.gates_file(gates))


def show_finding(finding: Mapping[str, Any]) -> None:
    """Print one finding: what, the evidence, why, what to do."""
    severity = finding["severity"]
    mark = click.style(say(f"diagnose.severity.{severity}"), fg=COLOURS[severity], bold=True)
    click.echo(f"{mark}  {finding['code']}: {finding['title']}", color=colours())
    for fact in finding["evidence"]:
        click.echo(f"    {fact['text']}")
    if finding["confidence"] is not None:
        click.echo("    " + say("diagnose.confidence", percent=percent(finding["confidence"])))
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


def _show_extent(told: Mapping[str, Any]) -> None:
    click.echo("\n" + say("diagnose.ran", n=len(told["ran"]), codes=", ".join(told["ran"])))
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
