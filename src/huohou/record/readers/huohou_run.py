"""``events.jsonl`` of our own job folders, with what ``job.jsonl`` and ``plan.json`` say beside it.

Segments are written in the file, so nothing is guessed. A run that has no point yet is a Record
without series. A log that was imported says in its ``start`` what its own reader found in it:
``facts``, ``notes``, and in ``imported`` where it was; its points keep the lines they had there.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huohou.record import events
from huohou.record.events import Event
from huohou.record.readers import Reader, readers
from huohou.record.readers._rows import number, whole
from huohou.record.readers._source import Source
from huohou.record.record import Point, Record
from huohou.record.workspace import EVENTS, JOURNAL, PLAN
from huohou.text import say

_PLACE = frozenset({"t", "seg", "kind", "step", "epoch", "line"})
_IMPORTED = frozenset({"facts", "notes", "imported"})
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_run(folder: Path) -> Record:
    """The run in one of our job folders. Raises DataError when it has no readable events.jsonl."""
    return read_events(Source.open(folder / EVENTS))


def read_events(source: Source) -> Record:
    """An events.jsonl, with what lies beside it."""
    series: dict[str, list[Point]] = {}
    others: list[Event] = []
    skipped = 0
    for line, text in source.lines():
        event = events.loads(text.encode("utf-8", "replace"))
        if event is None:
            skipped += 1
        elif event["kind"] in ("metrics", "eval"):
            for name, point in _points(event, line).items():
                series.setdefault(name, []).append(point)
        else:
            others.append(event)
    notes = (say("reader.torn_lines", n=skipped),) if skipped else ()
    facts = _facts(others) | _beside(source.path.parent)
    known: dict[str, Any] = {"path": str(source.path), "reader": "huohou-run"}
    origin = next((e for e in others if isinstance(e.get("imported"), Mapping)), None)
    if origin is not None:
        known |= {"imported": dict(origin["imported"])}
        notes = (*notes, *map(str, origin.get("notes", ())))
    return Record(known, series, facts, notes)


def _points(event: Event, line: int) -> dict[str, Point]:
    step, epoch, t = whole(event.get("step")), number(event.get("epoch")), number(event.get("t"))
    seg, line = whole(event.get("seg")) or 0, whole(event.get("line", line)) or line
    return {
        name: Point(value, step, epoch, t, seg, line)
        for name in event.keys() - _PLACE
        if (value := number(event[name])) is not None
    }


def _facts(others: list[Event]) -> dict[str, Any]:
    """What the last start said, the checkpoints, and how it ended."""
    starts = [e for e in others if e["kind"] == "start"]
    facts: dict[str, Any] = {}
    if starts:
        facts |= {k: v for k, v in starts[-1].items() if k not in _PLACE | _IMPORTED}
        facts |= _present(max_steps=starts[-1].get("updates"))
        facts |= _present(num_train_epochs=starts[-1].get("epochs"))
        facts |= _revived(starts[-1].get("facts") or {})
    saved = [whole(e.get("step")) for e in others if e["kind"] == "checkpoint"]
    if saved:
        facts["checkpoints"] = sorted({step for step in saved if step is not None})
    ends = [e for e in others if e["kind"] == "end"]
    if ends:
        facts["finished"] = ends[-1].get("state") == "completed"
    return facts


def _revived(value: Any) -> Any:
    """Facts of an imported log, NaN and infinities as numbers again."""
    if isinstance(value, Mapping):
        return {name: _revived(one) for name, one in value.items()}
    return _WORDS.get(value, value) if isinstance(value, str) else value


def _beside(folder: Path) -> dict[str, Any]:
    journal = events.Follower(folder / JOURNAL).poll()
    states = [e for e in journal if e["kind"] == "state"]
    last = states[-1] if states else {}
    facts = _present(state=last.get("state"), error=last.get("error"))
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return facts
    return facts | {"plan": plan} | _batch(plan) if isinstance(plan, Mapping) else facts


def _batch(plan: Mapping[str, Any]) -> dict[str, Any]:
    settings = plan.get("settings")
    batch = settings.get("train.batch_size") if isinstance(settings, Mapping) else None
    return _present(batch_size=batch.get("value")) if isinstance(batch, Mapping) else {}


def _present(**facts: Any) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


def _recognises(source: Source) -> bool:
    """The first line that is an event has our header."""
    for _, text in source.lines():
        event = events.loads(text.encode("utf-8", "replace"))
        if event is not None:
            return {"t", "seg", "kind"} <= event.keys()
    return False


readers.register("huohou-run")(Reader(_recognises, read_events, (EVENTS,), rank=5))
