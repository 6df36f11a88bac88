"""``events.jsonl`` of our own job folders, with what ``job.jsonl`` and ``plan.json`` say beside it.

Segments are written in the file, so nothing is guessed. A run that has no point yet is a Record
without series. A log that was imported says in its ``start`` what its own reader found in it:
``facts``, ``notes``, ``told`` (figures, sentences, other runs of a report), and in ``imported``
where it was; its points keep the lines they had there.
"""

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from huohou.record import events
from huohou.record.columns import Rows, Series
from huohou.record.events import Event
from huohou.record.readers import Reader, readers
from huohou.record.readers._frame import Frame, lives, series_of
from huohou.record.readers._rows import looks_like_object, most_names, parsed, whole
from huohou.record.readers._source import Source
from huohou.record.record import Record
from huohou.record.told import parts
from huohou.record.workspace import EVENTS, JOURNAL, PLAN
from huohou.text import say

_PLACE = frozenset({"t", "seg", "kind", "step", "epoch", "line"})
_WHOLE = frozenset({"seg", "step", "line"})
_SEGMENTS = 1 << 31
_IMPORTED = frozenset({"facts", "notes", "imported", "told"})
_LOOKED_AT = 1000  # lines for the first event


def read_run(folder: Path) -> Record:
    """The run in one of our job folders. Raises DataError when it has no readable events.jsonl."""
    return read_events(Source.open(folder / EVENTS))


def read_events(source: Source) -> Record:
    """An events.jsonl, with what lies beside it."""
    points = Frame(_WHOLE.__contains__, leave=frozenset({"kind"}), most=most_names(source))
    others: list[Event] = []
    skipped = 0
    for line, raw in source.raw_lines():
        event = _event(raw)
        if event is None:
            skipped += bool(raw.strip())
        elif event["kind"] in ("metrics", "eval"):
            points.add(line, event)
        else:
            others.append(events.revived(event))
    notes = (say("reader.torn_lines", n=skipped),) if skipped else ()
    facts = _facts(others) | _beside(source.path.parent)
    known: dict[str, Any] = {"path": str(source.path), "reader": "huohou-run"}
    origin = next((e for e in others if isinstance(e.get("imported"), Mapping)), None)
    if origin is not None:
        known |= {"imported": dict(origin["imported"])}
        facts.pop("state", None)  # that of the job that took it in, not of the run
        said = origin.get("notes")
        notes = (*notes, *map(str, said if isinstance(said, list) else ()))
    told = origin.get("told") if origin is not None else None
    beside = parts(told) if isinstance(told, Mapping) else {}
    series = _series(points, in_order=origin is None)
    return Record(known, series, facts, notes, **beside)


def _event(raw: bytes) -> Event | None:
    event = parsed(raw) if looks_like_object(raw) else None
    return event if event is not None and isinstance(event.get("kind"), str) else None


def _series(points: Frame, *, in_order: bool) -> dict[str, Series]:
    """Segments and, of an imported log, lines are written in the file.

    in_order: rows stand as they were logged, not series after series as an import writes them.
    Then steps never go back inside a segment: where they do, a script began again in the same
    process, and that is a new one.
    """
    seg, line = points.dense("seg"), points.dense("line")
    seg = np.where(seg < _SEGMENTS, seg, 0.0)  # else it was not huohou that wrote it
    changed = np.concatenate([[False], np.diff(seg) != 0]) if len(seg) else np.zeros(0, np.bool_)
    again = lives(points.dense("step"), points.dense("epoch"), changed)
    if in_order and len(seg) and again[-1] > changed.sum():
        seg = again.astype(np.float64)
    rows = Rows(
        step=points.dense("step"),
        epoch=points.dense("epoch"),
        t=points.dense("t"),
        seg=seg,
        line=np.where(line > 0, line, points.lines),
    )
    return series_of(points, {name: name for name in points.names if name not in _PLACE}, rows)


def _facts(others: list[Event]) -> dict[str, Any]:
    """What the last start said, the checkpoints, and how it ended."""
    starts = [e for e in others if e["kind"] == "start"]
    facts: dict[str, Any] = {}
    if starts:
        facts |= {k: v for k, v in starts[-1].items() if k not in _PLACE | _IMPORTED}
        facts |= _present(max_steps=starts[-1].get("updates"))
        facts |= _present(num_train_epochs=starts[-1].get("epochs"))
        facts |= {"extended": True} if len({e.get("updates") for e in starts}) > 1 else {}
        told = starts[-1].get("facts")
        facts |= _revived(told) if isinstance(told, Mapping) else {}
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
    return events.number_for(value)


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
    if b'"kind"' not in source.utf8:
        return False
    for _, raw in islice(source.raw_lines(), _LOOKED_AT):
        if (event := _event(raw)) is not None:
            return {"t", "seg", "kind"} <= event.keys()
    return False


readers.register("huohou-run")(Reader(_recognises, read_events, (EVENTS,), rank=5))
