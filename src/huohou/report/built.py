"""What a run was built from, what was decided for it, and what of it came true."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huohou.plan import Plan
from huohou.report.blocks import Block, Paragraph, Table
from huohou.report.part import Part
from huohou.report.timeline import peak_memory, took
from huohou.text import say


def built(part: Part) -> Iterator[Block]:
    """The plan as a table, with what it predicted and what then was."""
    if part.plan is None:
        yield Paragraph(say("report.built.imported"), "note")
        return
    yield Table(
        [say("report.built.what"), say("report.built.value")],
        [*_decided(part.plan), *_costs(part, part.plan), _given(part.plan)],
    )
    if part.plan.recipe == "align":
        yield from _stage_two(part.folder)


def _decided(plan: Plan) -> Iterator[list[str]]:
    yield [say("report.built.model"), _last_names(plan.model)]
    yield [say("report.built.data"), say("report.built.rows", **_rows(plan))]
    chosen = (plan.device, plan.dtype)
    reasons = "; ".join(dict.fromkeys(one.reason for one in chosen if one.reason))
    told = f"{plan.device.value}, {plan.dtype.value}"
    yield [say("report.built.device"), f"{told} ({reasons})" if reasons else told]
    yield [say("report.built.prints"), f"{plan.train.fingerprint[:12]}"]


def _costs(part: Part, plan: Plan) -> Iterator[list[str]]:
    """Predicted before the run, and measured in it."""
    done = part.diagnosis.source.get("updates")
    told = say("report.built.of", done=_count(done), planned=f"{plan.prediction.updates:,}")
    yield [say("report.built.updates"), told]
    trained, whole = plan.prediction.trainable_parameters, plan.prediction.total_parameters
    if whole:
        yield [say("report.built.parameters"), f"{trained:,} / {whole:,}"]
    seconds = took(part.folder)
    if seconds is not None:
        planned = f"{plan.prediction.seconds:.0f}"
        measured = say(
            "report.built.predicted", measured=f"{seconds:.0f} s", planned=f"{planned} s"
        )
        yield [say("report.built.took"), measured]
    peak = peak_memory(part.folder)
    if peak is not None:
        planned = f"{plan.prediction.memory_bytes / 1e9:.2f} GB"
        measured = say("report.built.predicted", measured=f"{peak / 1e9:.2f} GB", planned=planned)
        yield [say("report.built.memory"), measured]


def _given(plan: Plan) -> list[str]:
    given = [f"{k}={s.value}" for k, s in plan.settings.items() if s.source != "default"]
    shown = [one for one in given if not one.startswith(("data.", "model=", "name=", "recipe="))]
    return [say("report.built.given"), ", ".join(shown) or "-"]


def _count(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else "-"


def _rows(plan: Plan) -> Mapping[str, str]:
    watched = f"{plan.eval.rows:,}" if plan.eval else "-"
    return {"train": f"{plan.train.rows:,}", "eval": watched}


def _last_names(model: str) -> str:
    """A folder by its last names: no paths of a machine in a report."""
    path = Path(model)
    return "/".join(path.parts[-2:]) if path.is_absolute() else model


def _stage_two(folder: Path) -> Iterator[Block]:
    """What stage 2 was built from and what was decided; nothing for a run that is not over."""
    built, hard = (
        _lines(folder / f"{name}.jsonl") for name in ("constructed_data", "hard_negatives")
    )
    if built is not None and hard is not None:
        yield Paragraph(say("report.hard", count=hard, of=built))
    decided = _document(folder / "release.json")
    if decided is not None and isinstance(decided.get("said"), str):
        yield Paragraph(decided["said"], "" if decided.get("reason") == "better" else "warning")


def _lines(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None


def _document(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
