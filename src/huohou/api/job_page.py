"""Everything a page shows of one run beside its curves. Nothing heavy is imported early."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huohou.api.common import numbered
from huohou.api.dismissals import dismissals
from huohou.api.job_list import places_of, standing, verdict
from huohou.text import say

if TYPE_CHECKING:
    from huohou.jobs.lookup import Run
    from huohou.jobs.standing import Standing
    from huohou.record.clock import Knot
    from huohou.record.store import Job

KNOTS = 2000  # of the clock that the times of epochs are told from
EPOCHS = 1000  # of a timeline
MOMENTS = 200
_JOURNAL_SAYS = ("queued", "segment", "state", "finding", "alert")


def job_details(number: int) -> dict[str, Any]:
    """One run for its page.

    The columns of ``training_jobs``, ``verdict`` and ``queue_position`` as in ``job_list``;
    ``findings`` (each code's latest), ``dismissed``: codes that were put aside; ``scorecard`` and
    ``plan`` (documents, None where there is none); ``series``: points by name; ``checkpoints``;
    ``timeline``; ``progress``; ``actions``; ``has``: which of train.log, report.html there are;
    ``disk_free``: bytes. Raises UsageError.
    """
    from huohou.jobs import disk

    run = numbered(number)
    job, place = run.job, standing(run.store, run.job)
    progress = place.look(job)
    plan = _document(run.folder / "plan.json")
    knots = run.store.clock(number, KNOTS)
    found = run.details()
    said = {one["code"]: one.get("severity", "info") for one in found["findings"]}
    aside = dismissals().get(number, set())
    saved = _checkpoints(run, knots)
    totals = run.store.chart(number, (), points=1).totals
    return {
        "schema": 1,
        **found,
        "queue_position": places_of(run.store, [job]).get(number),
        "verdict": verdict(job, said, aside),
        "dismissed": sorted(aside),
        "plan": plan,
        "series": dict(totals),
        "checkpoints": saved,
        "timeline": _timeline(run, plan, knots, place),
        "progress": progress,
        "actions": actions(job, plan is not None, saved),
        "has": {name: (run.folder / name).is_file() for name in ("train.log", "report.html")},
        "disk_free": disk.free_bytes(run.folder) if run.folder.is_dir() else None,
    }


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


# Checkpoints


def _checkpoints(run: "Run", knots: Sequence["Knot"]) -> list[dict[str, Any]]:
    """Checkpoints by step: path, step, epoch, best, there (on the disk), whole (by the sizes of its
    files). there is None for one elsewhere, which is not looked at, whole where it is not known."""
    from huohou.record import checkpoints
    from huohou.record.events import plain

    found: dict[str, dict[str, Any]] = {}
    best = None
    for event in run.store.events(run.job.id, ["checkpoint"]):
        path = _here(run.folder, str(event.get("path", "")))
        best = path if event.get("best") else best
        found[path] = {"path": path, "step": event.get("step")}
    for folder in checkpoints.listed(run.folder / checkpoints.FOLDER):
        path = f"{checkpoints.FOLDER}/{folder.name}"
        found.setdefault(path, {"path": path, "step": checkpoints.step_of(folder)})
    rows = [
        {
            **row,
            "epoch": _epoch_at(knots, row["step"]),
            "best": path == best,
            "there": None if _is_elsewhere(path) else (run.folder / path).is_dir(),
            "whole": None if _is_elsewhere(path) else checkpoints.looks_whole(run.folder / path),
        }
        for path, row in found.items()
    ]
    told: list[dict[str, Any]] = plain(sorted(rows, key=lambda row: row["step"] or 0))
    return told


def _here(folder: Path, path: str) -> str:
    """Path of a checkpoint in the job's folder, also where that has been moved since; of one that
    is elsewhere as it was written."""
    from huohou.record.checkpoints import FOLDER, step_of

    one = Path(path)
    if one.is_absolute() and one.is_relative_to(folder.resolve()):
        return one.relative_to(folder.resolve()).as_posix()
    if step_of(one) is not None and (folder / FOLDER / one.name).is_dir():
        return f"{FOLDER}/{one.name}"
    return path


def _is_elsewhere(path: str) -> bool:
    return Path(path).is_absolute() or ".." in Path(path).parts


def _epoch_at(knots: Sequence["Knot"], step: object) -> float | None:
    """The epoch at a step: of the last process life that did it."""
    if not isinstance(step, int | float):
        return None
    near = [knot for knot in knots if knot.epoch is not None]
    after = [knot for knot in near if knot.step >= step]
    if not after:
        return near[-1].epoch if near and near[-1].step <= step else None
    end = min(after, key=lambda knot: (knot.step, -knot.seg))
    before = [knot for knot in near if knot.seg == end.seg and knot.step <= step]
    begin = max(before, key=lambda knot: knot.step, default=end)
    if begin.epoch is None or end.epoch is None or end.step == begin.step:
        return end.epoch
    part = (step - begin.step) / (end.step - begin.step)
    return begin.epoch + part * (end.epoch - begin.epoch)


# What may be done


def actions(
    job: "Job", is_ours: bool, saved: Sequence[Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """What may be done with a run now: stop, stop_now, resume, branch, remove.

    Each says ``allowed`` and, where it is not, ``why``; resume also ``needs``: "extend_epochs"
    for a run that did all it was planned to do.
    """
    from huohou.jobs.standing import is_live

    live, state = is_live(job), say(f"state.{job.status}")
    whole = any(one["whole"] for one in saved)
    damaged = any(one["whole"] is False and one["there"] for one in saved) and not whole
    foreign = None if is_ours else say("web.why.foreign")
    over = None if live else say("web.why.over", state=state)
    asked = say("web.why.stopping") if job.status == "stopping" else None
    busy = say("web.why.live", state=state) if live else None
    none_whole = say("web.why.damaged") if damaged else None
    found = {
        "stop": _allowed(over or asked),
        "stop_now": _allowed(over),
        "resume": _allowed(foreign or busy or none_whole),
        "branch": _allowed(foreign or none_whole or (None if whole else say("web.why.unsaved"))),
        "remove": _allowed(busy),
    }
    found["resume"]["needs"] = "extend_epochs" if job.status == "completed" else None
    return found


def _allowed(why: str | None) -> dict[str, Any]:
    return {"allowed": why is None, "why": why}


# Planned and actual time


def _timeline(run: "Run", plan: Any, knots: Sequence["Knot"], place: "Standing") -> dict[str, Any]:
    """``planned_seconds`` of the whole training, ``epochs`` and ``moments``.

    epochs: epoch (from 1), planned and actual seconds, ended_at, or expected_at while it is to
    come; moments: t and text of what happened.
    """
    from huohou.record.events import plain
    from huohou.record.workspace import EVENTS, JOURNAL
    from huohou.report.timeline import moments_of

    number, store = run.job.id, run.store
    journal = store.events(number, _JOURNAL_SAYS, file=JOURNAL)
    events = [
        *store.events(number, ["start", "checkpoint"], file=EVENTS),
        *store.events(number, ["log"], file=EVENTS, most=MOMENTS),
    ]
    told = moments_of(journal, events)
    planned = _planned(plan)
    found: dict[str, Any] = plain({
        "planned_seconds": planned,
        "epochs": _epochs(run.job, planned, events, knots, place),
        "moments": [{"t": one.t, "text": one.text} for one in told[-MOMENTS:]],
    })  # fmt: skip
    return found


def _planned(plan: Any) -> float | None:
    predicted = plan.get("prediction") if isinstance(plan, dict) else None
    seconds = predicted.get("seconds") if isinstance(predicted, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None


def _epochs(
    job: "Job",
    planned: float | None,
    events: Sequence[Mapping[str, Any]],
    knots: Sequence["Knot"],
    place: "Standing",
) -> list[dict[str, Any]]:
    import math

    from huohou.jobs.epochs import EpochTimes
    from huohou.jobs.standing import is_live

    times = EpochTimes()
    for event in _in_order(events, knots):
        times.see(event)
    whole = job.epochs if job.epochs and math.isfinite(job.epochs) else 0.0
    last = min(max([math.ceil(whole), *times.seconds], default=0), EPOCHS)
    each = planned / whole if planned and whole else None
    now = min(max(times.seconds, default=1), max(last, 1))
    rows = []
    for epoch in range(1, last + 1):
        over = epoch in times.ended and (epoch < now or times.reached >= epoch)
        expected = None
        if not over and is_live(job) and whole:
            part = min(epoch / whole, 1.0)
            expected = place.reached_at(part)
            if expected is None and planned and job.started_at:
                expected = job.started_at + planned * part
        rows.append({
            "epoch": epoch,
            "planned": each if each is None else each * min(1.0, whole - epoch + 1),
            "actual": times.seconds.get(epoch),
            "ended_at": times.ended[epoch] if over else None,
            "expected_at": expected,
        })  # fmt: skip
    return rows


def _in_order(events: Sequence[Mapping[str, Any]], knots: Sequence["Knot"]) -> list[dict[str, Any]]:
    """Begins of process lives and knots of the clock as events, as they followed each other."""
    starts = [
        (event.get("seg") or 0, -1, {"kind": "start", "t": event.get("t")})
        for event in events
        if event["kind"] == "start"
    ]
    points = [
        (knot.seg, knot.line, {"kind": "metrics", "t": knot.t, "epoch": knot.epoch})
        for knot in knots
    ]
    return [event for *_, event in sorted([*starts, *points], key=lambda one: one[:2])]
