"""The day's log of a workspace: ``logs/huohou-YYYY-MM-DD.log``, a line for each thing that happens.

Each line names its job, ``14:02:11 Job 23 (bank-codes) running``, so that grep finds a job. Every
supervisor appends whole lines; nothing that goes wrong here hurts a job.
"""

import contextlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from huohou.jobs.progress import Progress
from huohou.record import locks
from huohou.record.events import Event, Follower
from huohou.record.recorder import FINAL
from huohou.record.workspace import JOURNAL, day_log, number_of
from huohou.text import say

METRICS_SECONDS = 60.0  # at least between two lines of numbers
LONGEST = 400  # characters of a text; the rest is in the job's folder
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEAD = ("t", "seg", "kind", "step", "epoch", "line")


class DayLog:
    """Writes what happens to one job. seg: process life it is in; what was before is not repeated.

    Anybody may write to the same file at the same moment.
    """

    def __init__(self, folder: Path, seg: int = 0) -> None:
        self._workspace = folder.resolve().parent
        self._number = number_of(folder) or 0
        first = next(iter(Follower(folder / JOURNAL).poll()), {})
        self._name = str(first.get("name") or folder.name.partition("-")[2])
        self._seg = seg
        self._numbers_at: float | None = None

    def see(self, event: Event, progress: Progress) -> None:
        """Take in the next event of either file, in the order of a Supervisor's on_event."""
        if event["kind"] == "queued":
            self._name = str(event.get("name", self._name))
        if event.get("seg", self._seg) < self._seg or not isinstance(event.get("t"), int | float):
            return
        told = self._told(event, progress)
        if told:
            self._append(event["t"], told)

    def _told(self, event: Event, progress: Progress) -> str | None:
        kind = event["kind"]
        if kind == "metrics":
            return self._metrics(event, progress)
        return _TOLD[kind](event) if kind in _TOLD else None

    def _metrics(self, event: Event, progress: Progress) -> str | None:
        if self._numbers_at is not None and event["t"] - self._numbers_at < METRICS_SECONDS:
            return None
        self._numbers_at = event["t"]
        left = progress.finish_at and max(progress.finish_at - event["t"], 0.0)
        ends = say("daylog.left", minutes=f"{left / 60:.1f}") if left is not None else ""
        steps = progress.steps or "?"
        told = say("daylog.metrics", step=event.get("step"), steps=steps, values=_values(event))
        return f"{told}{ends}"

    def _append(self, t: float, text: str) -> None:
        when = datetime.fromtimestamp(t).astimezone()
        line = f"{when:%H:%M:%S} Job {self._number} ({_clean(self._name)}) {_clean(text)}\n"
        with contextlib.suppress(OSError):
            append_line(day_log(self._workspace, when.date()), line.encode("utf-8", "replace"))


def append_line(path: Path, line: bytes) -> None:
    """Add a whole line to a file that others add to as well; OSError when it cannot be written.

    What somebody left torn is closed with a newline before. Who writes at the same moment is
    waited for a little, so that a line on its way is not taken for a torn one.
    """
    path.parent.mkdir(exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        locks.acquire(descriptor)
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(size - 1, 0), os.SEEK_SET)
        torn = size > 0 and os.read(descriptor, 1) != b"\n"
        os.write(descriptor, b"\n" * torn + line)
    finally:
        os.close(descriptor)


def _clean(text: str) -> str:
    """One line without control characters, not longer than LONGEST."""
    plain = _CONTROL.sub(" ", text)
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 3] + "..."


def _values(event: Event) -> str:
    numbers = {k: v for k, v in event.items() if k not in _HEAD and isinstance(v, int | float)}
    return "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())


def _state(event: Event) -> str:
    state = str(event["state"])
    error = str(event.get("error") or "").partition("\n")[0]
    known = say(f"state.{state}") if state in (*FINAL, *_GOING) else state
    return f"{known}: {error}" if error else known


def _queued(event: Event) -> str:
    model = str(event.get("base_model") or "-")
    told = {"recipe": event.get("recipe"), "model": model, "updates": event.get("updates") or "?"}
    return say("daylog.queued", **told)


def _segment(event: Event) -> str:
    return say("daylog.segment", pid=event.get("pid"), host=event.get("host"), seg=event.get("seg"))


def _eval(event: Event) -> str:
    return say("daylog.eval", step=event.get("step"), values=_values(event))


def _checkpoint(event: Event) -> str:
    return say("daylog.checkpoint", step=event.get("step"), path=event.get("path"))


def _alert(event: Event) -> str:
    return f"{_level(event.get('level'))}: {event.get('text')}"


def _finding(event: Event) -> str:
    return f"{_level(event.get('severity'))}: {event.get('code')}: {event.get('title')}"


def _end(event: Event) -> str:
    return say("daylog.end", state=event.get("state"))


def _level(level: Any) -> str:
    known = level in ("error", "warning", "info")
    return say(f"diagnose.severity.{level}") if known else str(level)


_GOING = ("queued", "starting", "running", "stopping")
_TOLD = {
    "queued": _queued,
    "state": _state,
    "segment": _segment,
    "eval": _eval,
    "checkpoint": _checkpoint,
    "alert": _alert,
    "finding": _finding,
    "end": _end,
}
