"""Runs as people read them."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from huohou.cli._plan import COLOURS, duration, severity
from huohou.cli._table import aligned
from huohou.text import say

STATES = {"completed": "green", "failed": "red", "lost": "red", "stopped": "yellow"}
LS = ("id", "name", "status", "progress", "epoch", "train_loss", "val_loss", "started", "took")
NUMBERS = (0, 3, 4, 5, 6, 8)  # of these columns: numbers end at the same place


def show_runs(found: Mapping[str, Any]) -> None:
    """Print the runs of a workspace as a table."""
    head = [say(f"runs.column.{name}") for name in LS]
    rows = [
        [
            str(run["id"]),
            run["name"],
            _place(run),
            f"{run['progress_percentage']:.0f}%",
            epochs(run),
            number(run["train_loss"]),
            number(run["val_loss"]),
            clock(run["started_at"]),
            took(run),
        ]
        for run in found["runs"]
    ]
    for line in aligned([head, *rows], right=NUMBERS):
        click.echo(line)


def show_run(run: Mapping[str, Any]) -> None:
    """Print one run: where it is, its numbers, its error, its findings."""
    colour = STATES.get(run["status"], "cyan")
    name = say("runs.title", id=run["id"], name=run["name"])
    click.echo(f"{name}  {click.style(state(run['status']), fg=colour, bold=True)}")
    pairs = [(say(f"runs.field.{key}"), text) for key, text in _facts(run) if text]
    for line in aligned(pairs):
        click.echo("  " + line)
    if run["error"]:
        click.echo(click.style(run["error"], fg=colour))
    for finding in run.get("findings", ()):
        mark = click.style(severity(finding), fg=COLOURS.get(finding["severity"], "cyan"))
        click.echo(f"{mark}  {finding['code']}: {finding.get('title', '')}")


def show_import(done: Mapping[str, Any]) -> None:
    """Print what a log became: the run, its series, what to do with it."""
    show_run(done)
    series = ", ".join(f"{name} {n}" for name, n in done["points"].items())
    click.echo("  " + say("runs.imported", reader=done["reader"], series=series))
    click.echo(say("train.next"))
    for verb in ("diagnose", "runs show", "watch"):
        click.echo(f"  huohou {verb} {done['id']}")


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    steps = say("runs.of", done=run["step"] or 0, whole=run["steps"]) if run["steps"] else ""
    return [
        ("folder", run["folder"]),
        ("recipe", run["recipe"]),
        ("base_model", run["base_model"]),
        ("steps", steps),
        ("epoch", epochs(run)),
        ("train_loss", number(run["train_loss"])),
        ("val_loss", number(run["val_loss"])),
        ("started", clock(run["started_at"])),
        ("took", took(run)),
    ]


def state(status: str) -> str:
    """A state in the reader's language."""
    return say(f"state.{status}")


def _place(run: Mapping[str, Any]) -> str:
    """The state; of a run that waits also its place among those that wait for the same device."""
    place = run.get("queue_position")
    return say("runs.place", n=place) if place else state(run["status"])


def epochs(run: Mapping[str, Any]) -> str:
    """Epochs done of all."""
    done = run["current_epoch"] or 0.0
    return f"{done:.1f}/{run['epochs']:g}" if run["epochs"] else f"{done:.1f}"


def number(value: float | str | None) -> str:
    """A loss: four digits that count; NaN and infinities by name; - for none."""
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:.4g}" if math.isfinite(value) else "NaN" if math.isnan(value) else str(value)


def clock(t: float | None) -> str:
    """Local date and time of unix seconds."""
    return f"{datetime.fromtimestamp(t).astimezone():%m-%d %H:%M}" if t else "-"


def took(run: Mapping[str, Any]) -> str:
    """How long it ran, or has been running."""
    if not run["started_at"]:
        return "-"
    end = run["finished_at"] or run["heartbeat_at"] or run["started_at"]
    return duration(max(end - run["started_at"], 0.0))
