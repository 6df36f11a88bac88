"""Where a run stands at this moment, without reading all that it wrote.

The pace of a run is that of its last steps, so the end of events.jsonl tells it; what came before
(state, steps in all) is in the store.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huohou.jobs.progress import Progress
from huohou.record.events import Event, Follower, plain
from huohou.record.recorder import ACTIVE
from huohou.record.store import Job
from huohou.record.workspace import EVENTS, bytes_of

TAIL = 1 << 18  # bytes of events.jsonl that the first look reads: some thousand steps
_SAID = frozenset({"log", "alert"})


@dataclass(slots=True)
class _Heard:
    """at: unix seconds of the last event of any kind; said: the last line for people."""

    at: float | None = None
    said: str | None = None


class Standing:
    """Folds the newest events of a run. Threads may share one."""

    def __init__(self, folder: Path, job: Job) -> None:
        file = folder / EVENTS
        self._events = Follower(file, max(bytes_of(file) - TAIL, 0))
        self._progress = Progress(steps=job.steps, epochs=job.epochs)
        self._heard = _Heard()
        self._lock = threading.Lock()

    def look(self, job: Job) -> dict[str, Any]:
        """Take in what is new; where the run stands, as the page tells it. job: its row.

        step of steps, epoch of epochs; finish_at: unix seconds and seconds_left, None while it
        cannot be told or the run is not running; tokens_per_s; at: unix seconds of the last thing
        the run said; phase: what it said last before its first step.
        """
        with self._lock:
            while news := self._events.poll():
                for event in news:
                    self._take(event)
            return self._told(job)

    def _take(self, event: Event) -> None:
        if event["kind"] == "start":
            # What a plan foresaw is in the row; here it may be missing, which means nothing.
            known = {k: v for k, v in event.items() if k in ("updates", "epochs") and v is not None}
            event = {"kind": "start", **known}
        elif event["kind"] in _SAID:
            self._heard.said = str(event.get("text", "")).partition("\n")[0]
        t = event.get("t")
        self._heard.at = t if isinstance(t, int | float) else self._heard.at
        if event["kind"] in ("start", "checkpoint", "metrics", "eval"):
            self._progress.see({"path": "", **event})

    def _told(self, job: Job) -> dict[str, Any]:
        seen = self._progress
        runs = job.status in ("running", "stopping")
        finish = seen.finish_at if runs else None
        told = {
            "step": max(seen.step, job.step or 0) if runs else job.step,
            "steps": seen.steps or job.steps,
            "epoch": seen.epoch if runs and seen.at is not None else job.current_epoch,
            "epochs": seen.epochs or job.epochs,
            "finish_at": finish,
            "seconds_left": None if finish is None else max(finish - time.time(), 0.0),
            "tokens_per_s": _number(seen.values, "tokens_per_second") if runs else None,
            "at": self._heard.at,
            "phase": self._heard.said if job.status == "starting" else None,
        }
        found: dict[str, Any] = plain(told)
        return found

    def reached_at(self, part: float) -> float | None:
        """When that part of all steps will have been done, in unix seconds."""
        with self._lock:
            steps = self._progress.steps
            return self._progress.reached_at(steps * min(part, 1.0)) if steps else None


def is_live(job: Job) -> bool:
    """Whether something of it may still change by itself."""
    return job.status in ACTIVE or job.status == "queued"


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    return value if isinstance(value, int | float) else None
