"""A sweep as people read it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from huohou.cli._runs import number, state
from huohou.cli._table import aligned
from huohou.errors import UsageError
from huohou.text import say


def asked(
    run_file: str | None, more: Sequence[str], wanted: Sequence[str]
) -> tuple[str | None, list[str]]:
    """The run file, and the settings to sweep: those after --sweep, and further ones behind it.

    Raises UsageError where there is more than a run file and no sweep.
    """
    words = [word for word in (run_file, *more) if word is not None]
    settings = [word for text in wanted for word in text.split()]
    if not settings:
        if len(words) > 1:
            raise UsageError("sweep.extra", words=" ".join(words[1:]))
        return run_file, []
    settings += [word for word in words if "=" in word]
    files = [word for word in words if "=" not in word]
    if len(files) > 1:
        raise UsageError("sweep.extra", words=" ".join(files[1:]))
    return (files[0] if files else None), settings


def train_sweep(
    run_file: Path | None,
    flags: Sequence[str],
    wanted: Sequence[str],
    if_exists: str | None,
    how: Mapping[str, Any],
) -> int:
    """Plan all runs of a sweep, carry them out, and print how they compare; the exit code."""
    from huohou import api
    from huohou.cli._plan import show_plan
    from huohou.cli._progress import showing

    if if_exists not in (None, "new"):
        raise UsageError("sweep.with_exists", choice=if_exists)
    name, plans = api.plan_sweep(run_file, flags, wanted)
    click.echo(say("sweep.begin", name=name, n=len(plans)), err=True)
    for plan, _ in plans:
        show_plan(plan, err=True)
    with showing() as on_event:
        found = api.sweep(name, plans, on_event, **how)
    if how["detach"]:
        click.echo(say("sweep.detached", name=name, n=len(plans)))
        return 0
    show_sweep(found)
    states = {row["status"] for row in found["rows"]}
    return 130 if "stopped" in states else 0 if states == {"completed"} else 1


def show_sweep(found: Mapping[str, Any]) -> None:
    """Print the runs of a sweep, the best marked, and what is to be known of the comparison."""
    columns = list(dict.fromkeys(name for row in found["rows"] for name in row["set"]))
    head = [say("runs.column.id"), *(name.rpartition(".")[2] for name in columns)]
    head += [say("runs.column.status"), found["measure"]]
    extra = [key for key in ("before", "result") if any(row[key] for row in found["rows"])]
    rows = [head + [say(f"sweep.column.{key}") for key in extra] + [""]]
    for row in found["rows"]:
        cells = [str(row["id"]), *(row["set"].get(name, "-") for name in columns)]
        cells += [state(row["status"]), number(row["value"])]
        cells += [_extra(row[key]) for key in extra]
        rows.append([*cells, "<-" if row["id"] == found["best"] else ""])
    for line in aligned(rows, right=(0,)):
        click.echo(line)
    for note in found["notes"]:
        click.echo(note, err=True)


def _extra(value: float | str | None) -> str:
    return say(f"release.chosen.{value}") if isinstance(value, str) else number(value)
