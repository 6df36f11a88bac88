"""A plan as people read it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from huohou.cli._table import width
from huohou.text import say

if TYPE_CHECKING:
    from huohou.plan import DataPart, Plan

COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def show_plan(plan: "Plan", *, err: bool = False) -> None:
    """Print a plan: what, on what, where, how much, settings with sources, findings."""
    for line in _summary(plan):
        click.echo(line, err=err)
    click.echo(say("plan.settings"), err=err)
    longest = max(len(name) for name in plan.settings)
    for name, setting in plan.settings.items():
        if setting.source != "default":
            click.echo(f"  {name:<{longest}}  {setting.value}   [{setting.source}]", err=err)
    defaults = [f"{n}={s.value}" for n, s in plan.settings.items() if s.source == "default"]
    click.echo(say("plan.defaults", values=", ".join(defaults)), err=err)
    for finding in plan.findings:
        mark = click.style(severity(finding), fg=COLOURS[finding["severity"]])
        click.echo(f"{mark}  {finding['code']}: {finding['title']}", err=err)


def severity(finding: Mapping[str, Any]) -> str:
    """How bad a finding is, in the reader's language."""
    return say(f"diagnose.severity.{finding['severity']}")


def _summary(plan: "Plan") -> list[str]:
    predicted = plan.prediction
    pairs = [
        ("plan.run", say("plan.run_is", name=plan.name, recipe=plan.recipe)),
        ("plan.model", _model(plan)),
        ("plan.train", _rows(plan.train)),
        ("plan.eval", _rows(plan.eval) if plan.eval else say("plan.no_eval")),
        ("plan.device", f"{plan.device.value} ({plan.device.reason})"),
        ("plan.dtype", f"{plan.dtype.value} ({plan.dtype.reason})"),
        ("plan.updates", _updates(plan)),
        (
            "plan.work",
            say(
                "plan.work_is",
                computed=f"{predicted.tokens_computed:,}",
                saved=f"{predicted.work_saved:.0%}",
            ),
        ),
        ("plan.time", duration(predicted.seconds)),
        ("plan.memory", say("plan.memory_is", size=f"{predicted.memory_bytes / 1e9:.1f}")),
        ("plan.disk", _disk(plan)),
    ]
    if "workers" in plan.facts:
        pairs.append(("plan.workers", _workers(plan.facts["workers"])))
    names = [say(key) for key, _ in pairs]
    wide = max(width(name) for name in names)
    return [
        f"{name}{' ' * (wide - width(name))}  {value}"
        for name, (_, value) in zip(names, pairs, strict=True)
    ]


def _model(plan: "Plan") -> str:
    predicted = plan.prediction
    return say(
        "plan.model_is" if plan.recipe == "sft" else "plan.encoder_is",
        model=plan.model,
        total=f"{predicted.total_parameters / 1e6:,.1f}",
        trainable=f"{predicted.trainable_parameters / 1e6:,.2f}",
        part=f"{predicted.trainable_parameters / predicted.total_parameters:.2%}",
    )


def _rows(part: "DataPart") -> str:
    return say(
        "plan.rows_are" if part.trained_tokens < part.tokens else "plan.pairs_are",
        path=part.path,
        rows=part.rows,
        tokens=f"{part.tokens:,}",
        trained=f"{part.trained_tokens:,}",
    )


def _updates(plan: "Plan") -> str:
    return say(
        "plan.updates_are",
        updates=plan.prediction.updates,
        epochs=plan.value("train.num_epochs"),
        batch=plan.value("train.batch_size"),
    )


def _workers(told: Mapping[str, Any]) -> str:
    slots = {
        "workers": told["workers"],
        "on": told["on"],
        "time": duration(told["seconds"]),
        "size": f"{told['memory_bytes'] / 1e9:.1f}",
        "sent": f"{told['sent_bytes'] / 1e6:,.1f}",
    }
    if told.get("sharding") != "fsdp":
        return say("plan.workers_are", **slots)
    return say("plan.workers_split", whole=f"{told['memory_whole_bytes'] / 1e9:.1f}", **slots)


def _disk(plan: "Plan") -> str:
    keep = int(plan.value("train.keep_checkpoints"))
    kept = keep + (1 if plan.eval else 0)
    size = plan.prediction.checkpoint_bytes
    key = "plan.disk_best" if plan.eval else "plan.disk_last"
    return say(key, keep=keep, each=f"{size / 1e6:.0f}", total=f"{kept * size / 1e6:.0f}")


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(7), duration(372), duration(7500)
    ('7 s', '6 min 12 s', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
